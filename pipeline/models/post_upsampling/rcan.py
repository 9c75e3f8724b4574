"""RCAN: very deep residual groups whose blocks weigh their channels by attention.

Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV
2018, figures 2 to 4: 10 groups of 20 blocks, reduction 16. Published: 15.4M (x2) and 15.6M (x4)
parameters. Faithful. Pictures are in [0, 1] here and in [0, 255] in the authors' code; their files
are rescaled.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import div2k_mean
from pipeline.models.keys import KeyMap
from pipeline.models.post_upsampling.edsr import authors_255, byte_range
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import SubPixel, subpixel_stages


class RCANConfig(NetworkConfig):
    """Settings of RCAN."""

    paper: ClassVar[str] = "Zhang et al., Very Deep Residual Channel Attention, ECCV 2018"
    year: ClassVar[int] = 2018

    name: Literal["rcan"] = "rcan"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    num_groups: int = Field(10, gt=0)
    num_blocks: int = Field(20, gt=0)  # in each group
    reduction: int = Field(16, gt=0)

    def build(self, *, scale: int) -> "RCAN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return RCAN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/yulunzhang/RCAN, and BasicSR's names."""
        authors = {"body.last": f"body.{self.num_groups}"}
        basicsr = {"body.last": "conv_after_body"}
        block_layers = {
            "conv1": ("body.0", "rcab.0"),
            "conv2": ("body.2", "rcab.2"),
            "attention.squeeze": ("body.3.conv_du.0", "rcab.3.attention.1"),
            "attention.excite": ("body.3.conv_du.2", "rcab.3.attention.3"),
        }
        for group in range(self.num_groups):
            ours = f"body.blocks.{group}"
            authors[f"{ours}.last"] = f"body.{group}.body.{self.num_blocks}"
            basicsr[f"{ours}.last"] = f"body.{group}.conv"
            for block in range(self.num_blocks):
                for layer, (author, basic) in block_layers.items():
                    name = f"{ours}.blocks.{block}.{layer}"
                    authors[name] = f"body.{group}.body.{block}.{author}"
                    basicsr[name] = f"body.{group}.residual_group.{block}.{basic}"
        for stage in subpixel_stages(scale):
            authors[f"upsample.stages.{stage}"] = f"tail.0.{stage}"
            basicsr[f"upsample.stages.{stage}"] = f"upsample.{stage}"
        return [
            authors_255("the authors' RCAN", "head.0", authors, "tail.1"),
            byte_range("RCAN in BasicSR", "conv_first", basicsr, "conv_last"),
        ]


class ChannelAttention(nn.Module):
    """Scale each channel by what the means of all channels say (figure 3)."""

    def __init__(self, num_features: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(num_features, num_features // reduction, 1)
        self.excite = nn.Conv2d(num_features // reduction, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        mean = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))


class AttentionBlock(nn.Module):
    """Two convolutions and channel attention, added to the input (figure 4)."""

    def __init__(self, num_features: int, reduction: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_features, num_features, 3, padding=1)
        self.conv2 = nn.Conv2d(num_features, num_features, 3, padding=1)
        self.attention = ChannelAttention(num_features, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x + self.attention(self.conv2(torch.relu(self.conv1(x))))


class Residual(nn.Module):
    """A chain that ends in a convolution, added to its input: a group, and the body of groups."""

    def __init__(self, blocks: Sequence[nn.Module], num_features: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(num_features, num_features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x + self.last(self.blocks(x))


class RCAN(SRNetwork):
    """See the module's docstring."""

    mean: Tensor

    def __init__(self, config: RCANConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        groups = []
        for _ in range(config.num_groups):
            blocks = [AttentionBlock(features, config.reduction) for _ in range(config.num_blocks)]
            groups.append(Residual(blocks, features))
        self.body = Residual(groups, features)
        self.upsample = SubPixel(features, scale)
        self.tail = ThinConv2d(features, channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        features = self.body(self.head(lr - self.mean))
        return self.tail(self.upsample(features)) + self.mean
