"""The losses: the whole list in one place, and their weighted sum."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, RootModel
from torch import Tensor, nn

from pipeline.losses.base import Loss, LossConfig
from pipeline.losses.pixel import CharbonnierConfig, L1Config, L2Config, SmoothL1Config
from pipeline.losses.total_variation import TotalVariationConfig
from pipeline.schema import validate

AnyLossConfig = Annotated[
    L1Config | L2Config | SmoothL1Config | CharbonnierConfig | TotalVariationConfig,
    Field(discriminator="name"),
]


def _complete(terms: list[AnyLossConfig]) -> list[AnyLossConfig]:
    if not any(term.weight > 0 for term in terms):
        raise ValueError("at least one term with a weight above 0 is needed")
    keys = [term.key for term in terms]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} appears twice; give one of them a `label`")
    return terms


LossList = Annotated[list[AnyLossConfig], AfterValidator(_complete)]
"""The `loss` section of params."""


class LossValue(NamedTuple):
    """A weighted sum and what it is made of, all scalars.

    Attributes:
        total: What is minimised.
        parts: Each term by name, before weighting.
        shares: Each term by name, after weighting; they add up to the total.
    """

    total: Tensor
    parts: dict[str, Tensor]
    shares: dict[str, Tensor]


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

        Raises:
            ValueError: If the shapes differ.
        """
        if sr.shape != hr.shape:
            raise ValueError(f"shapes differ: {tuple(sr.shape)} and {tuple(hr.shape)}")
        parts = {name: loss(sr, hr) for name, loss in self.terms.items()}
        shares = {name: self.weights[name] * part for name, part in parts.items()}
        return LossValue(sum(shares.values(), sr.new_zeros(())), parts, shares)


class _Losses(RootModel[LossList]):
    pass


def build_loss(terms: Sequence[LossConfig | Mapping[str, Any]]) -> WeightedLoss:
    """Build a weighted sum from configurations or plain data.

    Args:
        terms: Such as `[{"name": "l1", "weight": 1.0}]`.

    Raises:
        UserError: If a key or value is wrong, or a name appears twice without a `label`.
    """
    values = [t if isinstance(t, LossConfig) else dict(t) for t in terms]
    configs = validate(_Losses, values, where="loss").root
    return WeightedLoss([(config.key, config.weight, config.build()) for config in configs])


__all__ = [
    "AnyLossConfig",
    "Loss",
    "LossConfig",
    "LossList",
    "LossValue",
    "WeightedLoss",
    "build_loss",
]
