"""EDSR: residual blocks without normalisation, enlarged by sub-pixel convolution at the end.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
figure 3 and table 1. Published: 1.37M (x2) and 1.518M (x4) parameters for the baseline, 40.7M
and 43.1M for the full network. Faithful, with the data set's mean (of DIV2K) as a constant.
Pictures are in [0, 1] here and in [0, 255] in the authors' code; their files are rescaled.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import DIV2K_MEAN, div2k_mean
from pipeline.models.keys import KeyMap, layers, mean_shift, multiplied
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import SubPixel, subpixel_stages


class EDSRConfig(NetworkConfig):
    """Settings of EDSR; the defaults are the baseline's."""

    paper: ClassVar[str] = "Lim et al., Enhanced Deep Residual Networks for SISR, CVPRW 2017"
    year: ClassVar[int] = 2017
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "baseline": {},
        "full": {"num_features": 256, "num_blocks": 32, "residual_scale": 0.1},
    }

    name: Literal["edsr"] = "edsr"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    num_blocks: int = Field(16, gt=0)
    residual_scale: float = Field(1.0, gt=0)  # 0.1 keeps the wide network stable (section 3.3)

    def build(self, *, scale: int) -> "EDSR":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return EDSR(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """Files of the authors' EDSR-PyTorch, and the same weights in BasicSR's names."""
        last = self.num_blocks
        authors = {f"body.{last}": f"body.{last}"}
        basicsr = {f"body.{last}": "conv_after_body"}
        for block in range(self.num_blocks):
            for conv, index in (("conv1", 0), ("conv2", 2)):
                authors[f"body.{block}.{conv}"] = f"body.{block}.body.{index}"
                basicsr[f"body.{block}.{conv}"] = f"body.{block}.{conv}"
        for stage in subpixel_stages(scale):
            authors[f"upsample.stages.{stage}"] = f"tail.0.{stage}"
            basicsr[f"upsample.stages.{stage}"] = f"upsample.{stage}"
        return [
            authors_255("the authors' EDSR-PyTorch", "head.0", authors, "tail.1"),
            byte_range("EDSR in BasicSR", "conv_first", basicsr, "conv_last"),
        ]


def byte_range(origin: str, head: str, middle: Mapping[str, str], tail: str) -> KeyMap:
    """Map a network that was trained on pictures in [0, 255]: scale its first and last layer."""
    sources = layers({"head": head}, parts={"weight": ".weight"}, convert=multiplied(255.0))
    sources |= layers({"head": head}, parts={"bias": ".bias"}) | layers(middle)
    sources |= layers({"tail": tail}, convert=multiplied(1 / 255))
    return KeyMap(origin, sources)


def authors_255(origin: str, head: str, middle: Mapping[str, str], tail: str) -> KeyMap:
    """Map a file of EDSR-PyTorch, or of a code made from it: means as layers, range 255."""
    key_map = byte_range(origin, head, middle, tail)
    fixed = mean_shift("sub_mean", [-255 * mean for mean in DIV2K_MEAN])
    fixed |= mean_shift("add_mean", [255 * mean for mean in DIV2K_MEAN])
    return KeyMap(origin, key_map.sources, fixed)


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, scaled and added to the input (figure 2c)."""

    def __init__(self, num_features: int, residual_scale: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_features, num_features, 3, padding=1)
        self.conv2 = nn.Conv2d(num_features, num_features, 3, padding=1)
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x + self.conv2(torch.relu(self.conv1(x))) * self.residual_scale


class EDSR(SRNetwork):
    """See the module's docstring."""

    mean: Tensor

    def __init__(self, config: EDSRConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.body = nn.Sequential(
            *(ResidualBlock(features, config.residual_scale) for _ in range(config.num_blocks)),
            nn.Conv2d(features, features, 3, padding=1),
        )
        self.upsample = SubPixel(features, scale)
        self.tail = ThinConv2d(features, channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        features = self.head(lr - self.mean)
        return self.tail(self.upsample(features + self.body(features))) + self.mean
