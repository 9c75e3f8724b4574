"""SRGAN's discriminator: eight convolutions whose strides halve and whose features double.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network", CVPR 2017, figure 4 and section 2.1.1; leaky ReLU 0.2. Faithful with the `dense` head
(23.6 M parameters for RGB patches of 96 pixels, 18.9 M of them in the first dense layer), except
that convolutions before a normalisation have no bias. The `pooled` head averages the last
features first, so that the patch size may change.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from pipeline.models.discriminators.base import Discriminator, DiscriminatorConfig, norm_layer

Norm = Literal["none", "batch", "instance"]
Head = Literal["dense", "pooled"]


class VGGDiscriminatorConfig(DiscriminatorConfig):
    """Settings of SRGAN's discriminator.

    Attributes:
        num_features: Of the first convolution; the last one has eight times as many.
        norm: Normalisation after each convolution but the first.
        head: `dense` layers on all positions as published (one patch size), or on their mean.
    """

    name: Literal["vgg"] = "vgg"
    num_features: int = Field(64, gt=0)
    norm: Norm = "batch"
    head: Head = "dense"

    @property
    def batch_statistics(self) -> bool:
        """Whether the logit of one picture depends on the others of the batch."""
        return self.norm == "batch"

    def build(self, *, num_channels: int, patch_size: int | None) -> Discriminator:
        """Construct the discriminator with freshly initialised weights."""
        return VGGDiscriminator(self, num_channels, patch_size)


class VGGDiscriminator(Discriminator):
    """See the module's docstring; logits are (N, 1)."""

    def __init__(
        self, config: VGGDiscriminatorConfig, num_channels: int, patch_size: int | None
    ) -> None:
        super().__init__()
        features = config.num_features
        if config.head == "dense" and patch_size is None:
            raise ValueError("the dense head of discriminator 'vgg' needs one patch size")
        self.patch_size = patch_size if config.head == "dense" else None
        self.body = nn.Sequential(
            nn.Conv2d(num_channels, features, 3, padding=1), nn.LeakyReLU(0.2)
        )
        inputs, side = features, self.patch_size or 1
        for index in range(1, 8):
            outputs = features * 2 ** (index // 2)
            stride = 1 + index % 2
            self.body.extend(
                [
                    nn.Conv2d(
                        inputs,
                        outputs,
                        3,
                        stride=stride,
                        padding=1,
                        bias=config.norm == "none",
                    ),
                    norm_layer(config.norm, outputs),
                    nn.LeakyReLU(0.2),
                ]
            )
            inputs, side = outputs, (side + stride - 1) // stride
        self.head = nn.Sequential(
            nn.Linear(inputs * side**2, 16 * features),
            nn.LeakyReLU(0.2),
            nn.Linear(16 * features, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, patch, patch) -> (N, 1)."""
        if self.patch_size is not None and x.shape[-2:] != (self.patch_size, self.patch_size):
            raise ValueError(
                f"this discriminator judges patches of {self.patch_size}x{self.patch_size}, not "
                f"{x.shape[-1]}x{x.shape[-2]}; the head `pooled` judges any"
            )
        features = self.body(x)
        pooled = self.patch_size is None
        return self.head(features.mean(dim=(2, 3)) if pooled else features.flatten(1))
