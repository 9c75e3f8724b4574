"""PatchGAN: a fully convolutional discriminator that judges every patch by itself.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
section 3.2 and appendix 6.1.2 (C64-C128-C256-C512, 4x4 windows, leaky ReLU 0.2, weights from
N(0, 0.02)); three layers of stride 2 see 70x70 pixels. 2,765,633 parameters for RGB; with the
condition's three channels more, as published, 2,768,705.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from pipeline.models.discriminators.base import (
    Discriminator,
    DiscriminatorConfig,
    initialise,
    norm_layer,
)


class PatchDiscriminatorConfig(DiscriminatorConfig):
    """Settings of PatchGAN.

    Attributes:
        num_features: Of the first convolution; each doubles them, up to eight times.
        num_layers: Convolutions of stride 2: 1, 2, 3 or 4 see 16, 34, 70 or 142 pixels.
        norm: Normalisation after each convolution but the first and last.
    """

    name: Literal["patch"] = "patch"
    num_features: int = Field(64, gt=0)
    num_layers: int = Field(3, ge=1, le=4)
    norm: Literal["none", "batch", "instance"] = "batch"

    @property
    def batch_statistics(self) -> bool:
        """Whether the logit of one picture depends on the others of the batch."""
        return self.norm == "batch"

    def build(self, *, num_channels: int, patch_size: int | None) -> Discriminator:
        """Construct the discriminator with freshly initialised weights."""
        least = 3 * 2**self.num_layers
        if patch_size is not None and patch_size < least:
            raise ValueError(
                f"discriminator 'patch' of {self.num_layers} layers needs patches of at least "
                f"{least} pixels, not {patch_size}"
            )
        return PatchDiscriminator(self, num_channels)


class PatchDiscriminator(Discriminator):
    """See the module's docstring; logits are a map, (N, 1, H', W')."""

    def __init__(self, config: PatchDiscriminatorConfig, num_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential()
        inputs = num_channels
        for index in range(config.num_layers + 1):
            outputs = config.num_features * min(2**index, 8)
            stride = 2 if index < config.num_layers else 1
            normed = index > 0 and config.norm != "none"
            self.body.append(
                nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=not normed)
            )
            if normed:
                self.body.append(norm_layer(config.norm, outputs))
            self.body.append(nn.LeakyReLU(0.2))
            inputs = outputs
        self.body.append(nn.Conv2d(inputs, 1, 4, padding=1))
        initialise(self, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 1, H / 8 - 2, W / 8 - 2) with three layers."""
        return self.body(x)
