"""Blur kernels: square arrays that sum to one, sampled at the pixels' centres.

The elliptic families and the circular low-pass are those of Wang et al., "Real-ESRGAN: Training
Real-World Blind Super-Resolution with Pure Synthetic Data", ICCVW 2021, sections 3.1 and 3.3.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

Kernel = NDArray[np.float64]


def padded(kernel: Kernel, size: int) -> Kernel:
    """Put zeros around a kernel; its middle stays the middle."""
    margin = (size - len(kernel)) // 2
    return np.pad(kernel, margin)


def elliptic_squares(
    size: int, sigma: float, sigma_y: float, rotation: float
) -> NDArray[np.float64]:
    """Squared distance from the middle, measured by an ellipse.

    Args:
        size: Pixels a side.
        sigma: Length of the first axis, in pixels.
        sigma_y: Length of the second axis.
        rotation: Of the first axis from the x axis towards the lower side, in degrees.

    Returns:
        (size, size), one on the ellipse.
    """
    x, y = _grid(size)
    cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    along, across = cosine * x + sine * y, cosine * y - sine * x
    return (along / sigma) ** 2 + (across / sigma_y) ** 2


def gaussian(squares: NDArray[np.float64]) -> Kernel:
    """Gaussian over squared elliptic distances."""
    return generalised_gaussian(squares, 1.0)


def generalised_gaussian(squares: NDArray[np.float64], beta: float) -> Kernel:
    """exp(-d ** (2 beta) / 2); a Gaussian where beta is 1."""
    # Without the smallest exponent the middle is 1, so that the sum is never zero.
    powers = squares**beta
    return _normalised(np.exp(-0.5 * (powers - powers.min())))


def plateau(squares: NDArray[np.float64], beta: float) -> Kernel:
    """1 / (1 + d ** (2 beta)): flat in the middle, with long tails."""
    return _normalised(1 / (1 + squares**beta))


def sinc(size: int, cutoff: float) -> Kernel:
    """Circularly symmetric ideal low-pass, cut off at the kernel's edge.

    Args:
        size: Pixels a side.
        cutoff: Highest frequency that passes, in radians a pixel.
    """
    x, y = _grid(size)
    radius = np.hypot(x, y)
    away = np.maximum(radius, 1e-9)
    ring = cutoff * j1(cutoff * away) / (2 * np.pi * away)
    return _normalised(np.where(radius == 0, cutoff**2 / (4 * np.pi), ring))


def disk_size(radius: float) -> int:
    """Side of the smallest odd square that holds a disk."""
    return 2 * math.ceil(radius - 0.5) + 1 if radius > 0.5 else 1


def disk(radius: float) -> Kernel:
    """Mean over a disk: each pixel weighs what the disk covers of it (to 1/256 of a pixel)."""
    fine = 16
    size = disk_size(radius)
    position = (np.arange(size * fine) + 0.5) / fine - size / 2
    inside = np.hypot(position[:, None], position[None, :]) <= radius
    covered = inside.reshape(size, fine, size, fine).mean(axis=(1, 3))
    return _normalised(covered)


def motion_size(length: float) -> int:
    """Side of the smallest odd square that holds a line of any direction."""
    return 2 * math.ceil((length - 1) / 2 + 0.5) + 1


def motion(length: float, angle: float) -> Kernel:
    """A line: pixels weigh less the farther they are from it, nothing from one pixel on.

    Args:
        length: Pixels.
        angle: From the x axis towards the lower side, in degrees.
    """
    x, y = _grid(motion_size(length))
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = cosine * x + sine * y, cosine * y - sine * x
    beyond = np.maximum(np.abs(along) - (length - 1) / 2, 0.0)
    return _normalised(np.maximum(1 - np.hypot(beyond, across), 0.0))


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    position: NDArray[np.float64] = np.arange(size, dtype=np.float64) - (size - 1) / 2
    return position[None, :], position[:, None]


def _normalised(weights: NDArray[np.float64]) -> Kernel:
    return weights / weights.sum()
