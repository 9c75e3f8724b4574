"""Gradient clipping: settings, and how gradients are clipped in place."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from pipeline.schema import StrictConfig


class ClipConfig(StrictConfig):
    """Settings of one way to clip; subclasses add `name: Literal[...]`."""

    @abstractmethod
    def clip(self, gradients: Sequence[Tensor], *, norm: Tensor, rate: float) -> None:
        """Change gradients in place.

        Args:
            gradients: Of one optimiser's parameters.
            norm: Their Euclidean norm, all together.
            rate: Learning rate of the step.
        """
        raise NotImplementedError


class NormClipConfig(ClipConfig):
    """All gradients are scaled so that their norm is at most `limit`."""

    name: Literal["norm"] = "norm"
    limit: float = Field(gt=0)

    def clip(self, gradients: Sequence[Tensor], *, norm: Tensor, rate: float) -> None:
        """Change gradients in place."""
        torch._foreach_mul_(list(gradients), (self.limit / norm).clamp(max=1.0))


class ValueClipConfig(ClipConfig):
    """Each element is brought into [-limit, limit]."""

    name: Literal["value"] = "value"
    limit: float = Field(gt=0)

    def clip(self, gradients: Sequence[Tensor], *, norm: Tensor, rate: float) -> None:
        """Change gradients in place."""
        _clamp(gradients, self.limit)


class AdjustableClipConfig(ClipConfig):
    """Each element is brought into [-theta / rate, theta / rate]: no step is longer than theta.

    Kim et al., "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR
    2016, section 3.2; for SGD.
    """

    name: Literal["adjustable"] = "adjustable"
    theta: float = Field(gt=0)

    def clip(self, gradients: Sequence[Tensor], *, norm: Tensor, rate: float) -> None:
        """Change gradients in place."""
        if rate > 0:
            _clamp(gradients, self.theta / rate)


def _clamp(gradients: Sequence[Tensor], limit: float) -> None:
    for gradient in gradients:
        gradient.clamp_(-limit, limit)


AnyClipConfig = Annotated[
    NormClipConfig | ValueClipConfig | AdjustableClipConfig, Field(discriminator="name")
]
