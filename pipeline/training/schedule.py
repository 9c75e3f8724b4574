"""Learning-rate schedules as pure functions of the step, so that resuming needs no state.

`factor(step, steps)` multiplies the optimiser's learning rate at a step counted from 0.
"""

import math
from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from pipeline.schema import StrictConfig


class ScheduleConfig(StrictConfig):
    """Settings of one schedule; subclasses add `name: Literal[...]` and `shape`.

    Attributes:
        warmup_steps: Steps over which the learning rate first rises in a straight line.
    """

    warmup_steps: int = Field(0, ge=0)

    def factor(self, step: int, steps: int) -> float:
        """What the learning rate is multiplied with at a step of `steps`."""
        warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return warmup * self.shape(step, steps)

    @abstractmethod
    def shape(self, step: int, steps: int) -> float:
        """The factor without warm-up."""
        raise NotImplementedError


class ConstantConfig(ScheduleConfig):
    """The same learning rate throughout."""

    name: Literal["constant"] = "constant"

    def shape(self, step: int, steps: int) -> float:
        """One."""
        return 1.0


class StepConfig(ScheduleConfig):
    """A multiplication with `gamma` every `every` steps."""

    name: Literal["step"] = "step"
    every: int = Field(gt=0)
    gamma: float = Field(0.5, gt=0, le=1)  # halved in EDSR, RCAN and most after them

    def shape(self, step: int, steps: int) -> float:
        """`gamma` to the number of whole intervals passed."""
        return self.gamma ** (step // self.every)


class MultiStepConfig(ScheduleConfig):
    """A multiplication with `gamma` at each of the steps `at`."""

    name: Literal["multi_step"] = "multi_step"
    at: list[Annotated[int, Field(gt=0)]] = Field(min_length=1)
    gamma: float = Field(0.5, gt=0, le=1)

    def shape(self, step: int, steps: int) -> float:
        """`gamma` to the number of steps in `at` that have come."""
        return self.gamma ** sum(step >= at for at in self.at)


class CosineConfig(ScheduleConfig):
    """Half a cosine from one down to `floor`.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    eq. 5, without restarts.
    """

    name: Literal["cosine"] = "cosine"
    floor: float = Field(0.0, ge=0, lt=1)

    def shape(self, step: int, steps: int) -> float:
        """Fall from one at the first step to `floor` after the last."""
        return _cosine(1.0, self.floor, step / steps)


class OneCycleConfig(ScheduleConfig):
    """A rise by a cosine to the full learning rate, then a long fall to almost nothing.

    Smith and Topin, "Super-Convergence", 2018; the defaults are those of PyTorch's `OneCycleLR`.
    The momentum stays as it is.
    """

    name: Literal["one_cycle"] = "one_cycle"
    rise: float = Field(0.3, gt=0, lt=1)  # fraction of the steps
    start: float = Field(0.04, gt=0, le=1)  # factor at the first step
    end: float = Field(4e-6, ge=0, lt=1)  # factor at the last step

    def shape(self, step: int, steps: int) -> float:
        """Rise from `start` to one, fall to `end` at the last step."""
        last = max(steps - 1, 1)
        top = max(self.rise * steps - 1, 0.0)
        if step <= top and top > 0:
            return _cosine(self.start, 1.0, step / top)
        return _cosine(1.0, self.end, min((step - top) / max(last - top, 1e-9), 1.0))


def _cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


AnyScheduleConfig = Annotated[
    ConstantConfig | StepConfig | MultiStepConfig | CosineConfig | OneCycleConfig,
    Field(discriminator="name"),
]
