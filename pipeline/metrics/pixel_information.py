"""Visual information fidelity in the pixel domain, a cheap relative of the wavelet form.

References:
    Sheikh and Bovik, "Image Information and Visual Quality", IEEE TIP 2006; the authors'
    `vifp_mscale.m`, whose constants these are.
"""

import torch
from torch import Tensor

from pipeline.metrics.base import checked_pair
from pipeline.metrics.windows import Window, gaussian_window, tiles, window_means

_SIZES = (17, 9, 5, 3)  # of the window at each scale, from fine to coarse; sigma is a fifth
_NOISE = 2.0  # variance of the noise in the eye's channel, for intensities in 0..255
_TOLERANCE = 1e-10  # variances below it count as none
_SMALLEST = 41  # leaves one window at the coarsest scale


def vif_pixel(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Visual information fidelity over four scales of the picture itself.

    Several channels are taken as so many pictures, and their values averaged.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity; pictures are scaled to 0..255.
        border: Pixels to cut off each side.

    Returns:
        (N,): 1 for identical pictures, 0 where nothing is left; above 1 where contrast was
        enhanced.

    Raises:
        ValueError: If the shapes differ, a side is shorter than 41 pixels, or the reference is
            flat and holds no information to keep.
    """
    sr, hr = checked_pair(
        sr, hr, data_range=data_range, border=border, smallest=_SMALLEST, metric="VIF (pixel)"
    )
    pairs = [x.double().flatten(0, 1) * (255.0 / data_range) for x in (sr, hr)]
    values = torch.stack([_vif(x, y) for x, y in zip(*pairs, strict=True)])
    return values.view(sr.shape[:2]).mean(1)


def _vif(judged: Tensor, reference: Tensor) -> Tensor:
    """VIF of one channel, (H, W) in 0..255."""
    information = torch.zeros(2, dtype=torch.float64, device=judged.device)
    for scale, size in enumerate(_SIZES):
        if scale > 0:
            halving = gaussian_window(size, size / 5, stride=2)
            judged, reference = (window_means(x, halving) for x in (judged, reference))
        window = gaussian_window(size, size / 5)
        for pair in tiles(judged, reference, window):
            information += _information(*pair, window)
    kept, whole = information
    if whole <= 0:
        raise ValueError("VIF is not defined for a flat reference, which holds no information")
    return kept / whole


def _information(judged: Tensor, reference: Tensor, window: Window) -> Tensor:
    """Information that the judged picture keeps, and what the reference holds, (2,)."""
    x, y = judged, reference
    mean_x, mean_y, square_x, square_y, product = window_means(
        torch.stack([x, y, x * x, y * y, x * y]), window
    )
    variance_x = square_x.addcmul_(mean_x, mean_x, value=-1).clamp_(min=0)
    variance_y = square_y.addcmul_(mean_y, mean_y, value=-1).clamp_(min=0)
    covariance = product.addcmul_(mean_x, mean_y, value=-1)
    # A flat window of the reference has no signal, and one of the judged picture keeps none.
    variance_y.masked_fill_(variance_y < _TOLERANCE, 0)
    gain = covariance / (variance_y + _TOLERANCE)
    no_signal = (variance_y == 0) | (variance_x < _TOLERANCE) | (gain < 0)
    gain.masked_fill_(no_signal, 0)
    noise = variance_x.addcmul_(gain, covariance, value=-1).clamp_(min=_TOLERANCE)
    kept = gain.square_().mul_(variance_y).div_(noise.add_(_NOISE))
    whole = variance_y.div_(_NOISE)
    return torch.stack([kept.log1p_().sum(), whole.log1p_().sum()])
