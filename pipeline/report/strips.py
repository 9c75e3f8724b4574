"""What a degradation does: the same crop of a picture through every step of its chain."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from pipeline.degradation.config import DegradationConfig, degradation_steps
from pipeline.degradation.presets import PRESETS
from pipeline.images.picture import Picture, as_rgb
from pipeline.images.windows import Window

SHOWN = 192
"""Side of a step's crop in the report, in pixels of the page."""


class Strip(NamedTuple):
    """A degradation's name and its steps: label and crop, all of one size."""

    title: str
    steps: list[tuple[str, Picture]]


def degradation_strips(
    hr: Picture, window: Window, config: DegradationConfig, *, scale: int, seed: int, name: str
) -> list[Strip]:
    """Show the degradation of this run, then every preset, on one picture.

    Args:
        hr: uint8 (H, W, 3), sides multiples of the scale.
        window: The square of HR that is shown.
        config: The degradation of the run.
        scale: Reduction of both sides.
        seed: Seed of the run.
        name: Name of the picture, which seeds what is random in it.
    """
    chains = {"this run": config}
    chains |= {preset: DegradationConfig(preset=preset) for preset in PRESETS}
    strips = []
    for title, chain in chains.items():
        steps = degradation_steps(hr, chain, scale=scale, seed=seed, name=name)
        crops = [(label, _crop(picture, window, hr.shape[0])) for label, picture in steps]
        strips.append(Strip(title, crops))
    return strips


def _crop(picture: Picture, window: Window, hr_height: int) -> Picture:
    """The window's part of a picture of any size, its pixels enlarged as they are."""
    factor = picture.shape[0] / hr_height
    top, left = round(window.top * factor), round(window.left * factor)
    size = max(1, round(window.size * factor))
    part = as_rgb(picture)[top : top + size, left : left + size]
    image = Image.fromarray(part).resize((SHOWN, SHOWN), Image.Resampling.NEAREST)
    return np.asarray(image)
