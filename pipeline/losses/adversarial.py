"""Adversarial losses: what a generator and its discriminator minimise, from logits.

`vanilla` (non-saturating): Goodfellow et al., "Generative Adversarial Nets", NIPS 2014.
`least_squares`: Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017, eq. 9.
`hinge`: Lim and Ye, "Geometric GAN", 2017; Miyato et al., ICLR 2018, eq. 16-17.
`wasserstein`: Arjovsky et al., ICML 2017; with the gradient penalty of Gulrajani et al., NIPS 2017.
`relativistic` (average): Jolicoeur-Martineau, ICLR 2019; as in ESRGAN, ECCVW 2018, eq. 1-2.

Logits are (N, 1) or maps (N, 1, H, W); every mean goes over all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from pipeline.losses.base import LossConfig
from pipeline.losses.features import FeatureLoss, FeaturePair
from pipeline.losses.processes import mean_of_processes
from pipeline.models.discriminators import (
    AnyDiscriminatorConfig,
    Discriminator,
    FeatureDiscriminatorConfig,
)
from pipeline.models.extractors import FeatureExtractor, Pixels

Kind = Literal["vanilla", "least_squares", "hinge", "wasserstein", "relativistic"]


def generator_loss(kind: Kind, fake: Tensor, real: Tensor) -> Tensor:
    """What the generator minimises.

    Args:
        kind: See the module's docstring.
        fake: Logits of SR.
        real: Logits of HR; only `relativistic` uses them.

    Returns:
        Scalar.
    """
    match kind:
        case "vanilla":
            return softplus(-fake).mean()
        case "least_squares":
            return (fake - 1).square().mean() / 2
        case "hinge" | "wasserstein":
            return -fake.mean()
        case "relativistic":
            fake_mean, real_mean = mean_of_processes(fake.mean()), mean_of_processes(real.mean())
            return softplus(real - fake_mean).mean() + softplus(real_mean - fake).mean()


def discriminator_loss(kind: Kind, fake: Tensor, real: Tensor) -> Tensor:
    """What the discriminator minimises.

    Args:
        kind: See the module's docstring.
        fake: Logits of SR.
        real: Logits of HR.

    Returns:
        Scalar.
    """
    match kind:
        case "vanilla":
            return softplus(-real).mean() + softplus(fake).mean()
        case "least_squares":
            return ((real - 1).square().mean() + fake.square().mean()) / 2
        case "hinge":
            return relu(1 - real).mean() + relu(1 + fake).mean()
        case "wasserstein":
            return fake.mean() - real.mean()
        case "relativistic":
            fake_mean, real_mean = mean_of_processes(fake.mean()), mean_of_processes(real.mean())
            return softplus(fake_mean - real).mean() + softplus(fake - real_mean).mean()


def r1_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """Mean squared gradient length of the discriminator at real data.

    A map of logits counts by its mean, so that the penalty does not depend on its size.

    Args:
        discriminator: Its parameters get the gradient.
        real: (N, C, H, W).

    Returns:
        Scalar; half of it is the paper's R1 with gamma = 1.

    References:
        Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018, eq. 9.
    """
    return _input_gradient(discriminator, real).square().sum(dim=1).mean()


def gradient_penalty(
    discriminator: nn.Module, fake: Tensor, real: Tensor, *, fractions: Tensor
) -> Tensor:
    """How far the discriminator's gradient is from unit length between fake and real data.

    A map of logits counts by its mean, as it does in the Wasserstein loss.

    Args:
        discriminator: Its parameters get the gradient.
        fake: SR, (N, C, H, W).
        real: HR, same shape.
        fractions: (N,), in [0, 1], where between fake (0) and real (1) to look.

    Returns:
        Scalar, mean of (length - 1)^2.

    References:
        Gulrajani et al., "Improved Training of Wasserstein GANs", NIPS 2017, eq. 3.
    """
    between = torch.lerp(fake.detach(), real, fractions.to(real).view(-1, 1, 1, 1))
    # vector_norm has gradient zero at zero, where a plain root has none.
    length = torch.linalg.vector_norm(_input_gradient(discriminator, between), dim=1)
    return (length - 1).square().mean()


def _input_gradient(discriminator: nn.Module, x: Tensor) -> Tensor:
    """Gradient of each sample's mean logit with respect to the sample, (N, C * H * W)."""
    leaf = x.detach().requires_grad_()
    logits = discriminator(leaf).flatten(1).mean(dim=1)
    (gradient,) = torch.autograd.grad(logits.sum(), leaf, create_graph=True)
    return gradient.flatten(1)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module, but not into its parameters."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


class AdversarialConfig(LossConfig):
    """Settings of an adversarial term and its discriminator.

    Attributes:
        kind: Which pair of losses.
        discriminator: What judges.
        steps: Updates of the discriminator for each one of the generator.
        warmup_steps: Steps of training before the term and its discriminator take part.
        r1: Gamma of the R1 penalty; 0 for none.
        gradient_penalty: Weight of the gradient penalty; 0 for none.
    """

    name: Literal["adversarial"] = "adversarial"
    kind: Kind
    discriminator: AnyDiscriminatorConfig
    steps: int = Field(1, ge=1)
    warmup_steps: int = Field(0, ge=0)
    r1: float = Field(0.0, ge=0)
    gradient_penalty: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _penalty_fits(self) -> "AdversarialConfig":
        if self.kind == "wasserstein" and self.gradient_penalty == 0:
            raise ValueError(
                "kind 'wasserstein' needs a gradient_penalty above 0 (10 in its paper)"
            )
        if self.gradient_penalty > 0 and self.discriminator.batch_statistics:
            raise ValueError(
                "gradient_penalty is defined for each sample by itself: set discriminator.norm to "
                "'none' or 'instance'"
            )
        return self

    def build(
        self,
        *,
        num_channels: int = 3,
        patch_size: int | None = None,
        extractor: FeatureExtractor | None = None,
    ) -> "Adversarial":
        """Construct the term with a freshly initialised discriminator.

        Args:
            num_channels: Of the pictures.
            patch_size: Height and width of the HR patches, where they stay the same.
            extractor: Of a feature-level discriminator, where it is built already.

        Raises:
            ValueError: If the discriminator cannot judge such patches.
            UserError: If an extractor's weights are missing.
        """
        discriminator = self.discriminator.build(num_channels=num_channels, patch_size=patch_size)
        if not isinstance(self.discriminator, FeatureDiscriminatorConfig):
            return Adversarial(self, discriminator, Pixels(), "pixels")
        extractor = extractor or self.discriminator.extractor.build()
        return Adversarial(self, discriminator, extractor, self.discriminator.layer)


class DiscriminatorValue(NamedTuple):
    """What a discriminator minimises, and what to log of it; all scalars.

    Attributes:
        total: Loss and weighted penalties.
        parts: `loss`, `real` and `fake` (mean logits), and `r1` or `gradient_penalty`, not
            weighted, where they are used.
    """

    total: Tensor
    parts: dict[str, Tensor]


class Adversarial(FeatureLoss):
    """An adversarial term with its discriminator.

    As a loss (`forward`, `compare`) it is the generator's, with gradients to the prediction only.
    `discriminator_value` is the discriminator's, with gradients to `discriminator` only.

    Attributes:
        config: Its settings; the training loop reads `steps` and `warmup_steps`.
        discriminator: The only trained part.
        layer: What it sees: `pixels`, or a layer of the extractor.
    """

    def __init__(
        self,
        config: AdversarialConfig,
        discriminator: Discriminator,
        extractor: FeatureExtractor,
        layer: str,
    ) -> None:
        super().__init__(extractor, [layer])
        self.config = config
        self.discriminator = discriminator
        self.layer = layer

    def compare(self, pair: FeaturePair) -> Tensor:
        """Return the generator's loss, a scalar."""
        with frozen(self.discriminator):
            fake = self.discriminator(pair.sr[self.layer])
            if self.config.kind != "relativistic":
                return generator_loss(self.config.kind, fake, fake)
            with torch.no_grad():
                real = self.discriminator(pair.hr[self.layer])
            return generator_loss(self.config.kind, fake, real)

    @torch.no_grad()
    def seen(self, pictures: Tensor) -> Tensor:
        """What the discriminator sees of a batch of pictures, without gradient."""
        return self.extractor(pictures.detach(), self.layers)[self.layer]

    def discriminator_value(
        self, fake: Tensor, real: Tensor, *, fractions: Tensor | None = None
    ) -> DiscriminatorValue:
        """Evaluate the discriminator's loss and penalties.

        Args:
            fake: What it sees of SR, see `seen`; no gradient goes back to it.
            real: What it sees of HR, same shape.
            fractions: (N,), in [0, 1], where between the two the gradient penalty looks.
        """
        fake_logits, real_logits = self.discriminator(fake.detach()), self.discriminator(real)
        loss = discriminator_loss(self.config.kind, fake_logits, real_logits)
        parts = {"loss": loss, "real": real_logits.mean(), "fake": fake_logits.mean()}
        total = loss
        if self.config.r1 > 0:
            parts["r1"] = r1_penalty(self.discriminator, real)
            total = total + self.config.r1 / 2 * parts["r1"]
        if self.config.gradient_penalty > 0:
            if fractions is None:
                raise ValueError("a gradient penalty needs `fractions`")
            parts["gradient_penalty"] = gradient_penalty(
                self.discriminator, fake, real, fractions=fractions
            )
            total = total + self.config.gradient_penalty * parts["gradient_penalty"]
        return DiscriminatorValue(total, {name: part.detach() for name, part in parts.items()})
