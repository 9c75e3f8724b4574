"""GMSD against its definition written with SciPy's convolution."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve2d
from torch import Tensor

from pipeline.metrics.gradient import gmsd


def by_definition(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    prewitt = np.array([[1, 0, -1]] * 3) / 3

    def magnitude(picture: NDArray[np.float64]) -> NDArray[np.float64]:
        mean = convolve2d(picture, np.full((2, 2), 0.25), "full")[1:, 1:][::2, ::2]
        parts = [convolve2d(mean, kernel, "same") for kernel in (prewitt, prewitt.T)]
        return np.hypot(*parts)

    a, b = magnitude(x), magnitude(y)
    return float(((2 * a * b + 170) / (a**2 + b**2 + 170)).std(ddof=1))


@pytest.mark.parametrize("shape", [(288, 300), (201, 200), (6, 7)])
def test_it_equals_the_definition(shape: tuple[int, int], photograph: Tensor, noisy: Tensor):
    height, width = shape
    x, y = (p[..., :height, :width] for p in (noisy, photograph))
    expected = by_definition(x[0, 0].numpy(), y[0, 0].numpy())
    assert gmsd(x, y, data_range=255.0, border=0).item() == pytest.approx(expected, abs=1e-12)
