"""Gradient magnitude similarity deviation.

References:
    Xue et al., "Gradient Magnitude Similarity Deviation: A Highly Efficient Perceptual Image
    Quality Index", IEEE TIP 2014, eq. 1 to 6; the authors' `GMSD.m`, whose borders these are.
"""

from torch import Tensor
from torch.nn import functional

from pipeline.metrics.base import checked_pair

_T = 170.0  # keeps the similarity stable where gradients are small, for intensities in 0..255


def gmsd(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Standard deviation of the similarity of gradients, (N,): 0 for identical pictures.

    Taken at half the size. Several channels are taken as so many pictures, and their values
    averaged.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity; pictures are scaled to 0..255.
        border: Pixels to cut off each side.

    Raises:
        ValueError: If the shapes differ, or a side is shorter than 6 pixels.
    """
    sr, hr = checked_pair(sr, hr, data_range=data_range, border=border, smallest=6, metric="GMSD")
    x, y = (_squared_gradient(_halve(p.double() * (255.0 / data_range))) for p in (sr, hr))
    similarity = (2 * (x * y).sqrt() + _T) / (x + y + _T)
    return similarity.flatten(2).std(dim=2).mean(dim=1)


def _halve(x: Tensor) -> Tensor:
    """Mean of 2x2 pixels; zeros follow an odd last row or column."""
    odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
    return functional.avg_pool2d(functional.pad(x, odd), 2)


def _squared_gradient(x: Tensor) -> Tensor:
    """Squared magnitude by Prewitt's filters, with zeros around the picture."""
    padded = functional.pad(x, (1, 1, 1, 1))
    across = padded[..., 2:] - padded[..., :-2]
    across = across[..., :-2, :] + across[..., 1:-1, :] + across[..., 2:, :]
    down = padded[..., 2:, :] - padded[..., :-2, :]
    down = down[..., :-2] + down[..., 1:-1] + down[..., 2:]
    return (across.square() + down.square()) / 9
