"""The steps: the whole list in one place, random order and choice, and how they are followed."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Probability, Setting
from pipeline.degradation.blur import (
    Blur,
    BoxBlur,
    DiskBlur,
    GaussianBlur,
    GeneralisedGaussianBlur,
    KernelBlur,
    MotionBlur,
    PlateauBlur,
    SincBlur,
    SizedBlur,
)
from pipeline.degradation.compression import JPEG, WebP
from pipeline.degradation.noise import (
    CameraNoise,
    GaussianNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
)
from pipeline.degradation.quantise import Quantise
from pipeline.degradation.resize import Resize
from pipeline.schema import StrictConfig


class Shuffle(StrictConfig):
    """Steps in random order; resizes keep their order among each other."""

    name: Literal["shuffle"] = "shuffle"
    steps: "list[AnyStep]" = Field(min_length=2)

    def unfold(self, generator: np.random.Generator) -> "list[AnyStep]":
        """Draw an order."""
        shuffled = [self.steps[index] for index in generator.permutation(len(self.steps))]
        resizes = iter([step for step in self.steps if _resizes(step)])
        return [next(resizes) if _resizes(step) else step for step in shuffled]


class Option(StrictConfig):
    """One of several ways, and how often it is taken."""

    probability: Probability
    steps: "list[AnyStep]"


class Choice(StrictConfig):
    """One of several ways; what is missing to 1 is how often nothing happens."""

    name: Literal["choice"] = "choice"
    options: list[Option] = Field(min_length=1)

    @property
    def idle(self) -> float:
        """How often nothing happens."""
        rest = 1 - sum(option.probability for option in self.options)
        return 0.0 if abs(rest) < 1e-9 else rest

    @model_validator(mode="after")
    def _probabilities_fit(self) -> "Choice":
        if self.idle < 0:
            raise ValueError("the probabilities of the options exceed 1 together")
        return self

    def unfold(self, generator: np.random.Generator) -> "list[AnyStep]":
        """Draw an option and return its steps."""
        lot = generator.random()
        for option in self.options:
            lot -= option.probability
            if lot < 0:
                return option.steps
        return [] if self.idle else self.options[-1].steps


AnyStep = Annotated[
    GaussianBlur
    | GeneralisedGaussianBlur
    | PlateauBlur
    | BoxBlur
    | DiskBlur
    | MotionBlur
    | SincBlur
    | KernelBlur
    | Resize
    | GaussianNoise
    | PoissonNoise
    | SpeckleNoise
    | SaltAndPepperNoise
    | CameraNoise
    | JPEG
    | WebP
    | Quantise
    | Shuffle
    | Choice,
    Field(discriminator="name"),
]

for _recursive in (Shuffle, Option, Choice):
    _recursive.model_rebuild()


def follow(
    steps: Sequence[AnyStep], images: Tensor, draws: Draws, setting: Setting
) -> Iterator[tuple[str, Tensor]]:
    """Yield, for a batch of one, the name of each step taken and what it made of the picture."""
    [generator] = draws.generators
    for step in unfold(steps, generator):
        images = step.apply(images, draws, setting)
        yield step.name, images


def apply_all(steps: Sequence[AnyStep], images: Tensor, draws: Draws, setting: Setting) -> Tensor:
    """Send a batch through all steps: together, or one by one where their ways may part."""
    if len(images) > 1 and any(_parts(step) for step in steps):
        singles = zip(images[:, None], draws.each(), strict=True)
        return torch.cat([apply_all(steps, image, draw, setting) for image, draw in singles])
    for step in unfold(steps, draws.generators[0]):
        images = step.apply(images, draws, setting)
    return images


def unfold(steps: Sequence[AnyStep], generator: np.random.Generator) -> Iterator[Operator]:
    """Draw all orders and choices, and yield what is left: operators."""
    for step in steps:
        if isinstance(step, Shuffle | Choice):
            yield from unfold(step.unfold(generator), generator)
        else:
            yield step


def check_chain(steps: Sequence[AnyStep], scale: int) -> None:
    """Refuse a chain whose LR would not be HR / scale, or would be shifted against it.

    Raises:
        ValueError: Naming what the chain leads to and the remedy.
    """
    target = Fraction(1, scale)
    wrong = possible_factors(steps, frozenset({Fraction(1)}), target) - {target}
    if wrong:
        found = " or ".join(
            "a drawn size" if w is None else f"{w} of HR"
            for w in sorted(wrong, key=lambda w: (w is None, w))
        )
        raise ValueError(
            f"chain: leads to {found}, not to 1/{scale} of HR (scale is {scale}); "
            "end it with a resize without factor, which does what remains"
        )
    _check_even_kernels(steps, scale)


def _check_even_kernels(steps: Sequence[AnyStep], scale: int) -> None:
    """A kernel of even size shifts by half a pixel; a decimation by an even factor shifts back."""
    spatial = [step for step in steps if isinstance(step, Blur | Resize | Shuffle | Choice)]
    for step, following in zip_longest(spatial, spatial[1:]):
        if isinstance(step, Shuffle):
            for inner in step.steps:
                _check_even_kernels([inner], scale)
        elif isinstance(step, Choice):
            for option in step.options:
                _check_even_kernels(option.steps, scale)
        elif (
            isinstance(step, SizedBlur)
            and step.largest_size() % 2 == 0
            and not (isinstance(following, Resize) and _decimates_evenly(following, scale))
        ):
            raise ValueError(
                f"chain: {step.name} with a kernel of even size shifts the picture by half a pixel;"
                " take an odd size, or let a resize with method nearest, antialias false and an"
                " even reduction follow"
            )


def _decimates_evenly(step: Resize, scale: int) -> bool:
    factor = Fraction(1, scale) if step.goes_to_lr else step.fixed_factor
    even = factor is not None and factor.numerator == 1 and factor.denominator % 2 == 0
    return step.method == "nearest" and not step.antialias and even


def possible_factors(
    steps: Sequence[AnyStep], before: frozenset[Fraction | None], target: Fraction
) -> frozenset[Fraction | None]:
    """All factors between input and output that steps may lead to; None is a drawn factor.

    Args:
        steps: Steps, of which some resize.
        before: The factors that the input may already have.
        target: What a resize without factor leads to.
    """
    for step in steps:
        if isinstance(step, Resize):
            before = frozenset(_factor_after(step, factor, target) for factor in before)
        elif isinstance(step, Shuffle):
            before = possible_factors(step.steps, before, target)
        elif isinstance(step, Choice):
            ways = [possible_factors(option.steps, before, target) for option in step.options]
            before = frozenset().union(*ways, before if step.idle else ())
    return before


def _factor_after(step: Resize, before: Fraction | None, target: Fraction) -> Fraction | None:
    if step.goes_to_lr:
        return target
    factor, start = step.fixed_factor, target if step.of == "lr" else before
    return None if start is None or factor is None else start * factor


def _parts(step: AnyStep) -> bool:
    if isinstance(step, Shuffle | Choice):
        return True
    return step.may_change_shape_by_picture


def _resizes(step: AnyStep) -> bool:
    if isinstance(step, Shuffle):
        return any(map(_resizes, step.steps))
    if isinstance(step, Choice):
        return any(_resizes(inner) for option in step.options for inner in option.steps)
    return isinstance(step, Resize)
