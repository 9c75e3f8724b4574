"""Structural similarity: SSIM, its mean over chosen windows, and the multi-scale form.

References:
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
    IEEE TIP 2004; the authors' `ssim_index.m` gives the same values.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.metrics.base import checked_pair
from pipeline.metrics.windows import Window, gaussian_window, window_means

K1, K2 = 0.01, 0.03
GAUSSIAN = gaussian_window(11, 1.5)

# Rows of windows handled at once: the maps of one block stay in a core's cache.
_ROWS = 32


@dataclass(frozen=True)
class Exponents:
    """Weights of luminance, contrast and structure: SSIM = l^alpha * c^beta * s^gamma."""

    alpha: float = 1.0
    beta: float = 1.0
    gamma: float = 1.0


COMMON = Exponents()


def ssim(
    sr: Tensor,
    hr: Tensor,
    *,
    data_range: float,
    border: int,
    window: Window = GAUSSIAN,
    exponents: Exponents = COMMON,
) -> Tensor:
    """Structural similarity, mean over all windows and channels.

    Computed in double precision, without gradients, in blocks of rows that stay in the cache; use
    `ssim_map` for a loss.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity, such as 255.
        border: Pixels to cut off each side.
        window: Weights of a window; by default the published Gaussian of 11x11 pixels with
            sigma 1.5. Windows lie inside the picture: no borders are invented.
        exponents: The general form's weights; all one in the common form.

    Returns:
        (N,), 1 for identical pictures.

    Raises:
        ValueError: If the shapes differ, or a picture is smaller than the window.
    """
    sr, hr = checked_pair(
        sr, hr, data_range=data_range, border=border, smallest=window.size, metric="SSIM"
    )
    with torch.no_grad():
        sums = [_ssim_sum(x, y, data_range, window, exponents) for x, y in zip(sr, hr, strict=True)]
    windows = sr.shape[1] * window.outputs(sr.shape[2]) * window.outputs(sr.shape[3])
    return torch.stack(sums) / windows


def ssim_map(
    sr: Tensor,
    hr: Tensor,
    *,
    data_range: float,
    window: Window = GAUSSIAN,
    exponents: Exponents = COMMON,
) -> Tensor:
    """Structural similarity of each window, differentiable.

    Args:
        sr: Picture to judge, (..., H, W), floating point.
        hr: Reference, same shape and type.
        data_range: Largest possible intensity, such as 1.
        window: See `ssim`.
        exponents: See `ssim`. Where gamma is not a whole number, negative structure counts as 0.

    Returns:
        (..., H', W'), in the type of `sr`.
    """
    if exponents != COMMON:
        return _general_map(sr, hr, data_range, window, exponents)
    luminance, contrast_structure = ssim_terms(sr, hr, data_range=data_range, window=window)
    return luminance * contrast_structure


def ssim_terms(
    sr: Tensor, hr: Tensor, *, data_range: float, window: Window = GAUSSIAN
) -> tuple[Tensor, Tensor]:
    """Luminance, and the product of contrast and structure, of each window; differentiable.

    The four means needed are those of the sum s, the difference d, and their squares: with them
    4 mean(x) mean(y) = mean(s)^2 - mean(d)^2 and 4 cov(x, y) = var(s) - var(d), one filter less
    than by the definition.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    total, difference = sr + hr, sr - hr
    maps = torch.stack([total, difference, total * total, difference * difference])
    mean_s, mean_d, square_s, square_d = window_means(maps, window).unbind()
    mean_s, mean_d = mean_s * mean_s, mean_d * mean_d
    variance_s, variance_d = square_s - mean_s, square_d - mean_d
    luminance = (mean_s - mean_d + 2 * c1) / (mean_s + mean_d + 2 * c1)
    structure = (variance_s - variance_d + 2 * c2) / (variance_s + variance_d + 2 * c2)
    return luminance, structure


def _general_map(
    sr: Tensor, hr: Tensor, data_range: float, window: Window, exponents: Exponents
) -> Tensor:
    """Equation 12 of the paper with C3 = C2 / 2."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    means = window_means(torch.stack([sr, hr, sr * sr, hr * hr, sr * hr]), window)
    mean_x, mean_y, square_x, square_y, product = means.unbind()
    variance_x = (square_x - mean_x * mean_x).clamp(min=0)
    variance_y = (square_y - mean_y * mean_y).clamp(min=0)
    deviations = (variance_x * variance_y).sqrt()
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    contrast = (2 * deviations + c2) / (variance_x + variance_y + c2)
    structure = (product - mean_x * mean_y + c2 / 2) / (deviations + c2 / 2)
    if exponents.gamma != int(exponents.gamma):
        structure = structure.clamp(min=0)
    return luminance**exponents.alpha * contrast**exponents.beta * structure**exponents.gamma


def _ssim_sum(
    x: Tensor, y: Tensor, data_range: float, window: Window, exponents: Exponents
) -> Tensor:
    """Sum over all windows of one picture, (C, H, W)."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    rows = window.outputs(x.shape[-2])
    for start in range(0, rows, _ROWS):
        length = (min(_ROWS, rows - start) - 1) * window.stride + window.size
        block_x, block_y = (p.narrow(-2, start * window.stride, length).double() for p in (x, y))
        values = ssim_map(
            block_x, block_y, data_range=data_range, window=window, exponents=exponents
        )
        total += values.sum()
    return total
