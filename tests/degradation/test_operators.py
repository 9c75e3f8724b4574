"""One body over all operators: what must hold for each, whatever it does."""

from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from pipeline.degradation.base import Draws, Setting
from pipeline.degradation.compose import AnyStep, apply_all
from pipeline.degradation.resize import Resize

STEP = TypeAdapter(AnyStep)
# Every operator with ranges for whatever can be drawn.
STEPS = {
    "gaussian_blur": {"size": [5, 11], "sigma": [0.5, 3], "sigma_y": [1, 2], "rotation": [0, 90]},
    "generalised_gaussian_blur": {"size": [5, 11], "sigma": [0.5, 3], "beta": [0.5, 4]},
    "plateau_blur": {"size": [5, 11], "sigma": [0.5, 3], "beta": [1, 2]},
    "box_blur": {"size": [3, 7]},
    "disk_blur": {"radius": [1, 4]},
    "motion_blur": {"length": [2, 12], "angle": [0, 180]},
    "sinc_blur": {"size": [7, 21], "cutoff": [1, 3]},
    "kernel_blur": {"file": "kernel.txt"},
    "resize": {"factor": [0.3, 1.5], "rounded": False},
    "gaussian_noise": {"level": [5, 25], "grey": 0.4, "correlated": 0.2},
    "poisson_noise": {"peak": [50, 500], "strength": [0.5, 2], "grey": 0.4},
    "speckle_noise": {"level": [5, 25], "grey": 0.4},
    "salt_and_pepper_noise": {"amount": [0.01, 0.03], "salt": [0.2, 0.8], "grey": 0.5},
    "camera_noise": {},
    "jpeg": {"quality": [30, 95]},
    "webp": {"quality": [30, 95]},
    "quantise": {"bits": 4, "dither": "floyd_steinberg"},
    "shuffle": {"steps": [{"name": "box_blur"}, {"name": "jpeg"}, {"name": "gaussian_noise"}]},
    "choice": {
        "options": [
            {"probability": 0.4, "steps": [{"name": "box_blur"}]},
            {"probability": 0.4, "steps": [{"name": "jpeg"}, {"name": "gaussian_noise"}]},
        ]
    },
}
SETTING = Setting(lr_size=(24, 24), border="symmetric")


BLURS = [name for name in STEPS if name.endswith("_blur")]


@pytest.fixture(params=sorted(STEPS))
def step(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.txt").write_text("0 1 0\n1 4 1\n0 1 0\n")
    return STEP.validate_python({"name": request.param, **STEPS[request.param]})


@pytest.fixture
def of_one_size(step):
    """The step, with a factor that is not drawn, so that a batch stays a batch."""
    return Resize(rounded=False) if step.name == "resize" else step


def run(step, images, seeds):
    return [
        apply_all([step], image, draw, SETTING)
        for image, draw in zip(images[:, None], Draws.from_seeds(seeds).each(), strict=True)
    ]


def test_the_table_above_has_every_operator():
    union = get_args(AnyStep)[0]
    assert {kind.model_fields["name"].default for kind in get_args(union)} == set(STEPS)


def test_the_same_seed_gives_the_same_values_and_another_seed_others(step, batch):
    first, again, other = (
        run(step, batch, seeds) for seeds in ([1, 2, 3, 4], [1, 2, 3, 4], [5] * 4)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    fixed = step.name in ("kernel_blur", "quantise")
    same = all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert same == fixed


def test_a_batch_gives_what_each_picture_gives_in_any_order(of_one_size, batch):
    singles = run(of_one_size, batch, [1, 2, 3, 4])
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        draws = Draws.from_seeds([index + 1 for index in order])
        together = apply_all([of_one_size], batch[order], draws, SETTING)
        for result, index in zip(together, order, strict=True):
            assert torch.equal(result, singles[index][0])


def test_the_input_is_left_as_it_was(step, batch):
    before = batch.clone()
    run(step, batch, [1, 2, 3, 4])
    assert torch.equal(batch, before)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (31, 9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_and_greyscale_are_taken(step, channels, size):
    image = torch.full((1, channels, *size), 100.0)
    [result] = run(step, image, [7])
    assert result.dtype == torch.float32
    assert result.shape[:2] == image.shape[:2]
    assert isinstance(step, Resize) or result.shape == image.shape
    assert torch.isfinite(result).all()


def test_degraded_pictures_stay_near_the_original(of_one_size, batch):
    results = run(of_one_size, batch, [1, 2, 3, 4])
    for image, result in zip(batch, results, strict=True):
        assert abs(result.mean() - image.mean()) < 6
        if result[0].shape == image.shape:
            assert (result[0] - image).square().mean().sqrt() < 45


def test_the_written_form_of_a_step_reads_back_as_the_same_step(step):
    assert STEP.validate_python(step.model_dump()) == step


@pytest.mark.parametrize("step", BLURS, indirect=True)
def test_blurs_keep_constants_and_shift_nothing(step):
    constant = torch.full((1, 3, 40, 40), 173.0)
    np.testing.assert_allclose(run(step, constant, [3])[0], constant, atol=1e-3)
    dot = torch.zeros(1, 1, 41, 41)
    dot[..., 20, 20] = 1000
    spread = run(step, dot, [3])[0][0, 0].double().numpy()
    place = np.arange(41) - 20
    assert spread.sum() == pytest.approx(1000, abs=0.01)
    assert abs((spread.sum(axis=0) * place).sum()) < 0.5
    assert abs((spread.sum(axis=1) * place).sum()) < 0.5


@pytest.mark.parametrize("step", BLURS, indirect=True)
def test_drawn_kernels_sum_to_one(step):
    for kernel in step.draw_kernels(Draws.from_seeds(range(50))):
        assert kernel.sum() == pytest.approx(1, abs=1e-12)
        assert len(kernel) <= step.largest_size()
        assert len(kernel) % 2 == 1


RANGES = [
    (name, key, interval)
    for name, values in STEPS.items()
    for key, interval in values.items()
    if isinstance(interval, list) and isinstance(interval[0], int | float)
]


@pytest.mark.parametrize(("name", "key", "interval"), RANGES)
def test_fixed_values_and_values_out_of_order_are_told_apart(name, key, interval):
    STEP.validate_python({"name": name, **STEPS[name], key: interval[1]})
    with pytest.raises(ValueError, match=f"{name}.{key}"):
        STEP.validate_python({"name": name, **STEPS[name], key: interval[::-1]})
    with pytest.raises(ValueError, match=f"{name}.{key}"):
        STEP.validate_python({"name": name, **STEPS[name], key: "much"})
