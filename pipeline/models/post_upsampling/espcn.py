"""ESPCN: three small layers in LR space, the last one shuffled into the picture.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network", CVPR 2016, section 3.2 and table 1: kernels 5-3-3, 64 and 32
features. Faithful to the tanh variant that the paper prefers; `relu` is its ESPCN (ReLU). The
paper gives no count; on luma there are 22,729 parameters (x3), weights and biases.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork


class ESPCNConfig(NetworkConfig):
    """Settings of ESPCN."""

    paper: ClassVar[str] = "Shi et al., Efficient Sub-Pixel Convolutional Network, CVPR 2016"
    year: ClassVar[int] = 2016
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tanh": {},
        "relu": {"activation": "relu"},
    }

    name: Literal["espcn"] = "espcn"
    colour: Colour = "luma"
    activation: Literal["tanh", "relu"] = "tanh"

    def build(self, *, scale: int) -> "ESPCN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return ESPCN(self, scale=scale)


class ESPCN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: ESPCNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        activation = nn.Tanh if config.activation == "tanh" else nn.ReLU
        self.body = nn.Sequential(
            nn.Conv2d(self.num_channels, 64, 5, padding=2),
            activation(),
            nn.Conv2d(64, 32, 3, padding=1),
            activation(),
            nn.Conv2d(32, self.num_channels * scale**2, 3, padding=1),  # (N, s^2 C, H, W)
            nn.PixelShuffle(scale),
        )

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self.body(lr)
