"""The contract of a loss."""

from abc import abstractmethod

from pydantic import Field
from torch import Tensor, nn

from pipeline.schema import StrictConfig


class Loss(nn.Module):
    """Compares a prediction with its target: `forward(sr, hr) -> scalar`.

    Both are (N, C, H, W) in [0, 1], the prediction not clamped; the scalar is a mean over the
    batch, so that it does not depend on the batch or patch size.
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        raise NotImplementedError


class LossConfig(StrictConfig):
    """Settings of one term of the weighted sum; subclasses add `name: Literal[...]`.

    Attributes:
        weight: Factor in the sum.
        label: What the term is called in logs; its name unless given. Two terms of one name
            need it.
    """

    weight: float = Field(1.0, ge=0)
    label: str | None = Field(None, pattern=r"^\w+$")

    @property
    def key(self) -> str:
        """What the term is called in logs."""
        return self.label or self.name  # type: ignore[attr-defined]

    @abstractmethod
    def build(self) -> Loss:
        """Construct the loss."""
        raise NotImplementedError
