"""U-Net with spectral normalisation: a logit for every pixel, from all scales.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
ICCVW 2021, figure 6 and section 3.4; 4,376,897 parameters for RGB. Skip connections are added.
Spectral normalisation: Miyato et al., ICLR 2018, one power iteration per forward in training.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.models.discriminators.base import Discriminator, DiscriminatorConfig


class UNetDiscriminatorConfig(DiscriminatorConfig):
    """Settings of the U-Net.

    Attributes:
        num_features: At full resolution; doubled by each of the three halvings.
    """

    name: Literal["unet"] = "unet"
    num_features: int = Field(64, gt=0)

    def build(self, *, num_channels: int, patch_size: int | None) -> Discriminator:
        """Construct the discriminator with freshly initialised weights."""
        if patch_size is not None and patch_size % 8:
            raise ValueError(
                f"discriminator 'unet' halves three times: a patch size of {patch_size} is no "
                "multiple of 8"
            )
        return UNetDiscriminator(self, num_channels)


class UNetDiscriminator(Discriminator):
    """See the module's docstring; logits are a map, (N, 1, H, W)."""

    def __init__(self, config: UNetDiscriminatorConfig, num_channels: int) -> None:
        super().__init__()
        features = config.num_features
        widths = [features * 2**level for level in range(4)]
        self.first = nn.Conv2d(num_channels, features, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(wide, 2 * wide, 4, stride=2, padding=1, bias=False))
            for wide in widths[:3]
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(2 * wide, wide, 3, padding=1, bias=False))
            for wide in reversed(widths[:3])
        )
        self.last = nn.Sequential(
            spectral_norm(nn.Conv2d(features, features, 3, padding=1, bias=False)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(features, features, 3, padding=1, bias=False)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(features, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 1, H, W); H and W are multiples of 8."""
        x = functional.leaky_relu(self.first(x), 0.2)
        skips = []
        for down in self.down:
            skips.append(x)
            x = functional.leaky_relu(down(x), 0.2)
        for up in self.up:
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = functional.leaky_relu(up(x), 0.2) + skips.pop()
        return self.last(x)
