"""Configuration of the degradation, and the functions that carry it out."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor

from pipeline.degradation.base import Draws, Setting, round_to_8_bits
from pipeline.degradation.compose import AnyStep, apply_all, check_chain, follow
from pipeline.degradation.presets import Preset, preset_steps
from pipeline.images.picture import Picture
from pipeline.images.resize import Border
from pipeline.schema import StrictConfig


class DegradationConfig(StrictConfig):
    """How LR is made of HR: a preset, or a chain of steps applied in order."""

    # stored: LR files are written. online: training degrades its patches, anew at each step.
    mode: Literal["stored", "online"] = "stored"
    preset: Preset | None = None  # BI where neither is given
    chain: list[AnyStep] | None = None
    border: Border = "symmetric"  # what lies outside a picture, for resize and blur

    @model_validator(mode="after")
    def _one_source_of_steps(self) -> "DegradationConfig":
        if self.preset is not None and self.chain is not None:
            raise ValueError("preset and chain exclude each other: give one, set the other to null")
        return self

    def steps(self, scale: int) -> list[AnyStep]:
        """The chain, spelled out for a scale.

        Raises:
            ValueError: If the chain does not lead to HR / scale.
        """
        if self.chain is None:
            return preset_steps(self.preset or "BI", scale)
        check_chain(self.chain, scale)
        return self.chain


def degrade(hr: Picture, config: DegradationConfig, *, scale: int, seed: int, name: str) -> Picture:
    """Make the LR picture of an HR picture.

    Args:
        hr: uint8 (H, W, 3) or (H, W), sides multiples of `scale`.
        config: The degradation.
        scale: Reduction of both sides.
        seed: Seed of the whole data set.
        name: Name of the picture; the result depends on (seed, name), never on the order.

    Returns:
        uint8 (H / scale, W / scale, 3) or (H / scale, W / scale).
    """
    lr = apply_all(
        config.steps(scale),
        _to_8_bit_units(hr),
        Draws.from_name(seed, name),
        _setting(hr.shape[:2], config, scale),
    )
    return _to_picture(lr)


def degradation_steps(
    hr: Picture, config: DegradationConfig, *, scale: int, seed: int, name: str
) -> list[tuple[str, Picture]]:
    """Show what each step does: its name and the picture after it, HR first.

    The last picture equals `degrade` with the same arguments.
    """
    pictures = [("HR", hr)]
    draws, setting = Draws.from_name(seed, name), _setting(hr.shape[:2], config, scale)
    for label, images in follow(config.steps(scale), _to_8_bit_units(hr), draws, setting):
        pictures.append((label, _to_picture(images)))
    return pictures


class OnlineDegradation:
    """Degradation of training patches, batch by batch."""

    def __init__(self, config: DegradationConfig, *, scale: int) -> None:
        self.config = config
        self.scale = scale
        self.steps = config.steps(scale)

    def __call__(self, hr: Tensor, seeds: Sequence[int]) -> Tensor:
        """Make the LR batch of an HR batch.

        Args:
            hr: (N, C, H, W) in [0, 1].
            seeds: One a picture; its LR depends on nothing else.

        Returns:
            (N, C, H / scale, W / scale) in [0, 1], multiples of 1/255 as stored pictures have.
        """
        setting = _setting(hr.shape[2:], self.config, self.scale)
        lr = apply_all(self.steps, hr * 255.0, Draws.from_seeds(seeds), setting)
        return round_to_8_bits(lr) / 255.0


def _setting(size: Sequence[int], config: DegradationConfig, scale: int) -> Setting:
    height, width = size
    if height % scale or width % scale:
        raise ValueError(f"HR of {width}x{height} is no multiple of scale {scale}: crop it first")
    return Setting((height // scale, width // scale), config.border)


def _to_8_bit_units(picture: Picture) -> Tensor:
    channels_first = np.atleast_3d(picture).transpose(2, 0, 1)[None]
    return torch.from_numpy(np.ascontiguousarray(channels_first, dtype=np.float32))


def _to_picture(images: Tensor) -> Picture:
    picture = round_to_8_bits(images)[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
