"""DRRN: a residual unit of two convolutions used again and again, always added to the same input.

Tai et al., "Image Super-Resolution via Deep Recursive Residual Network", CVPR 2017, figures 2(d)
and 4; B recursive blocks of U units. Published: 297K parameters, which are the convolutions'
weights (297,216 for B = 1, whatever U is); biases and normalisation add 5.3K (U = 9) or 13.4K
(U = 25). Faithful to the authors' model: the units of a block share their convolutions but not
their batch normalisation, every convolution comes after normalisation and ReLU, the first and the
last too, and weights start from He et al.'s distribution.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import he_initialise
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import Bicubic


class DRRNConfig(NetworkConfig):
    """Settings of DRRN; the defaults are B1U9's."""

    paper: ClassVar[str] = "Tai et al., Image SR via Deep Recursive Residual Network, CVPR 2017"
    year: ClassVar[int] = 2017
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "b1u9": {},
        "b1u25": {"num_units": 25},
    }

    name: Literal["drrn"] = "drrn"
    colour: Colour = "luma"
    num_features: int = Field(128, gt=0)
    num_blocks: int = Field(1, gt=0)  # B
    num_units: int = Field(9, gt=0)  # U

    def build(self, *, scale: int) -> "DRRN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return DRRN(self, scale=scale)


class PreActivated(nn.Sequential):
    """Batch normalisation, ReLU, 3x3 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )


class RecursiveBlock(nn.Module):
    """One convolution of its own, then `num_units` times the shared residual unit (figure 3)."""

    def __init__(self, inputs: int, num_features: int, num_units: int) -> None:
        super().__init__()
        self.enter = PreActivated(inputs, num_features)
        self.conv1 = nn.Conv2d(num_features, num_features, 3, padding=1)
        self.conv2 = nn.Conv2d(num_features, num_features, 3, padding=1)
        self.norms1 = nn.ModuleList(nn.BatchNorm2d(num_features) for _ in range(num_units))
        self.norms2 = nn.ModuleList(nn.BatchNorm2d(num_features) for _ in range(num_units))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, F, H, W)."""
        first = x = self.enter(x)
        for norm1, norm2 in zip(self.norms1, self.norms2, strict=True):
            x = self.conv1(torch.relu(norm1(x)))
            x = self.conv2(torch.relu(norm2(x))) + first
        return x


class DRRN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: DRRNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.interpolate = Bicubic(scale)
        self.blocks = nn.Sequential(
            *(
                RecursiveBlock(features if block else channels, features, config.num_units)
                for block in range(config.num_blocks)
            )
        )
        self.tail = nn.Sequential(
            nn.BatchNorm2d(features), nn.ReLU(), ThinConv2d(features, channels, 3)
        )
        he_initialise(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        interpolated = self.interpolate(lr)
        return interpolated + self.tail(self.blocks(interpolated))
