"""The blur that a low-resolution picture was made with, estimated from the picture alone.

Photographs have power spectra that fall as a power of the frequency; a blur before the reduction
lets them fall faster, as the squared response of its kernel does. The model is

    P(f) = A(direction) |f|^-alpha |B(f)|^2 exp(-4 pi^2 f' Sigma f) + rounding noise,

with A of second order in the direction (pictures have preferred ones), the known response B of
MATLAB's bicubic reduction, and an anisotropic Gaussian blur of covariance Sigma. Its parameters
maximise Whittle's likelihood of the periodogram, with a weak prior on alpha.

Whittle, "Estimation and Information in Stationary Time Series", Arkiv foer Matematik 1953; spectra
of photographs: Field, JOSA A 1987. Measured at x2 on 30 pictures of General100 (blur before
bicubic): for standard deviations of 2 and 1 pixels the median estimates are 2.02 and 1.04, half
of them within 0.06 and 0.1, the angle within 2.3 degrees; without blur the median is below 0.5.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.degradation.kernels import Kernel
from pipeline.images.resize import cubic

# Exponent of the power spectrum and its spread, over the sets Set5 and General100 reduced by 2.
ALPHA, ALPHA_SPREAD = 2.9, 0.3

# Rounding of the LR's luma to 8 bits and of the passes before, in squared intensity units.
_ROUNDING = 0.04

# Cycles per LR pixel: below, the window leaks and pictures differ; above, frequencies fold back.
_LOWEST, _HIGHEST = 0.04, 0.42

# Samples of the windowed periodogram that carry the information of one independent sample.
_CORRELATED = 8


def estimate_blur(lr: NDArray[np.float64], *, scale: int) -> NDArray[np.float64]:
    """Estimate the Gaussian blur that acted on HR before its bicubic reduction.

    Args:
        lr: Luma of the LR picture, (H, W), in 0..255, at least 32x32.
        scale: Reduction of both sides.

    Returns:
        Covariance of the blur, (2, 2), axes x and y, in squared HR pixels; positive
        semidefinite, zero where the picture is as sharp as a bicubic reduction.

    Raises:
        ValueError: If the picture is too small.
    """
    if min(lr.shape) < 32:
        raise ValueError(
            f"a blur is estimated from at least 32x32 pixels, not {lr.shape[1]}x{lr.shape[0]}"
        )
    power, fx, fy = _periodogram(lr)
    radius, angle = np.hypot(fx, fy), np.arctan2(fy, fx)
    known = 2 * np.log(_bicubic_response(fx / scale, scale) * _bicubic_response(fy / scale, scale))
    decay = 4 * math.pi**2 / scale**2
    terms = np.stack(
        [
            np.ones_like(radius),
            np.cos(2 * angle),
            np.sin(2 * angle),
            -np.log(radius),
            -decay * fx**2,
            -2 * decay * fx * fy,
            -decay * fy**2,
        ],
        axis=1,
    )
    a, b, c = _fit(terms, known, power, weights=1 / radius)[4:]
    variances, axes = np.linalg.eigh(np.array([[a, b], [b, c]]))
    covariance: NDArray[np.float64] = axes @ np.diag(variances.clip(min=0)) @ axes.T
    return covariance


def gaussian_kernel(covariance: NDArray[np.float64]) -> Kernel:
    """Sample a Gaussian with a covariance, odd size, to three standard deviations.

    Directions in which it is narrower than 0.2 pixels get that width, so that it can be sampled.
    """
    variances, axes = np.linalg.eigh(covariance)
    inverse = axes @ np.diag(1 / variances.clip(min=0.04)) @ axes.T
    reach = max(1, math.ceil(3 * math.sqrt(max(variances.max(), 0.0))))
    position = np.arange(-reach, reach + 1, dtype=np.float64)
    points = np.stack(np.meshgrid(position, position), axis=-1)  # x, y
    weights = np.exp(-0.5 * np.einsum("hwi,ij,hwj->hw", points, inverse, points))
    kernel: Kernel = weights / weights.sum()
    return kernel


def _periodogram(
    lr: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Power at the frequencies of half the plane that are used, and these, in cycles per pixel."""
    height, width = lr.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    centred = (lr - np.average(lr, weights=window)) * window
    power = np.abs(np.fft.fft2(centred)) ** 2 / np.square(window).sum()
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    radius = np.hypot(fx, fy)
    used = (radius > _LOWEST) & (radius < _HIGHEST) & ((fx > 0) | ((fx == 0) & (fy > 0)))
    return power[used], fx[used], fy[used]


def _bicubic_response(frequency: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Response of the antialiased cubic kernel along one axis, frequency in cycles per HR pixel."""
    position = np.arange(-2 * scale + 0.5, 2 * scale)
    weights = cubic(position / scale)
    phases = 2 * np.pi * frequency[:, None] * position
    return np.abs(np.cos(phases) @ weights) / weights.sum()


def _fit(
    terms: NDArray[np.float64],
    known: NDArray[np.float64],
    power: NDArray[np.float64],
    *,
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Maximise Whittle's likelihood; each ring of frequencies weighs the same."""
    weights = weights / weights.sum()
    prior = _CORRELATED / len(power) / ALPHA_SPREAD**2

    def negative_likelihood(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        signal = np.exp(np.clip(terms @ x + known, -50, 50))
        expected = signal + _ROUNDING
        value = weights @ (np.log(expected) + power / expected)
        slope = terms.T @ (weights * (1 / expected - power / expected**2) * signal)
        slope[3] += prior * (x[3] - ALPHA)
        return float(value + prior / 2 * (x[3] - ALPHA) ** 2), slope

    root = np.sqrt(weights)
    # The logarithm of an exponential variable lies 0.577 below that of its mean.
    target = np.log(np.maximum(power, _ROUNDING)) + np.euler_gamma - known
    start = np.linalg.lstsq(terms * root[:, None], target * root, rcond=None)[0]
    found: NDArray[np.float64] = minimize(negative_likelihood, start, jac=True, method="L-BFGS-B").x
    return found
