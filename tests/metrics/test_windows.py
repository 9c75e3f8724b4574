"""Weighted means over windows against SciPy."""

import numpy as np
import pytest
import torch
from scipy import signal

from pipeline.metrics.windows import (
    Window,
    gaussian_window,
    row_blocks,
    tiles,
    uniform_window,
    window_means,
)

WINDOWS = [gaussian_window(11, 1.5), gaussian_window(9, 1.8, stride=2), uniform_window(8, 8)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", [(11, 11), (50, 131), (2, 3, 64, 57)])
def test_means_equal_a_plain_correlation(window: Window, shape: tuple[int, ...]):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    plane = x.reshape(-1, *shape[-2:])[-1].numpy()
    weights = np.outer(window.weights, window.weights)
    expected = signal.correlate2d(plane, weights, "valid")[:: window.stride, :: window.stride]
    result = window_means(x, window)
    assert result.shape[:-2] == shape[:-2]
    last = result.reshape(-1, *result.shape[-2:])[-1].numpy()
    np.testing.assert_allclose(last, expected, atol=1e-13)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("cut", [tiles, row_blocks])
def test_tiles_together_see_every_window_once(window: Window, cut):
    x = torch.randn(420, 600, generator=torch.Generator().manual_seed(0))
    parts = [window_means(a, window).sum() for a, _ in cut(x, x, window)]
    assert len(parts) > 1
    whole = window_means(x.double(), window)
    assert torch.stack(parts).sum().item() == pytest.approx(whole.sum().item(), abs=1e-9)


def test_gaussian_weights_are_those_of_matlab_s_fspecial():
    # fspecial('gaussian', [1 3], 0.5)
    weights = gaussian_window(3, 0.5).weights
    np.testing.assert_allclose(
        weights, [0.106506978919, 0.786986042161, 0.106506978919], atol=1e-12
    )


def test_means_are_differentiable():
    x = torch.rand(12, 13, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: window_means(x, gaussian_window(5, 1.0)), x)
