"""Noise as a step of a degradation; levels are in 8-bit units."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.degradation.base import (
    Draws,
    Operator,
    Probability,
    Range,
    Setting,
    per_picture,
    within,
)


class GaussianNoise(Operator):
    """Additive white Gaussian noise, independent per channel or equal in all."""

    name: Literal["gaussian_noise"] = "gaussian_noise"
    level: Annotated[Range, within(0, 255)] = 10.0  # standard deviation, 8-bit units
    grey: Probability = 0.0  # how often the noise is the same in all channels

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        levels = per_picture(draws.uniform(self.level))
        return images + levels * standard_normal(images, draws, self.grey)


def standard_normal(images: Tensor, draws: Draws, grey: float) -> Tensor:
    """Normal noise for a batch, in grey (equal channels) for a share of the pictures."""
    channels, height, width = images.shape[1:]
    is_grey = draws.happens(grey) if 0 < grey < 1 else np.full(len(draws), grey == 1)

    def draw(generator: np.random.Generator, index: int) -> NDArray[np.float32]:
        shape = (1 if is_grey[index] else channels, height, width)
        noise = generator.standard_normal(shape, dtype=np.float32)
        return np.broadcast_to(noise, (channels, height, width))

    return draws.arrays(draw)
