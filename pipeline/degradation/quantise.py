"""Quantisation as a step of a degradation."""

from typing import Literal

from pydantic import Field
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Setting


class Quantise(Operator):
    """Keep `bits` bits a channel."""

    name: Literal["quantise"] = "quantise"
    bits: int = Field(8, ge=1, le=8)

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        return quantise(images, self.bits)


def quantise(images: Tensor, bits: int) -> Tensor:
    """Round half up to the nearest of 2**bits levels from 0 to 255."""
    step = 255 / (2**bits - 1)
    return (images / step + 0.5).floor().clamp(0, 2**bits - 1) * step
