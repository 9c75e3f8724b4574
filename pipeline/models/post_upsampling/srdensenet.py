"""SRDenseNet: dense blocks, each of which sees all earlier ones, as the bottleneck does.

Tong et al., "Image Super-Resolution Using Dense Skip Connections", ICCV 2017, figures 2 and 3(c)
(SRDenseNet_All) and section 3: 8 blocks of 8 layers with growth 16, hence 128 features a block, a
1x1 bottleneck of 256, transposed convolutions with 256 features, one for each doubling: 69 layers
at x4. The paper states no count. The table of CARN's authors has 2,015K weights and 389.9G
multiply-adds (x4), from an implementation that is not public; the two figures together leave
262,000 weights for each transposed convolution, hence kernels of 2 (public implementations have
kernels of 2, 3 and 4), and fit blocks that see all earlier ones. This network has 2,002K and
389.1G: 0.6 % and 0.2 % less, for a reason that is not known.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import factors


class SRDenseNetConfig(NetworkConfig):
    """Settings of SRDenseNet."""

    paper: ClassVar[str] = "Tong et al., Image SR Using Dense Skip Connections, ICCV 2017"
    year: ClassVar[int] = 2017

    name: Literal["srdensenet"] = "srdensenet"
    colour: Colour = "luma"
    growth: int = Field(16, gt=0)
    num_blocks: int = Field(8, gt=0)
    num_layers: int = Field(8, gt=0)  # in each block
    num_features: int = Field(256, gt=0)  # after the bottleneck

    def build(self, *, scale: int) -> "SRDenseNet":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return SRDenseNet(self, scale=scale)


class DenseBlock(nn.Module):
    """Layers that see the outputs of all earlier layers of the block (figure 2)."""

    def __init__(self, num_inputs: int, growth: int, num_layers: int) -> None:
        super().__init__()
        widths = [num_inputs] + [growth * i for i in range(1, num_layers)]
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, layers * growth, H, W)."""
        seen = torch.relu(self.convs[0](x))
        for conv in self.convs[1:]:
            seen = torch.cat([seen, torch.relu(conv(seen))], dim=1)
        return seen


class SRDenseNet(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: SRDenseNetConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        growth, features, channels = config.growth, config.num_features, self.num_channels
        block_width = growth * config.num_layers
        self.head = nn.Conv2d(channels, block_width, 3, padding=1)
        self.blocks = nn.ModuleList(
            DenseBlock(block_width * (i + 1), growth, config.num_layers)
            for i in range(config.num_blocks)
        )
        self.bottleneck = nn.Conv2d(block_width * (config.num_blocks + 1), features, 1)
        self.upsample = nn.Sequential()
        for factor in factors(scale):
            self.upsample.append(nn.ConvTranspose2d(features, features, factor, stride=factor))
            self.upsample.append(nn.ReLU())
        self.tail = ThinConv2d(features, channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        seen = torch.relu(self.head(lr))
        for block in self.blocks:
            seen = torch.cat([seen, block(seen)], dim=1)
        fused = torch.relu(self.bottleneck(seen))
        return self.tail(self.upsample(fused))
