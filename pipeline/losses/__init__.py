"""The losses: the whole list in one place, and their weighted sum."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field, RootModel
from torch import Tensor, nn

from pipeline.losses.base import Loss, LossConfig
from pipeline.losses.pixel import CharbonnierConfig, L1Config
from pipeline.schema import validate

AnyLossConfig = Annotated[L1Config | CharbonnierConfig, Field(discriminator="name")]


class LossValue(NamedTuple):
    """A weighted sum and what it is made of, all scalars; `parts` are before weighting."""

    total: Tensor
    parts: dict[str, Tensor]


class WeightedLoss(nn.Module):
    """The weighted sum of several losses, each part visible by name."""

    def __init__(self, terms: Sequence[tuple[str, float, Loss]]) -> None:
        super().__init__()
        self.weights = {name: weight for name, weight, _ in terms}
        self.terms = nn.ModuleDict({name: loss for name, _, loss in terms})

    def forward(self, sr: Tensor, hr: Tensor) -> LossValue:
        """Evaluate every term.

        Args:
            sr: Prediction, (N, C, H, W), in [0, 1], not clamped.
            hr: Target, same shape and range.
        """
        parts = {name: loss(sr, hr) for name, loss in self.terms.items()}
        total = sum((self.weights[name] * part for name, part in parts.items()), sr.new_zeros(()))
        return LossValue(total, parts)


class _Losses(RootModel[list[AnyLossConfig]]):
    pass


def build_loss(terms: Sequence[Mapping[str, Any]]) -> WeightedLoss:
    """Build a weighted sum from plain data, such as `[{"name": "l1", "weight": 1.0}]`.

    Raises:
        UserError: If a key or value is wrong, or a name appears twice.
    """
    configs = validate(_Losses, [dict(term) for term in terms], where="loss").root
    return WeightedLoss([(config.name, config.weight, config.build()) for config in configs])


__all__ = ["AnyLossConfig", "Loss", "LossConfig", "LossValue", "WeightedLoss", "build_loss"]
