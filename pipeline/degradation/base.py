"""What a step of a degradation is, and where its randomness comes from."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator
from torch import Tensor

from pipeline.images.resize import Border
from pipeline.schema import StrictConfig

Range = float | list[float]
"""A fixed value, or the ends of an interval that each picture draws from uniformly."""


def within(low: float, high: float) -> BeforeValidator:
    """Validate a `Range`: a number, or two in ascending order, all between `low` and `high`."""
    return BeforeValidator(lambda value: _checked_range(value, low, high))


def _checked_range(value: Any, low: float, high: float) -> Any:
    if value is None:  # where the field allows it, the type says so
        return None
    ends = value if isinstance(value, list) else [value]
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
    if not numbers or len(ends) not in (1, 2) or (isinstance(value, list) and len(ends) != 2):
        raise ValueError(f"should be a number or a list [low, high], not {value!r}")
    if not all(low <= end <= high for end in ends) or ends != sorted(ends):
        raise ValueError(f"should lie in [{low:g}, {high:g}], low end first, not {value!r}")
    return [float(end) for end in ends] if isinstance(value, list) else float(value)


Probability = Annotated[float, BeforeValidator(lambda value: _probability(value))]


def _probability(value: Any) -> Any:
    if isinstance(value, list) or value is None:
        raise ValueError(f"should be one number from 0 to 1, not {value!r}")
    return _checked_range(value, 0, 1)


class Draws:
    """The randomness of a batch: one generator a picture, so that none depends on the others."""

    def __init__(self, generators: Sequence[np.random.Generator]) -> None:
        self.generators = list(generators)

    @classmethod
    def from_seeds(cls, seeds: Sequence[int]) -> "Draws":
        """Counter-based generators (Philox) keyed by one whole number a picture."""
        return cls([np.random.Generator(np.random.Philox(key=int(seed))) for seed in seeds])

    @classmethod
    def from_name(cls, seed: int, name: str) -> "Draws":
        """The generator of one picture, a function of the seed and its name alone."""
        digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
        return cls.from_seeds([int.from_bytes(digest[:16], "little")])

    def __len__(self) -> int:
        return len(self.generators)

    def each(self) -> "list[Draws]":
        """Split into batches of one picture."""
        return [Draws([generator]) for generator in self.generators]

    def uniform(self, interval: Range) -> NDArray[np.float64]:
        """One value a picture, (N,); a fixed value draws nothing."""
        if not isinstance(interval, list):
            return np.full(len(self), float(interval))
        low, high = interval
        return np.array([generator.uniform(low, high) for generator in self.generators])

    def integers(self, interval: Range) -> NDArray[np.int64]:
        """One whole number a picture, (N,), both ends included."""
        if not isinstance(interval, list):
            return np.full(len(self), round(interval))
        low, high = (round(end) for end in interval)
        return np.array([generator.integers(low, high + 1) for generator in self.generators])

    def happens(self, probability: float) -> NDArray[np.bool_]:
        """Whether something of this probability happens, (N,)."""
        return np.array([generator.random() < probability for generator in self.generators])

    def arrays(self, draw: Callable[[np.random.Generator, int], NDArray[Any]]) -> Tensor:
        """Stack one array a picture, drawn by `draw(generator, index)`, as float32."""
        drawn = [draw(generator, index) for index, generator in enumerate(self.generators)]
        return torch.from_numpy(np.stack(drawn).astype(np.float32, copy=False))


@dataclass(frozen=True)
class Setting:
    """What all steps of one run share.

    Attributes:
        lr_size: Height and width of the LR pictures.
        border: What lies outside a picture.
    """

    lr_size: tuple[int, int]
    border: Border


class Operator(StrictConfig):
    """One step of a degradation; subclasses add `name: Literal[...]`, settings and `apply`.

    Pictures travel from step to step as float32 (N, C, H, W) in 8-bit units, 0 to 255, neither
    rounded nor clamped, except by steps that are defined so: MATLAB's `imresize`, JPEG and WebP
    take 8-bit pictures, noise is clipped. The end of the chain rounds half up and clamps.
    """

    name: str

    @property
    def may_change_shape_by_picture(self) -> bool:
        """Whether pictures of one batch may come out with different sizes."""
        return False

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """Degrade a batch; each picture's result depends on itself and its generator only.

        Args:
            images: float32 (N, C, H, W), 0 to 255.
            draws: One generator a picture.
            setting: Size of the LR pictures and borders.

        Returns:
            float32 (N, C, H', W'); the input is left as it was.
        """
        raise NotImplementedError


def round_to_8_bits(images: Tensor) -> Tensor:
    """Round half up and clamp to whole numbers in 0..255, as uint8."""
    return (images + 0.5).clamp_(0, 255).to(torch.uint8)  # conversion cuts the fraction off


def per_picture(values: NDArray[Any]) -> Tensor:
    """Shape one value a picture, (N,), for broadcasting with (N, C, H, W)."""
    return torch.from_numpy(np.asarray(values, np.float32)).view(-1, 1, 1, 1)
