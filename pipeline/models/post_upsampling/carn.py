"""CARN and CARN-M: residual blocks in cascades; CARN-M's are grouped and shared within a cascade.

Ahn et al., "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network",
ECCV 2018, figures 2 to 4. Published: 1,592K and 412K parameters, of one network with the branches
of x2, x3 and x4, CARN-M's without biases (1,591,939 and 412,032); the released multi-scale CARN-M
holds 414,811 numbers, the 24 of its fixed mean shift included. Here a network has the branch of
its own scale; the parts that scales share and the three branches add up to those numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import DIV2K_MEAN, div2k_mean
from pipeline.models.keys import KeyMap, layers, mean_shift
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import factors

NUM_BLOCKS = 3  # of each cascade, and cascades in the network
PUBLISHED_SCALES = (2, 3, 4)  # branches of the released files


class CARNConfig(NetworkConfig):
    """Settings of CARN; the defaults are the large network's."""

    paper: ClassVar[str] = "Ahn et al., Cascading Residual Network, ECCV 2018"
    year: ClassVar[int] = 2018
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {},
        "m": {"num_groups": 4, "recursive": True},
    }

    name: Literal["carn"] = "carn"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    num_groups: int = Field(1, gt=0)  # of the 3x3 convolutions in blocks and upsampling
    recursive: bool = False  # efficient blocks, one shared by the three places of a cascade

    def build(self, *, scale: int) -> "CARN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return CARN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/nmhkahn/CARN-pytorch, of several scales or of one."""
        names = {"head": "entry", "tail": "exit"}
        names |= {f"body.fuse.{i}": f"c{i + 1}.body.0" for i in range(NUM_BLOCKS)}
        convs = (0, 2, 4) if self.recursive else (0, 2)
        for cascade in range(NUM_BLOCKS):
            ours, theirs = f"body.blocks.{cascade}", f"b{cascade + 1}"
            names |= {f"{ours}.fuse.{i}": f"{theirs}.c{i + 1}.body.0" for i in range(NUM_BLOCKS)}
            for block in range(1 if self.recursive else NUM_BLOCKS):
                for conv in convs:
                    name = f"{ours}.blocks.{block}.body.{conv}"
                    names[name] = f"{theirs}.b{block + 1}.body.{conv}"
        stages = range(0, 3 * len(factors(scale)), 3)
        several = {f"upsample.{i}": f"upsample.up{scale}.body.{i}" for i in stages}
        single = {f"upsample.{i}": f"upsample.up.body.{i}" for i in stages}
        fixed = mean_shift("sub_mean.shifter", [-mean for mean in DIV2K_MEAN])
        fixed |= mean_shift("add_mean.shifter", DIV2K_MEAN)
        unused = [
            f"upsample.up{other}.body.{i}.{part}"
            for other in PUBLISHED_SCALES
            if other != scale
            for i in range(0, 3 * len(factors(other)), 3)
            for part in ("weight", "bias")
        ]
        return [
            KeyMap("the authors' CARN of all scales", layers(names | several), fixed, unused),
            KeyMap("the authors' CARN of one scale", layers(names | single), fixed),
        ]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions (CARN), or two grouped ones and a 1x1 (CARN-M, figure 4b)."""

    def __init__(self, num_features: int, num_groups: int, efficient: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_features, num_features, 3, padding=1, groups=num_groups),
            nn.ReLU(),
            nn.Conv2d(num_features, num_features, 3, padding=1, groups=num_groups),
        )
        if efficient:
            self.body.append(nn.ReLU())
            self.body.append(nn.Conv2d(num_features, num_features, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return torch.relu(x + self.body(x))


class Cascade(nn.Module):
    """Blocks whose inputs are fused from all that came before (figure 3b).

    With one block, it is used at all three places.
    """

    def __init__(self, blocks: Sequence[nn.Module], num_features: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fuse = nn.ModuleList(
            nn.Conv2d(num_features * (i + 2), num_features, 1) for i in range(NUM_BLOCKS)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        seen = output = x
        for i, fuse in enumerate(self.fuse):
            block = self.blocks[i if len(self.blocks) > 1 else 0]
            seen = torch.cat([seen, block(output)], dim=1)  # (N, (i + 2) F, H, W)
            output = torch.relu(fuse(seen))
        return output


class CARN(SRNetwork):
    """See the module's docstring."""

    mean: Tensor

    def __init__(self, config: CARNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels, groups = config.num_features, self.num_channels, config.num_groups
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = nn.Conv2d(channels, features, 3, padding=1)

        def cascade() -> Cascade:
            count = 1 if config.recursive else NUM_BLOCKS
            blocks = [ResidualBlock(features, groups, config.recursive) for _ in range(count)]
            return Cascade(blocks, features)

        self.body = Cascade([cascade() for _ in range(NUM_BLOCKS)], features)
        self.upsample = nn.Sequential()
        for factor in factors(scale):
            self.upsample.append(
                nn.Conv2d(features, features * factor**2, 3, padding=1, groups=groups)
            )
            self.upsample.append(nn.ReLU())
            self.upsample.append(nn.PixelShuffle(factor))
        self.tail = ThinConv2d(features, channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        features = self.body(self.head(lr - self.mean))
        return self.tail(self.upsample(features)) + self.mean
