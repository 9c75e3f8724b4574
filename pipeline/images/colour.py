"""Colour conversions: ITU-R BT.601 as MATLAB's `rgb2ycbcr` does it, studio range."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Rows are Y, Cb, Cr; for RGB in [0, 255], results in [16, 235] and [16, 240].
_BT601 = (
    (65.481, 128.553, 24.966),
    (-37.797, -74.203, 112.0),
    (112.0, -93.786, -18.214),
)
_OFFSET = (16.0, 128.0, 128.0)


def luma(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """BT.601 luma of an 8-bit picture, not rounded.

    Args:
        image: (H, W, 3) RGB, or (H, W) single-channel, which is luma as it is (the published
            tables of Set14 hold its greyscale picture to that).

    Returns:
        (H, W), in 16..235 for RGB, 0..255 for single-channel.
    """
    if image.ndim == 2:
        return image.astype(np.float64)
    return image.astype(np.float64) @ (np.array(_BT601[0]) / 255.0) + _OFFSET[0]


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """Convert (N, 3, H, W) RGB in [0, 1] to YCbCr, Y in [16/255, 235/255]."""
    matrix, offset = _matrix(rgb)
    return torch.einsum("oc,nchw->nohw", matrix, rgb) + offset


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """Invert `rgb_to_ycbcr`; the result is not clamped."""
    matrix, offset = _matrix(ycbcr)
    inverse = torch.linalg.inv(matrix.double()).to(ycbcr.dtype)
    return torch.einsum("oc,nchw->nohw", inverse, ycbcr - offset)


def rgb_to_luma(rgb: Tensor) -> Tensor:
    """Convert RGB to luma in [16/255, 235/255].

    Args:
        rgb: (N, 3, H, W), in [0, 1], or of 8 bits.

    Returns:
        (N, 1, H, W), float32 for 8 bits.
    """
    eight_bits = rgb.dtype == torch.uint8
    red, green, blue = (weight / (255.0 * 255.0 if eight_bits else 255.0) for weight in _BT601[0])
    # Plane by plane: the same sum as a matrix product, which takes up to four times as long.
    luma = rgb[:, :1].to(torch.float32).mul_(red) if eight_bits else rgb[:, :1] * red
    luma.add_(rgb[:, 1:2], alpha=green).add_(rgb[:, 2:], alpha=blue)
    return luma.add_(_OFFSET[0] / 255.0)


def _matrix(like: Tensor) -> tuple[Tensor, Tensor]:
    matrix = torch.tensor(_BT601, dtype=like.dtype, device=like.device) / 255.0
    offset = torch.tensor(_OFFSET, dtype=like.dtype, device=like.device).view(1, 3, 1, 1) / 255.0
    return matrix, offset
