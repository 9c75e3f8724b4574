"""The contract of a discriminator."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from pipeline.schema import StrictConfig


class Discriminator(nn.Module):
    """Tells HR from SR: (N, C, H, W) -> logits, (N, 1) or a map (N, 1, H', W'); real is high."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        raise NotImplementedError


class DiscriminatorConfig(StrictConfig):
    """Settings of one discriminator; subclasses add `name: Literal[...]`."""

    @property
    def batch_statistics(self) -> bool:
        """Whether the logit of one picture depends on the others of the batch."""
        return False

    @abstractmethod
    def build(self, *, num_channels: int, patch_size: int | None) -> Discriminator:
        """Construct the discriminator with freshly initialised weights.

        Args:
            num_channels: Of the pictures or feature maps that it judges.
            patch_size: Height and width of these, for those that need to know it.

        Raises:
            ValueError: If the discriminator cannot judge such patches.
        """
        raise NotImplementedError


def norm_layer(kind: str, num_features: int) -> nn.Module:
    """Build a normalisation by name: none, batch or instance."""
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return nn.BatchNorm2d(num_features)
    return nn.InstanceNorm2d(num_features, affine=True)


def initialise(module: nn.Module, std: float) -> None:
    """Draw the weights of all convolutions from a normal distribution, biases zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=std)
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)
