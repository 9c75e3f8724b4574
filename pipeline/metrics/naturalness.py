"""NIQE, the naturalness of a picture without reference, as MATLAB computes it.

A picture's brightness, freed of local mean and contrast, has the same statistics in every
undistorted photograph. NIQE fits a Gaussian to 36 of them over blocks of 96x96 pixels and measures
its distance from the Gaussian of pristine photographs.

The value hangs on the resizer that makes the second scale: MATLAB's antialiased bicubic, without
rounding. For the luma of the top left 480x492 of Set14's `baboon` it gives MATLAB's 5.7296;
`docs/metrics.md` lists what other resizers give.

References:
    Mittal, Soundararajan and Bovik, "Making a Completely Blind Image Quality Analyzer", IEEE SPL
    2013, and the authors' `computequality.m`. The pristine Gaussian in `niqe_pristine.csv` too.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.images.resize import imresize_float
from pipeline.metrics.base import checked
from pipeline.metrics.colour import rounded_luma
from pipeline.metrics.windows import gaussian_window, window_means

_BLOCK = 96
_WINDOW = gaussian_window(7, 7 / 6)
# The release shifts (down, right), wrapping around within the block.
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
# Smaller than any difference of 8-bit pictures from their local mean, larger than rounding errors:
# what lies below is a flat place, whose sign means nothing.
_FLAT = 1e-9
_PRISTINE = Path(__file__).with_name("niqe_pristine.csv")


def niqe(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Distance from natural photographs, (N,): 0 is ideal, photographs have 2 to 6.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range]; luma, or RGB whose BT.601 luma is
            taken. It is judged as an 8-bit picture, rounded.
        hr: Ignored.
        data_range: Largest possible intensity.
        border: Pixels to cut off each side.

    Raises:
        ValueError: If a picture has fewer than two blocks of 96x96 pixels that are not flat.
    """
    sr = checked(sr, data_range=data_range, border=border, smallest=_BLOCK, metric="NIQE")
    return torch.stack([_distance(luma) for luma in rounded_luma(sr, data_range=data_range)])


def _distance(luma: Tensor) -> Tensor:
    """NIQE of one picture, (H, W) in 0..255."""
    features = block_features(luma)
    # Features of a flat block are not numbers. As in the release, what is left of them counts for
    # the mean, but the block does not for the covariance.
    usable = features[~features.isnan().any(1)]
    if len(usable) < 2:
        raise ValueError(
            f"NIQE needs two blocks of {_BLOCK}x{_BLOCK} pixels that are not flat inside the "
            f"border; this picture of {luma.shape[1]}x{luma.shape[0]} has {len(usable)}"
        )
    pristine_mean, pristine_covariance = _pristine()
    difference = pristine_mean - features.nanmean(0)
    precision = torch.linalg.pinv((pristine_covariance + usable.mT.cov()) / 2)
    return (difference @ precision @ difference).sqrt()


def block_features(luma: Tensor) -> Tensor:
    """Features of each block of a picture at two scales.

    Args:
        luma: (H, W), in 0..255; rows and columns after the last whole block are left out.

    Returns:
        (blocks, 36), 18 for each scale; NaN where a block is flat.
    """
    rows, columns = (side // _BLOCK for side in luma.shape)
    full = luma[: rows * _BLOCK, : columns * _BLOCK].double()
    half = torch.from_numpy(imresize_float(full.cpu().numpy(), 0.5)).to(full.device)
    return torch.cat([_scale_features(full, _BLOCK), _scale_features(half, _BLOCK // 2)], 1)


def _scale_features(x: Tensor, side: int) -> Tensor:
    """18 features of each square of so many pixels a side, row of squares by row of squares."""
    half = _WINDOW.size // 2
    padded = functional.pad(x[None, None], (half,) * 4, mode="replicate")[0, 0]
    features = []
    for top in range(0, x.shape[0], side):
        normalised = _normalise(padded[top : top + side + 2 * half])
        blocks = normalised.view(side, -1, side).transpose(0, 1).contiguous()
        products = [blocks * blocks.roll(shift, (1, 2)) for shift in _SHIFTS]
        shape, left, right, mean = fit(blocks)
        parts = [shape, (left + right) / 2]
        for shape, left, right, mean in map(fit, products):
            parts += [shape, mean, left, right]
        features.append(torch.stack(parts, 1))
    return torch.cat(features)


def _normalise(rows: Tensor) -> Tensor:
    """Subtract the local mean and divide by the local deviation plus one."""
    half = _WINDOW.size // 2
    mean, square = window_means(torch.stack([rows, rows * rows]), _WINDOW)
    deviation = square.addcmul_(mean, mean, value=-1).abs_().sqrt_().add_(1)
    difference = rows[half:-half, half:-half] - mean
    return functional.hardshrink(difference, _FLAT).div_(deviation)


def fit(blocks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Fit an asymmetric generalised Gaussian to each block by its moments.

    Args:
        blocks: (B, side, side).

    Returns:
        Shape, left and right scale, and mean, (B,) each; NaN without values of either sign.
    """
    values = blocks.flatten(1)
    negative = values.clamp(max=0)
    square, square_left = (torch.linalg.vector_norm(x, dim=1).square() for x in (values, negative))
    left_count, right_count = _count(values < 0), _count(values > 0)
    absolute = (values.sum(1) - 2 * negative.sum(1)) / values.shape[1]
    left = (square_left / left_count).sqrt()
    right = ((square - square_left) / right_count).sqrt()
    ratio = left / right
    moments = absolute.square() / (square / values.shape[1])
    target = moments * (ratio**3 + 1) * (ratio + 1) / (ratio.square() + 1).square()
    shape = _shape(target)
    one, two, three = (torch.lgamma(k / shape) for k in (1.0, 2.0, 3.0))
    scale = (0.5 * (one - three)).exp()
    left, right = left * scale, right * scale
    return shape, left, right, (right - left) * (two - one).exp()


def _count(mask: Tensor) -> Tensor:
    return mask.view(torch.uint8).sum(1, dtype=torch.int64)


def _shape(target: Tensor) -> Tensor:
    """The shape out of 0.2, 0.201, ..., 10 whose ratio of moments is nearest, as in the release."""
    shapes, ratios = _moment_ratios()
    above = torch.searchsorted(ratios, target.contiguous()).clamp(1, len(ratios) - 1)
    below = above - 1
    nearer = (ratios[below] - target).square() <= (ratios[above] - target).square()
    return torch.where(target.isnan(), torch.nan, shapes[torch.where(nearer, below, above)])


@lru_cache
def _moment_ratios() -> tuple[Tensor, Tensor]:
    """Shapes, and the squared mean modulus over the mean square of each, which grows with it."""
    shapes = 0.2 + 0.001 * torch.arange(9801, dtype=torch.float64)
    one, two, three = (torch.lgamma(k / shapes) for k in (1.0, 2.0, 3.0))
    return shapes, (2 * two - one - three).exp()


@lru_cache
def _pristine() -> tuple[Tensor, Tensor]:
    table = torch.from_numpy(np.loadtxt(_PRISTINE, delimiter=","))
    return table[0], table[1:]
