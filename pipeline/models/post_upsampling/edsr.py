"""EDSR: residual blocks without normalisation, enlarged by sub-pixel convolution at the end.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
figure 3 and table 1. Published: 1.37M (x2) and 1.518M (x4) parameters for the baseline, 40.7M
and 43.1M for the full network. Faithful, with the data set's mean (of DIV2K) as a buffer.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.upsampling import SubPixel

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


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
        mean = DIV2K_MEAN if channels == 3 else (sum(DIV2K_MEAN) / 3,)
        self.register_buffer("mean", torch.tensor(mean).view(1, channels, 1, 1), persistent=False)
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.body = nn.Sequential(
            *(ResidualBlock(features, config.residual_scale) for _ in range(config.num_blocks)),
            nn.Conv2d(features, features, 3, padding=1),
        )
        self.upsample = SubPixel(features, scale)
        self.tail = nn.Conv2d(features, channels, 3, padding=1)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        features = self.head(lr - self.mean)
        return self.tail(self.upsample(features + self.body(features))) + self.mean
