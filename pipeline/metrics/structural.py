"""Structural similarity: SSIM, its mean over chosen windows, and the multi-scale form.

References:
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
    IEEE TIP 2004; the authors' `ssim_index.m` gives the same values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pipeline.metrics.base import checked_pair
from pipeline.metrics.windows import (
    Window,
    gaussian_window,
    tiles,
    uniform_window,
    window_means,
)
from pipeline.schema import StrictConfig

K1, K2 = 0.01, 0.03
GAUSSIAN = gaussian_window(11, 1.5)
BLOCKS = uniform_window(8, stride=8)

Lowpass = Literal["9/7", "2x2"]
Windows = Literal["gaussian", "block"]
# Cohen-Daubechies-Feauveau 9/7, normalised to the sum 1, as metrix_mux prints it.
_HALF_9_7 = (0.037828455507260, -0.023849465019560, -0.110624404418440, 0.377402855612830)
_TAPS_9_7 = (*_HALF_9_7, 0.852698679008890, *reversed(_HALF_9_7))
_LOWPASS_9_7 = Window(tuple(tap / sum(_TAPS_9_7) for tap in _TAPS_9_7), stride=2)
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # from fine to coarse


@dataclass(frozen=True)
class Exponents:
    """Weights of luminance, contrast and structure: SSIM = l^alpha * c^beta * s^gamma."""

    alpha: float = 1.0
    beta: float = 1.0
    gamma: float = 1.0


COMMON = Exponents()


class SSIMOptions(StrictConfig):
    """Options of `ssim`; all one in the common form."""

    alpha: float = Field(1.0, ge=0)
    beta: float = Field(1.0, ge=0)
    gamma: float = Field(1.0, ge=0)


class MSSIMOptions(StrictConfig):
    """Options of `mssim`."""

    window: Windows = "gaussian"


class MSSSIMOptions(StrictConfig):
    """Options of `ms_ssim`."""

    lowpass: Lowpass = "9/7"


def ssim(
    sr: Tensor,
    hr: Tensor,
    *,
    data_range: float,
    border: int,
    alpha: float = 1.0,
    beta: float = 1.0,
    gamma: float = 1.0,
) -> Tensor:
    """Structural similarity in its general form, l^alpha * c^beta * s^gamma.

    The mean over all windows and channels, with the published Gaussian window of 11x11 pixels and
    sigma 1.5. Windows lie inside the picture: no borders are invented.

    Computed in double precision, in tiles that stay in the cache. A loss in training is better off
    with `ssim_map`, which keeps the type it is given.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity, such as 255.
        border: Pixels to cut off each side.
        alpha: Weight of luminance.
        beta: Weight of contrast.
        gamma: Weight of structure. Where it is not a whole number, negative structure counts as 0.

    Returns:
        (N,), 1 for identical pictures.

    Raises:
        ValueError: If the shapes differ, or a picture is smaller than the window.
    """
    pair = checked_pair(
        sr, hr, data_range=data_range, border=border, smallest=GAUSSIAN.size, metric="SSIM"
    )
    exponents = Exponents(alpha, beta, gamma)
    return _mean_ssim(*pair, data_range=data_range, window=GAUSSIAN, exponents=exponents)


def mssim(
    sr: Tensor, hr: Tensor, *, data_range: float, border: int, window: Windows = "gaussian"
) -> Tensor:
    """Mean of the structural similarity over chosen windows.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity, such as 255.
        border: Pixels to cut off each side.
        window: `gaussian`, around each pixel, is the same as `ssim`; `block` are squares of 8x8
            equal weights side by side, so that each pixel counts once.

    Returns:
        (N,), 1 for identical pictures.

    Raises:
        ValueError: If the shapes differ, or a picture is smaller than the window.
    """
    chosen = GAUSSIAN if window == "gaussian" else BLOCKS
    pair = checked_pair(
        sr, hr, data_range=data_range, border=border, smallest=chosen.size, metric="MSSIM"
    )
    return _mean_ssim(*pair, data_range=data_range, window=chosen, exponents=COMMON)


def _mean_ssim(
    sr: Tensor, hr: Tensor, *, data_range: float, window: Window, exponents: Exponents
) -> Tensor:
    def maps(x: Tensor, y: Tensor) -> Tensor:
        if exponents == COMMON and not (x.requires_grad or y.requires_grad):
            return _common_map(x, y, data_range, window)[None]
        return ssim_map(x, y, data_range=data_range, window=window, exponents=exponents)[None]

    return torch.cat([_map_means(x, y, window, maps) for x, y in zip(sr, hr, strict=True)])


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
        window: Weights of a window.
        exponents: Weights of the general form; see `ssim`.

    Returns:
        (..., H', W'), in the type of `sr`.
    """
    if exponents != COMMON:
        return _general_map(sr, hr, data_range, window, exponents)
    luminance, contrast_structure = ssim_terms(sr, hr, data_range=data_range, window=window)
    return luminance * contrast_structure


def _common_map(sr: Tensor, hr: Tensor, data_range: float, window: Window) -> Tensor:
    """The common form's map, in place, which saves a quarter of the time; see `ssim_terms`."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    maps = sr.new_empty(4, *sr.shape)
    torch.add(sr, hr, out=maps[0])
    torch.sub(sr, hr, out=maps[1])
    torch.mul(maps[:2], maps[:2], out=maps[2:])
    means = window_means(maps, window)
    square_s, square_d = squares = means[:2].square_()
    variance_s, variance_d = means[2:].sub_(squares)
    map_ = (square_s - square_d).add_(2 * c1)
    map_ *= (variance_s - variance_d).add_(2 * c2)
    map_ /= square_s.add_(square_d).add_(2 * c1)
    map_ /= variance_s.add_(variance_d).add_(2 * c2)
    return map_


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
    luminance, contrast, structure = ssim_components(sr, hr, data_range=data_range, window=window)
    if exponents.gamma != int(exponents.gamma):
        structure = structure.clamp(min=0)
    return luminance**exponents.alpha * contrast**exponents.beta * structure**exponents.gamma


def ssim_components(
    sr: Tensor, hr: Tensor, *, data_range: float, window: Window = GAUSSIAN
) -> tuple[Tensor, Tensor, Tensor]:
    """Luminance, contrast and structure of each window (paper: eq. 6, 9, 10; C3 = C2 / 2).

    Differentiable; where a window of either picture is flat, the deviations have no gradient.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    means = window_means(torch.stack([sr, hr, sr * sr, hr * hr, sr * hr]), window)
    mean_x, mean_y, square_x, square_y, product = means.unbind()
    squares, mean_product = mean_x.square() + mean_y.square(), mean_x * mean_y
    variance_x = (square_x - mean_x.square()).clamp(min=0)
    variance_y = (square_y - mean_y.square()).clamp(min=0)
    # The square root's slope is infinite at zero: 1e-30 is nothing beside C2.
    deviations = (variance_x * variance_y).clamp(min=1e-30).sqrt()
    luminance = (2 * mean_product + c1) / (squares + c1)
    contrast = (2 * deviations + c2) / (variance_x + variance_y + c2)
    structure = (product - mean_product + c2 / 2) / (deviations + c2 / 2)
    return luminance, contrast, structure


def ms_ssim(
    sr: Tensor, hr: Tensor, *, data_range: float, border: int, lowpass: Lowpass = "9/7"
) -> Tensor:
    """Structural similarity over five scales.

    Contrast and structure count at every scale, luminance at the coarsest, each as the mean of its
    map raised to the scale's weight; channels are averaged with the windows. A negative mean
    counts as 0. Computed in double precision.

    Two forms are in use, and differ in the second digit on blurred pictures. The default is the
    release that evaluations with MATLAB use (`mssim_index.m` of the metrix_mux package): between
    scales a 9/7 wavelet's low-pass filter, symmetric borders, contrast and structure averaged
    apart. The other follows the paper's first author (`msssim.m`; torchmetrics): a mean of 2x2
    pixels, contrast times structure averaged together, luminance times these at the last scale.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity, such as 255.
        border: Pixels to cut off each side.
        lowpass: `9/7` or `2x2`, see above.

    Returns:
        (N,), 1 for identical pictures.

    Raises:
        ValueError: If the shapes differ, or a side is shorter than 161 pixels: the fifth scale
            would be smaller than the window.

    References:
        Wang et al., "Multiscale Structural Similarity for Image Quality Assessment",
        Asilomar 2003, eq. 7.
    """
    sr, hr = checked_pair(
        sr, hr, data_range=data_range, border=border, smallest=161, metric="MS-SSIM"
    )
    form = _FORMS[lowpass]
    pairs = zip(sr.double(), hr.double(), strict=True)
    return torch.stack([_ms_ssim_single(x, y, data_range, form) for x, y in pairs])


@dataclass(frozen=True)
class _Form:
    """What differs between the two forms of MS-SSIM.

    Attributes:
        maps: Gives stacked maps of two tiles: luminance (or what takes its place) first.
        halve: Halves both sides of pictures, (C, H, W).
        last_only: Whether the last scale leaves out the maps after the first.
    """

    maps: Callable[[Tensor, Tensor, float], Tensor]
    halve: Callable[[Tensor], Tensor]
    last_only: bool


def _ms_ssim_single(x: Tensor, y: Tensor, data_range: float, form: _Form) -> Tensor:
    value = torch.ones((), dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(_SCALE_WEIGHTS):
        last = scale == len(_SCALE_WEIGHTS) - 1
        means = _map_means(x, y, GAUSSIAN, lambda a, b: form.maps(a, b, data_range)).clamp(min=0)
        chosen = means[1:] if not last else means[:1] if form.last_only else means
        value = value * chosen.prod() ** weight
        if not last:
            x, y = form.halve(x), form.halve(y)
    return value


def _halve_9_7(x: Tensor) -> Tensor:
    """Filter with reflected borders, edge pixels repeated, and keep every second pixel."""
    half = _LOWPASS_9_7.size // 2
    for axis in (-2, -1):
        before = x.narrow(axis, 0, half).flip(axis)
        after = x.narrow(axis, x.shape[axis] - half, half).flip(axis)
        x = torch.cat([before, x, after], axis)
    return window_means(x, _LOWPASS_9_7)


def _halve_2_2(x: Tensor) -> Tensor:
    """Mean of 2x2 pixels; an odd last row or column is averaged with itself."""
    odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
    return functional.avg_pool2d(functional.pad(x, odd, mode="replicate"), 2)


def _maps_apart(x: Tensor, y: Tensor, data_range: float) -> Tensor:
    return torch.stack(ssim_components(x, y, data_range=data_range))


def _maps_together(x: Tensor, y: Tensor, data_range: float) -> Tensor:
    luminance, contrast_structure = ssim_terms(x, y, data_range=data_range)
    return torch.stack([luminance * contrast_structure, contrast_structure])


_FORMS = {
    "9/7": _Form(_maps_apart, _halve_9_7, last_only=False),
    "2x2": _Form(_maps_together, _halve_2_2, last_only=True),
}


def _map_means(
    x: Tensor, y: Tensor, window: Window, maps: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Means of several maps of one picture, (C, H, W), made tile by tile.

    Args:
        x: Picture.
        y: Reference.
        window: What the maps are made with.
        maps: From two tiles, in double precision, to (K, C, rows, columns).

    Returns:
        (K,).
    """
    sums = [maps(*pair).flatten(1).sum(1) for pair in tiles(x, y, window)]
    windows = window.outputs(x.shape[-2]) * window.outputs(x.shape[-1])
    return torch.stack(sums).sum(0) / (windows * x.shape[0])
