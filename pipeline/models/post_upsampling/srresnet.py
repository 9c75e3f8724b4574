"""SRResNet: the generator of SRGAN, residual blocks with batch normalisation and PReLU.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network", CVPR 2017, figure 4: kernels 9 at both ends, 16 blocks, one learned slope a layer. The
paper gives no count; the table of CARN's authors has 1,543K weights (x4), which is this network's
count of convolution weights (1,542,528). Faithful; pictures are in
[0, 1] at both ends, where the paper has its output in [-1, 1].
"""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import factors


class SRResNetConfig(NetworkConfig):
    """Settings of SRResNet."""

    paper: ClassVar[str] = "Ledig et al., Photo-Realistic SISR Using a GAN, CVPR 2017"
    year: ClassVar[int] = 2017

    name: Literal["srresnet"] = "srresnet"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    num_blocks: int = Field(16, gt=0)

    def build(self, *, scale: int) -> "SRResNet":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return SRResNet(self, scale=scale)


class ResidualBlock(nn.Module):
    """Convolution, normalisation, PReLU, convolution, normalisation, added to the input."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_features, num_features, 3, padding=1),
            nn.BatchNorm2d(num_features),
            nn.PReLU(),
            nn.Conv2d(num_features, num_features, 3, padding=1),
            nn.BatchNorm2d(num_features),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x + self.body(x)


class SRResNet(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: SRResNetConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.head = nn.Sequential(nn.Conv2d(channels, features, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(
            *(ResidualBlock(features) for _ in range(config.num_blocks)),
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
        )
        self.upsample = nn.Sequential()
        for factor in factors(scale):
            self.upsample.append(nn.Conv2d(features, features * factor**2, 3, padding=1))
            self.upsample.append(nn.PixelShuffle(factor))
            self.upsample.append(nn.PReLU())
        self.tail = ThinConv2d(features, channels, 9)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        features = self.head(lr)
        return self.tail(self.upsample(features + self.body(features)))
