"""One body over all operators: what must hold for each, whatever it does."""

import types
from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from pipeline.degradation.base import Draws, Setting
from pipeline.degradation.blur import Blur
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
    "salt_and_pepper_noise": {"amount": [0.01, 0.1], "salt": [0.2, 0.8], "grey": 0.5},
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


@pytest.fixture(params=sorted(STEPS))
def step(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.txt").write_text("0 1 0\n1 4 1\n0 1 0\n")
    return STEP.validate_python({"name": request.param, **STEPS[request.param]})


def run(step, images, seeds):
    return [
        apply_all([step], image, draw, SETTING)
        for image, draw in zip(images[:, None], Draws.from_seeds(seeds).each(), strict=True)
    ]


def test_the_table_above_has_every_operator():
    union = get_args(AnyStep)[0]
    assert isinstance(union, types.UnionType) or hasattr(union, "__args__")
    names = {kind.model_fields["name"].default for kind in get_args(union)}
    assert names == set(STEPS)


def test_the_same_seed_gives_the_same_values_and_another_seed_others(step, batch):
    seeds = [1, 2, 3, 4]
    first, again, other = (
        run(step, batch, seeds),
        run(step, batch, seeds),
        run(step, batch, [5] * 4),
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    fixed = step.name in ("kernel_blur", "quantise")
    same = all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert same == fixed


def test_a_batch_gives_what_each_picture_gives_in_any_order(step, batch):
    if step.name == "resize":
        step = Resize(rounded=False)
    singles = run(step, batch, [1, 2, 3, 4])
    together = apply_all([step], batch, Draws.from_seeds([1, 2, 3, 4]), SETTING)
    reversed_ = apply_all([step], batch.flip(0), Draws.from_seeds([4, 3, 2, 1]), SETTING).flip(0)
    for index, single in enumerate(singles):
        assert torch.equal(together[index], single[0])
        assert torch.equal(reversed_[index], single[0])


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


def test_degraded_pictures_stay_near_the_original(step, batch):
    if isinstance(step, Resize):
        pytest.skip("a resized picture has another size")
    results = run(step, batch, [1, 2, 3, 4])
    for image, result in zip(batch, results, strict=True):
        assert abs(result.mean() - image.mean()) < 6
        assert (result[0] - image).square().mean().sqrt() < 45


def test_blurs_keep_constants_and_shift_nothing(step):
    if not isinstance(step, Blur):
        pytest.skip("not a blur")
    constant = torch.full((1, 3, 40, 40), 173.0)
    np.testing.assert_allclose(run(step, constant, [3])[0], constant, atol=1e-3)
    dot = torch.zeros(1, 1, 41, 41)
    dot[..., 20, 20] = 1000
    spread = run(step, dot, [3])[0][0, 0].double().numpy()
    place = np.arange(41) - 20
    assert spread.sum() == pytest.approx(1000, abs=0.01)
    assert abs((spread.sum(axis=0) * place).sum()) < 0.5
    assert abs((spread.sum(axis=1) * place).sum()) < 0.5


def test_kernels_sum_to_one(step):
    if not isinstance(step, Blur):
        pytest.skip("not a blur")
    for kernel in step.draw_kernels(Draws.from_seeds(range(50))):
        assert kernel.sum() == pytest.approx(1, abs=1e-12)
        assert len(kernel) <= step.largest_size()
        assert len(kernel) % 2 == 1
