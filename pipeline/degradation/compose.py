"""The steps: the whole list in one place, and how they follow each other."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Setting
from pipeline.degradation.blur import GaussianBlur
from pipeline.degradation.compression import JPEG
from pipeline.degradation.noise import GaussianNoise
from pipeline.degradation.quantise import Quantise
from pipeline.degradation.resize import Resize

AnyOperator = Annotated[
    GaussianBlur | Resize | GaussianNoise | JPEG | Quantise, Field(discriminator="name")
]


def follow(
    steps: Sequence[Operator], images: Tensor, draws: Draws, setting: Setting
) -> Iterator[tuple[str, Tensor]]:
    """Yield each step's name and what it made of the batch."""
    for step in steps:
        images = step.apply(images, draws, setting)
        yield step.name, images  # type: ignore[attr-defined]


def apply_all(steps: Sequence[Operator], images: Tensor, draws: Draws, setting: Setting) -> Tensor:
    """Send a batch through all steps, picture by picture where their ways may part."""
    if len(images) > 1 and any(step.splits_batch for step in steps):
        singles = zip(images[:, None], draws.each(), strict=True)
        return torch.cat([apply_all(steps, image, draw, setting) for image, draw in singles])
    for step in steps:
        images = step.apply(images, draws, setting)
    return images
