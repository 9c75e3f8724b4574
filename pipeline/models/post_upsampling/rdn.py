"""RDN: residual dense blocks, fused locally and globally.

Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018, figures 2 and 3:
16 blocks of 8 layers, growth 64 (the paper's final model). Published: 22.1M parameters (x2).
Preset `a` is the configuration of 20 blocks of 6 layers and growth 32 in the authors' options.
Faithful; pictures are in [0, 1] where EDSR-PyTorch, whose file format is read, has [0, 255].
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.keys import KeyMap, layers, multiplied
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import factors, subpixel_stages


class RDNConfig(NetworkConfig):
    """Settings of RDN; the defaults are the paper's final model, `b` of EDSR-PyTorch."""

    paper: ClassVar[str] = "Zhang et al., Residual Dense Network for SR, CVPR 2018"
    year: ClassVar[int] = 2018
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "b": {},
        "a": {"num_blocks": 20, "num_layers": 6, "growth": 32},
    }

    name: Literal["rdn"] = "rdn"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)  # G0
    num_blocks: int = Field(16, gt=0)  # D
    num_layers: int = Field(8, gt=0)  # C
    growth: int = Field(64, gt=0)  # G

    def build(self, *, scale: int) -> "RDN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return RDN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """Files in the names of EDSR-PyTorch; the authors' own are Torch7's and not read."""
        names = {"head2": "SFENet2", "fuse.0": "GFF.0", "fuse.1": "GFF.1"}
        for block in range(self.num_blocks):
            ours, theirs = f"blocks.{block}", f"RDBs.{block}"
            names[f"{ours}.fuse"] = f"{theirs}.LFF"
            for layer in range(self.num_layers):
                names[f"{ours}.convs.{layer}"] = f"{theirs}.convs.{layer}.conv.0"
        stages = subpixel_stages(scale)
        names |= {f"upsample.{stage}": f"UPNet.{stage}" for stage in stages}
        sources = layers(names)
        sources |= layers({"head1": "SFENet1"}, parts={"bias": ".bias"})
        sources |= layers(
            {"head1": "SFENet1"}, parts={"weight": ".weight"}, convert=multiplied(255.0)
        )
        sources |= layers({"tail": f"UPNet.{2 * len(stages)}"}, convert=multiplied(1 / 255))
        return [KeyMap("RDN in EDSR-PyTorch", sources)]


class ResidualDenseBlock(nn.Module):
    """Densely connected layers, fused by a 1x1 convolution and added to the input (figure 3)."""

    def __init__(self, num_features: int, num_layers: int, growth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(num_features + i * growth, growth, 3, padding=1) for i in range(num_layers)
        )
        self.fuse = nn.Conv2d(num_features + num_layers * growth, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, G0, H, W) -> (N, G0, H, W)."""
        seen = x
        for conv in self.convs:
            seen = torch.cat([seen, torch.relu(conv(seen))], dim=1)
        return x + self.fuse(seen)


class RDN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: RDNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels, growth = config.num_features, self.num_channels, config.growth
        self.head1 = nn.Conv2d(channels, features, 3, padding=1)
        self.head2 = nn.Conv2d(features, features, 3, padding=1)
        self.blocks = nn.ModuleList(
            ResidualDenseBlock(features, config.num_layers, growth)
            for _ in range(config.num_blocks)
        )
        self.fuse = nn.Sequential(
            nn.Conv2d(features * config.num_blocks, features, 1),
            nn.Conv2d(features, features, 3, padding=1),
        )
        # The first sub-pixel convolution takes G0 features, the rest of the network has G.
        self.upsample = nn.Sequential()
        for i, factor in enumerate(factors(scale)):
            inputs = growth if i else features
            self.upsample.append(nn.Conv2d(inputs, growth * factor**2, 3, padding=1))
            self.upsample.append(nn.PixelShuffle(factor))
        self.tail = ThinConv2d(growth, channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        shallow = self.head1(lr)
        features, outputs = self.head2(shallow), []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        fused = self.fuse(torch.cat(outputs, dim=1)) + shallow
        return self.tail(self.upsample(fused))
