"""Resizing as a step: sizes, factors and alignment."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.degradation.base import Draws, Setting
from pipeline.degradation.resize import Resize
from pipeline.images.resize import imresize

METHODS = ["nearest", "bilinear", "bicubic", "lanczos", "area"]
factors = st.fractions(Fraction(1, 8), Fraction(4), max_denominator=12)


def run(step, image, lr_size=(10, 10), seed=0):
    setting = Setting(lr_size=lr_size, border="symmetric")
    return step.apply(image, Draws.from_seeds([seed]), setting)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), factors)
def test_any_rational_factor_gives_sides_rounded_half_up(height, width, factor):
    result = run(Resize(factor=str(factor)), torch.zeros(1, 1, height, width))
    expected = []
    for side in (height, width):
        exact = side * factor
        near_lr = abs(exact - 10) < 1
        expected.append(10 if near_lr else max(1, math.floor(exact + Fraction(1, 2))))
    assert result.shape[2:] == tuple(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 255), factors, st.sampled_from(METHODS), st.booleans(), st.booleans())
def test_constants_stay_constant(value, factor, method, antialias, rounded):
    step = Resize(factor=str(factor), method=method, antialias=antialias, rounded=rounded)
    result = run(step, torch.full((1, 3, 13, 17), float(value)))
    np.testing.assert_allclose(result, value, atol=0 if rounded else 1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS), st.booleans())
def test_factor_one_is_the_identity(seed, method, antialias):
    values = np.random.default_rng(seed).integers(0, 256, (1, 3, 9, 14)).astype(np.float32)
    step = Resize(factor=1, method=method, antialias=antialias)
    np.testing.assert_array_equal(run(step, torch.from_numpy(values)), values)


@settings(max_examples=30, deadline=None)
@given(factors, st.sampled_from(METHODS), st.booleans(), st.floats(-3, 3))
def test_unrounded_resizing_is_linear(factor, method, antialias, weight):
    one, other = torch.from_numpy(
        np.random.default_rng(3).normal(0, 50, (2, 1, 3, 15, 12)).astype(np.float32)
    )
    step = Resize(factor=str(factor), method=method, antialias=antialias, rounded=False)
    expected = run(step, one) + weight * run(step, other)
    np.testing.assert_allclose(run(step, one + weight * other), expected, atol=1e-3)


def test_a_factor_and_its_reduction_are_the_same(batch):
    for factor, reduction in (("1/3", 3), (0.5, 2), ("2/5", 2.5)):
        first = run(Resize(factor=factor), batch[:1])
        assert torch.equal(first, run(Resize(reduction=reduction), batch[:1]))


def test_without_factor_the_step_leads_to_lr_from_any_size(batch):
    for size in ((48, 48), (7, 31), (24, 24)):
        image = run(Resize(), batch[:1], lr_size=size)
        assert run(Resize(), image, lr_size=(24, 24)).shape[2:] == (24, 24)


def test_relative_to_lr_a_factor_multiplies_the_lr_size(batch):
    assert run(Resize(factor=1.5, of="lr"), batch[:1], lr_size=(24, 12)).shape[2:] == (36, 18)


def test_drawn_factors_fill_their_range_uniformly(batch):
    for step, low, high in (
        (Resize(factor=[0.25, 0.75], rounded=False), 12, 36),
        (Resize(reduction=[1, 4], rounded=False), 12, 48),
    ):
        sides = [run(step, batch[:1], lr_size=(1, 1), seed=seed).shape[2] for seed in range(400)]
        assert low <= min(sides) < low + 2
        assert high - 2 < max(sides) <= high
        drawn = [s / 48 if step.reduction is None else 48 / s for s in sides]
        middle = 0.5 if step.reduction is None else 2.5
        assert np.mean(drawn) == pytest.approx(middle, rel=0.05)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_step_is_matlabs_resize_on_8_bit_pictures(photograph, method, antialias, scale):
    image = torch.from_numpy(photograph.transpose(2, 0, 1)[None].astype(np.float32))
    side = 240 // scale
    step = Resize(method=method, antialias=antialias)
    result = run(step, image, lr_size=(side, side))[0].permute(1, 2, 0).numpy()
    expected = imresize(photograph, 1 / scale, method=method, antialias=antialias)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos", "area"])
@pytest.mark.parametrize("sizes", [[37, 20], [70, 20], [53, 31, 20]])
def test_several_resizes_to_rounded_sizes_shift_nothing(method, sizes):
    # On a ramp each value is its place, and LR pixel i has its centre at 4 i + 1.5.
    image = torch.arange(80.0).expand(1, 1, 80, 80)
    for side in sizes:
        image = run(Resize(method=method, rounded=False), image, lr_size=(side, side))
    error = image[0, 0, 10] - (4 * torch.arange(20.0) + 1.5)
    assert abs(error[3:-3].mean()) < 0.02
