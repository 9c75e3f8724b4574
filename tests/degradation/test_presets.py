"""Presets: their closed forms, that nothing is shifted, and the published ranges."""

import cv2
import numpy as np
import pytest
import torch

from pipeline.degradation.base import Draws, Setting
from pipeline.degradation.blur import GaussianBlur
from pipeline.degradation.compose import Choice, check_chain, unfold
from pipeline.degradation.config import DegradationConfig, degradation_steps, degrade
from pipeline.degradation.noise import GaussianNoise, PoissonNoise
from pipeline.degradation.presets import PRESETS, preset_steps
from pipeline.images.resize import imresize

SCALES = [2, 3, 4, 8]


def lr_of(hr, preset, scale, *, name="picture", seed=0):
    config = DegradationConfig(preset=preset)
    return degrade(hr, config, scale=scale, seed=seed, name=name)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_chains_that_a_person_could_have_written(preset, scale):
    steps = preset_steps(preset, scale)
    check_chain(steps, scale)
    written = [step.model_dump() for step in steps]
    assert DegradationConfig.model_validate({"chain": written}).steps(scale) == steps


@pytest.mark.parametrize("shape", [(48, 72, 3), (72, 48)])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_give_lr_of_the_size_that_scale_says(photograph, preset, scale, shape):
    hr = photograph[: shape[0], : shape[1]] if len(shape) == 3 else photograph[:72, :48, 0]
    for name in "abcd":
        lr = lr_of(hr, preset, scale, name=name)
        assert lr.dtype == np.uint8
        assert lr.shape == (shape[0] // scale, shape[1] // scale, *shape[2:])


@pytest.mark.parametrize("scale", SCALES)
def test_bi_is_matlabs_resize(photograph, scale):
    np.testing.assert_array_equal(lr_of(photograph, "BI", scale), imresize(photograph, 1 / scale))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bd_is_a_gaussian_blur_of_which_every_scale_th_pixel_stays(photograph, scale):
    reach = 3 if scale == 3 else 6
    place = np.arange(-3, 4) if scale == 3 else np.arange(-6, 6) + 0.5
    row = np.exp(-(place**2) / (2 * 1.6**2))
    kernel = np.outer(row, row) / row.sum() ** 2
    padded = np.pad(photograph.astype(np.float64), ((12, 12), (12, 12), (0, 0)), mode="edge")
    # The middle of 12 taps lies half a pixel before the anchor, that of `scale` pixels as well.
    blurred = cv2.filter2D(padded, -1, kernel, anchor=(reach, reach))[12:-12, 12:-12]
    expected = np.floor(blurred + 0.5)[scale // 2 :: scale, scale // 2 :: scale]
    difference = np.abs(lr_of(photograph, "BD", scale) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_bd_is_the_published_seven_by_seven_at_x3_alone():
    blur = [preset_steps("BD", scale)[0] for scale in (2, 3, 4)]
    assert all(isinstance(step, GaussianBlur) and step.sigma == 1.6 for step in blur)
    assert [step.size for step in blur] == [12, 7, 12]  # ceil(3 sigma) each way elsewhere


def test_dn_is_bicubic_and_noise_of_level_30():
    # In the middle of the range, so that nothing is clipped.
    hr = np.full((384, 384, 3), 128, np.uint8)
    error = lr_of(hr, "DN", 3).astype(np.float64) - 128
    # Rounding to 8 bits adds the variance 1/12; 49152 values know the deviation to 0.3 %.
    assert error.std() == pytest.approx(np.sqrt(30**2 + 1 / 12), rel=0.012)
    assert abs(error.mean()) < 0.5


def test_pictures_of_one_data_set_get_noise_of_their_own(photograph):
    noisy = [
        lr_of(photograph, "DN", 3, name=name, seed=seed)
        for name, seed in (("a", 0), ("b", 0), ("a", 1))
    ]
    clean = lr_of(photograph, "BI", 3).astype(np.float64)
    residuals = [(lr - clean).ravel() for lr in noisy]
    assert np.abs(np.corrcoef(residuals) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_shifts_lr_against_hr(preset, scale):
    # On smooth waves a shift of d pixels changes LR by d times its gradient.
    side = 36 * scale
    y, x = np.mgrid[:side, :side] / side * 2 * np.pi
    hr = np.repeat((128 + 50 * np.sin(2 * x) + 50 * np.sin(2 * y))[:, :, None], 3, axis=2)
    hr = np.floor(hr + 0.5).astype(np.uint8)
    clean = lr_of(hr, "BI", scale).mean(axis=2)
    inner = slice(6, -6)
    slopes = [slope[inner, inner].ravel() for slope in np.gradient(clean)]
    design = np.stack([*slopes, np.ones_like(slopes[0]), clean[inner, inner].ravel()], axis=1)
    random = preset in ("DN", "BSRGAN", "Real-ESRGAN")
    shifts = []
    for seed in range(16 if random else 1):
        change = (lr_of(hr, preset, scale, seed=seed).mean(axis=2) - clean)[inner, inner].ravel()
        solution = np.linalg.lstsq(design, change, rcond=None)[0]
        shifts.append(solution[:2])
    # Half a pixel of HR, the mistake that this is about, is 1 / (2 scale) of LR.
    assert np.abs(np.median(shifts, axis=0)).max() < (0.3 if random else 0.1) / (2 * scale)


def operators_of(preset, scale, count=300):
    steps = preset_steps(preset, scale)
    for seed in range(count):
        yield list(unfold(steps, np.random.default_rng(seed)))


@pytest.mark.parametrize("scale", [2, 4])
def test_bsrgan_shuffles_seven_parts_and_ends_with_jpeg(scale):
    first = set()
    for operators in operators_of("BSRGAN", scale):
        assert operators[-1].name == "jpeg"
        names = [operator.name for operator in operators]
        assert names.count("gaussian_noise") == 1
        assert 2 <= names.count("gaussian_blur") <= 3
        assert names.count("resize") >= 2
        first.add(names[0])
    assert {"gaussian_blur", "gaussian_noise", "resize", "jpeg", "camera_noise"} <= first


def test_real_esrgan_is_of_second_order_with_the_published_shares():
    found = list(operators_of("Real-ESRGAN", 4, 1000))
    blurs = [sum(operator.name.endswith("_blur") for operator in way) for way in found]
    noises = [sum(isinstance(op, GaussianNoise | PoissonNoise) for op in way) for way in found]
    jpegs = [sum(operator.name == "jpeg" for operator in way) for way in found]
    assert set(noises) == {2}
    assert set(jpegs) == {2}
    # One blur, a second in 80 %, and a final sinc in 80 %.
    assert np.mean(blurs) == pytest.approx(2.6, abs=0.08)
    gaussian = np.mean([isinstance(way[0], GaussianBlur) for way in found])
    assert gaussian == pytest.approx(0.9 * (0.45 + 0.25), abs=0.05)
    assert np.mean([way[0].name == "sinc_blur" for way in found]) == pytest.approx(0.1, abs=0.03)
    enlarged = [way[1].factor == [1.0, 1.5] for way in found]
    shrunk = [way[1].factor == [0.15, 1.0] for way in found]
    assert np.mean(enlarged) == pytest.approx(0.2, abs=0.04)
    assert np.mean(shrunk) == pytest.approx(0.7, abs=0.05)


def ranges_of(steps, kind):
    for step in steps:
        if isinstance(step, Choice):
            yield from (r for option in step.options for r in ranges_of(option.steps, kind))
        elif step.name == kind:
            yield step


def test_real_esrgan_has_the_published_ranges():
    steps = preset_steps("Real-ESRGAN", 4)
    assert [s.level for s in ranges_of(steps, "gaussian_noise")] == [[1.0, 30.0], [1.0, 25.0]]
    assert [s.strength for s in ranges_of(steps, "poisson_noise")] == [[0.05, 3.0], [0.05, 2.5]]
    assert {tuple(s.quality) for s in ranges_of(steps, "jpeg")} == {(30.0, 95.0)}
    assert {tuple(s.sigma) for s in ranges_of(steps, "gaussian_blur")} == {(0.2, 3.0), (0.2, 1.5)}
    assert all(s.grey == 0.4 for s in ranges_of(steps, "gaussian_noise"))


@pytest.mark.parametrize("preset", PRESETS)
def test_steps_are_shown_from_hr_to_what_is_stored(photograph, preset):
    config = DegradationConfig(preset=preset)
    shown = degradation_steps(photograph, config, scale=4, seed=3, name="a")
    assert shown[0][0] == "HR"
    np.testing.assert_array_equal(shown[0][1], photograph)
    np.testing.assert_array_equal(shown[-1][1], lr_of(photograph, preset, 4, name="a", seed=3))
    assert all(lr.dtype == np.uint8 and lr.shape[2:] == (3,) for _, lr in shown)


def test_every_step_is_shown_by_its_name(photograph):
    config = DegradationConfig(preset="BD")
    shown = degradation_steps(photograph, config, scale=4, seed=3, name="a")
    names = ["HR", "gaussian_blur", "quantise", "resize"]
    assert [name for name, _ in shown] == names
    assert [picture.shape[0] for _, picture in shown] == [240, 240, 240, 60]


def test_a_blur_of_even_size_before_decimation_keeps_a_dot_in_its_place():
    blur, _, decimate = preset_steps("BD", 4)
    setting = Setting(lr_size=(24, 24), border="symmetric")
    draws = Draws.from_seeds([0])
    y, x = np.mgrid[:96, :96]
    dot = 200 * np.exp(-((x - 47.5) ** 2 + (y - 47.5) ** 2) / (2 * 8**2))
    image = torch.from_numpy(dot[None, None].astype(np.float32))
    lr = decimate.apply(blur.apply(image, draws, setting), draws, setting)[0, 0].double().numpy()
    place = np.arange(24)
    # The middle of HR, 47.5, is the middle of LR, 11.5.
    assert (lr.sum(axis=0) * place).sum() / lr.sum() == pytest.approx(11.5, abs=0.02)
    assert (lr.sum(axis=1) * place).sum() / lr.sum() == pytest.approx(11.5, abs=0.02)
