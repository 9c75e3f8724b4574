"""Noise as a step of a degradation; levels are standard deviations in 8-bit units, 0 to 255.

What noise lifts above white or sinks below black is clipped, as sensors and files do.
"""

from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
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

# Weights of red, green and blue in grey, ITU-R BT.601.
_GREY = np.array([0.299, 0.587, 0.114])


class Noise(Operator):
    """What noises with a share of grey pictures have in common."""

    grey: Probability = 0.0  # how often all channels get the same noise

    def draw_grey(self, draws: Draws) -> NDArray[np.bool_]:
        """Whether each picture gets grey noise, (N,)."""
        return draws.happens(self.grey)


class NormalNoise(Noise):
    """A noise made of normal deviates, with a share whose channels are correlated."""

    correlated: Probability = 0.0  # how often the channels get a random covariance

    @model_validator(mode="after")
    def _shares_fit(self) -> "NormalNoise":
        if self.grey + self.correlated > 1:
            raise ValueError("grey and correlated are shares of the pictures: at most 1 together")
        return self

    def normal(self, images: Tensor, draws: Draws) -> Tensor:
        """Normal deviates for a batch, (N, C, H, W), of variance 1 (less where correlated)."""
        channels, height, width = images.shape[1:]
        kinds = draws.uniform([0.0, 1.0]) if self.grey or self.correlated else np.ones(len(draws))

        def draw(generator: np.random.Generator, index: int) -> NDArray[np.float32]:
            grey = kinds[index] < self.grey
            noise = _normal(generator, (1 if grey else channels, height, width))
            if not grey and kinds[index] < self.grey + self.correlated:
                mixed = _random_mixing(generator, channels) @ noise.reshape(channels, -1)
                noise = mixed.reshape(noise.shape)
            return np.broadcast_to(noise, (channels, height, width))

        return draws.arrays(draw)


def _normal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return generator.standard_normal(shape, dtype=np.float32)


def _random_mixing(generator: np.random.Generator, channels: int) -> NDArray[np.float32]:
    """Square root of a random covariance: random axes, variances from 0 to 1.

    Zhang et al., "Designing a Practical Degradation Model for Deep Blind Image
    Super-Resolution", ICCV 2021, section 3.3.
    """
    axes, _ = np.linalg.qr(generator.standard_normal((channels, channels)))
    return (axes * np.sqrt(generator.random(channels))).astype(np.float32)


class GaussianNoise(NormalNoise):
    """Additive white Gaussian noise."""

    name: Literal["gaussian_noise"] = "gaussian_noise"
    level: Annotated[Range, within(0, 255)] = 10.0

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        levels = per_picture(draws.uniform(self.level))
        return (images + levels * self.normal(images, draws)).clamp(0, 255)


class SpeckleNoise(NormalNoise):
    """Multiplicative Gaussian noise; `level` is its deviation at white."""

    name: Literal["speckle_noise"] = "speckle_noise"
    level: Annotated[Range, within(0, 255)] = 10.0

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`; values outside 0 to 255 are clamped first."""
        levels = per_picture(draws.uniform(self.level) / 255)
        signal = images.clamp(0, 255)
        return (signal + signal * levels * self.normal(images, draws)).clamp(0, 255)


class PoissonNoise(Noise):
    """Shot noise: the light of a pixel is a count of photons."""

    name: Literal["poisson_noise"] = "poisson_noise"
    peak: Annotated[Range, within(1, 1e6)] = 255.0  # photons at white: fewer are noisier
    strength: Annotated[Range, within(0, 10)] = 1.0  # factor on the noise, 1 for real photons

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`; values outside 0 to 255 are clamped first."""
        grey = self.draw_grey(draws)
        peaks, strengths = draws.uniform(self.peak), draws.uniform(self.strength)
        signal = images.clamp(0, 255)

        def draw(generator: np.random.Generator, index: int) -> NDArray[np.float64]:
            light = signal[index].numpy().astype(np.float64)
            if grey[index] and len(light) == 3:
                light = np.tensordot(_GREY, light, axes=1)[None]
            unit = 255 / peaks[index]
            noise = generator.poisson(light / unit) * unit - light
            return np.broadcast_to(strengths[index] * noise, images.shape[1:])

        return (signal + draws.arrays(draw)).clamp(0, 255)


class SaltAndPepperNoise(Noise):
    """Values replaced by white or black; whole pixels where grey, else channel by channel."""

    name: Literal["salt_and_pepper_noise"] = "salt_and_pepper_noise"
    amount: Annotated[Range, within(0, 1)] = 0.05  # share of the values
    salt: Annotated[Range, within(0, 1)] = 0.5  # share of white among them

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        grey = self.draw_grey(draws)
        amount, salt = (per_picture(draws.uniform(share)) for share in (self.amount, self.salt))

        def draw(generator: np.random.Generator, index: int) -> NDArray[np.float32]:
            channels = 1 if grey[index] else images.shape[1]
            lots = generator.random((channels, *images.shape[2:]), dtype=np.float32)
            return np.broadcast_to(lots, images.shape[1:])

        lots = draws.arrays(draw)
        extreme = torch.where(lots < amount * salt, 255.0, 0.0)
        return torch.where(lots < amount, extreme, images)


class CameraNoise(Operator):
    """A sensor's noise: Poisson and Gaussian in linear light, seen through the sRGB curve.

    Foi et al., "Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image
    Raw-Data", IEEE TIP 2008; defaults are the range of Brooks et al., "Unprocessing Images for
    Learned Raw Denoising", CVPR 2019, section 3.1, drawn uniformly.
    """

    name: Literal["camera_noise"] = "camera_noise"
    # Variance per unit of linear light, and variance at black; white is 1.
    shot: Annotated[Range, within(0, 1)] = Field(default_factory=lambda: [0.0001, 0.012])
    read: Annotated[Range, within(0, 1)] = Field(default_factory=lambda: [0.0, 0.0002])

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`; values outside 0 to 255 are clamped first."""
        shots, reads = draws.uniform(self.shot), draws.uniform(self.read)
        signal = images.clamp(0, 255)

        def draw(generator: np.random.Generator, index: int) -> NDArray[np.float64]:
            light = srgb_to_linear(signal[index].numpy().astype(np.float64) / 255)
            if shots[index] > 0:
                light = generator.poisson(light / shots[index]) * shots[index]
            light = light + np.sqrt(reads[index]) * generator.standard_normal(light.shape)
            return 255 * linear_to_srgb(np.clip(light, 0, 1))

        return draws.arrays(draw)


def srgb_to_linear(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo the sRGB curve (IEC 61966-2-1), [0, 1] to [0, 1]."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply the sRGB curve (IEC 61966-2-1), [0, 1] to [0, 1]."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
