"""Quantisation as a step of a degradation."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Setting

Dither = Literal["none", "ordered", "floyd_steinberg"]


class Quantise(Operator):
    """Keep `bits` bits a channel."""

    name: Literal["quantise"] = "quantise"
    bits: int = Field(8, ge=1, le=8)
    dither: Dither = "none"

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        return quantise(images, self.bits, self.dither)


def quantise(images: Tensor, bits: int, dither: Dither) -> Tensor:
    """Round half up to one of 2**bits levels from 0 to 255, both included.

    Args:
        images: (N, C, H, W), 0 to 255.
        bits: Bits a channel.
        dither: Nothing; Bayer's 8x8 pattern; or Floyd and Steinberg's error diffusion.

    References:
        Bayer, "An optimum method for two-level rendition of continuous-tone pictures", ICC 1973;
        Floyd and Steinberg, "An adaptive algorithm for spatial greyscale", Proc. SID 1976.
    """
    highest = 2**bits - 1
    levels = images * (highest / 255)
    if dither == "ordered":
        levels = levels + _bayer_offsets(*images.shape[2:])
    if dither == "floyd_steinberg":
        return _diffused(levels, highest) * (255 / highest)
    return (levels + 0.5).floor().clamp(0, highest) * (255 / highest)


def _bayer_offsets(height: int, width: int) -> Tensor:
    """Thresholds of mean zero between -1/2 and 1/2, tiled over a picture."""
    pattern = np.zeros((1, 1))
    for _ in range(3):
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    offsets = (pattern + 0.5) / 64 - 0.5
    tiled = np.tile(offsets, (-(-height // 8), -(-width // 8)))[:height, :width]
    return torch.from_numpy(tiled.astype(np.float32))


def _diffused(levels: Tensor, highest: int) -> Tensor:
    """Error diffusion; all pixels with the same x + 2 y are ready at once, and go together."""
    height, width = levels.shape[2:]
    # A margin of one column on each side and one row below takes the errors that leave.
    field: NDArray[np.float32] = np.zeros((*levels.shape[:2], height + 1, width + 2), np.float32)
    field[:, :, :-1, 1:-1] = levels.numpy()
    for front in range(width + 2 * (height - 1)):
        y = np.arange(max(0, (front - width + 2) // 2), min(height, front // 2 + 1))
        x = front - 2 * y + 1
        value = field[:, :, y, x]
        kept = np.clip(np.floor(value + np.float32(0.5)), 0, highest)
        error = value - kept
        field[:, :, y, x] = kept
        field[:, :, y, x + 1] += error * np.float32(7 / 16)
        field[:, :, y + 1, x - 1] += error * np.float32(3 / 16)
        field[:, :, y + 1, x] += error * np.float32(5 / 16)
        field[:, :, y + 1, x + 1] += error * np.float32(1 / 16)
    return torch.from_numpy(field[:, :, :-1, 1:-1].copy())
