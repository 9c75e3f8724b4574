"""The losses: the whole list in one place, and their weighted sum."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import AfterValidator, Field, RootModel
from torch import Tensor, nn

from pipeline.losses.adversarial import Adversarial, AdversarialConfig, DiscriminatorValue
from pipeline.losses.base import Loss, LossConfig
from pipeline.losses.features import (
    ContentConfig,
    FeatureLoss,
    FeatureLossConfig,
    FeaturePair,
    TextureConfig,
    feature_pair,
)
from pipeline.losses.frequency import FrequencyConfig
from pipeline.losses.gradient import GradientConfig
from pipeline.losses.pixel import CharbonnierConfig, L1Config, L2Config, SmoothL1Config
from pipeline.losses.structural import MSSSIMConfig, SSIMConfig
from pipeline.losses.total_variation import TotalVariationConfig
from pipeline.models.discriminators import FeatureDiscriminatorConfig
from pipeline.models.extractors import (
    ExtractorConfig,
    FeatureExtractor,
    WeightsFile,
)
from pipeline.models.extractors import required_weights as extractor_weights
from pipeline.schema import validate

AnyLossConfig = Annotated[
    L1Config
    | L2Config
    | SmoothL1Config
    | CharbonnierConfig
    | TotalVariationConfig
    | GradientConfig
    | FrequencyConfig
    | SSIMConfig
    | MSSSIMConfig
    | ContentConfig
    | TextureConfig
    | AdversarialConfig,
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


class Seen(NamedTuple):
    """What a discriminator sees of a batch: of SR, and of HR."""

    fake: Tensor
    real: Tensor


class LossValue(NamedTuple):
    """A weighted sum and what it is made of, all scalars.

    Attributes:
        total: What is minimised.
        parts: Each term by name, before weighting.
        shares: Each term by name, after weighting; they add up to the total.
        seen: What the discriminator of each adversarial term saw, without gradient.
    """

    total: Tensor
    parts: dict[str, Tensor]
    shares: dict[str, Tensor]
    seen: dict[str, Seen]


class WeightedLoss(nn.Module):
    """The weighted sum of several losses, each part visible by name."""

    def __init__(self, terms: Sequence[tuple[str, float, Loss]]) -> None:
        super().__init__()
        self.weights = {name: weight for name, weight, _ in terms}
        self.terms = nn.ModuleDict({name: loss for name, _, loss in terms})

    @property
    def adversarial(self) -> dict[str, Adversarial]:
        """The adversarial terms by name, whose discriminators are trained beside the network."""
        return {name: t for name, t in self.terms.items() if isinstance(t, Adversarial)}

    def forward(self, sr: Tensor, hr: Tensor, *, step: int | None = None) -> LossValue:
        """Evaluate every term.

        Args:
            sr: Prediction, (N, C, H, W), in [0, 1], not clamped.
            hr: Target, same shape and range.
            step: Step of training, from 0: adversarial terms take part once their warm-up is
                over. Without it they never do, as for outputs that are not the final one.

        Raises:
            ValueError: If the shapes differ.
        """
        if sr.shape != hr.shape:
            raise ValueError(f"shapes differ: {tuple(sr.shape)} and {tuple(hr.shape)}")
        active = {name: term for name, term in self.terms.items() if _takes_part(term, step)}
        pairs = _shared_features(active.values(), sr, hr)
        parts = {
            name: term.compare(pairs[term.extractor])
            if isinstance(term, FeatureLoss)
            else term(sr, hr)
            for name, term in active.items()
        }
        shares = {name: _scaled(part, self.weights[name]) for name, part in parts.items()}
        seen = {
            name: Seen(pair.sr[term.layer].detach(), pair.hr[term.layer])
            for name, term in active.items()
            if isinstance(term, Adversarial) and (pair := pairs[term.extractor])
        }
        total = reduce(torch.add, shares.values()) if shares else sr.new_zeros(())
        return LossValue(total, parts, shares, seen)


def _scaled(part: Tensor, weight: float) -> Tensor:
    # A product with 1 and its gradient would cost FSRCNN half a hundredth of its step.
    return part if weight == 1 else weight * part


def _takes_part(term: nn.Module, step: int | None) -> bool:
    if not isinstance(term, Adversarial):
        return True
    return step is not None and step >= term.config.warmup_steps


def _shared_features(
    terms: Iterable[nn.Module], sr: Tensor, hr: Tensor
) -> dict[FeatureExtractor, FeaturePair]:
    """Run each extractor once, for the layers of all terms that use it."""
    layers: dict[FeatureExtractor, dict[str, None]] = {}
    for term in terms:
        if isinstance(term, FeatureLoss):
            layers.setdefault(term.extractor, {}).update(dict.fromkeys(term.layers))
    return {
        extractor: feature_pair(extractor, names, sr, hr) for extractor, names in layers.items()
    }


class _Losses(RootModel[LossList]):
    pass


def build_loss(
    terms: Sequence[LossConfig | Mapping[str, Any]],
    *,
    num_channels: int = 3,
    patch_size: int | None = None,
) -> WeightedLoss:
    """Build a weighted sum from configurations or plain data.

    Discriminators are initialised from PyTorch's global generator.

    Args:
        terms: Such as `[{"name": "l1", "weight": 1.0}]`.
        num_channels: Of the pictures; discriminators depend on it.
        patch_size: Height and width of the HR patches; some discriminators depend on it.

    Raises:
        UserError: If a key or value is wrong, a name appears twice without a `label`, or
            pretrained weights are missing.
        ValueError: If a discriminator cannot judge such patches.
    """
    values = [t if isinstance(t, LossConfig) else dict(t) for t in terms]
    configs = validate(_Losses, values, where="loss").root
    extractors = {extractor: extractor.build() for extractor in _extractors(configs)}
    built: list[tuple[str, float, Loss]] = []
    for config in configs:
        if isinstance(config, FeatureLossConfig):
            loss: Loss = config.build_on(extractors[config.extractor])
        elif isinstance(config, AdversarialConfig):
            judge = config.discriminator
            shared = judge.extractor if isinstance(judge, FeatureDiscriminatorConfig) else None
            loss = config.build(
                num_channels=num_channels,
                patch_size=patch_size,
                extractor=extractors[shared] if shared else None,
            )
        else:
            loss = config.build()
        built.append((config.key, config.weight, loss))
    return WeightedLoss(built)


def required_weights(terms: Iterable[LossConfig]) -> list[WeightsFile]:
    """Files of pretrained weights that these terms need, each once."""
    return extractor_weights(_extractors(terms))


def _extractors(terms: Iterable[LossConfig]) -> list[ExtractorConfig]:
    """The extractors that terms use, each once."""
    found: dict[ExtractorConfig, None] = {}
    for term in terms:
        if isinstance(term, FeatureLossConfig):
            found[term.extractor] = None
        elif isinstance(term, AdversarialConfig) and isinstance(
            term.discriminator, FeatureDiscriminatorConfig
        ):
            found[term.discriminator.extractor] = None
    return list(found)


__all__ = [
    "Adversarial",
    "AdversarialConfig",
    "AnyLossConfig",
    "DiscriminatorValue",
    "Loss",
    "LossConfig",
    "LossList",
    "LossValue",
    "Seen",
    "WeightedLoss",
    "build_loss",
    "required_weights",
]
