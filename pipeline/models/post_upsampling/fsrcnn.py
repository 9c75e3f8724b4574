"""FSRCNN: shrink, map, expand in LR space, enlarge by one transposed convolution.

Dong et al., "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016,
FSRCNN(d, s, m) of section 3.2. Faithful but for the first weights of the convolutions, which are
PyTorch's; 12K parameters as published for (56, 12, 4).
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.thin import ThinConvTranspose2d


class FSRCNNConfig(NetworkConfig):
    """Settings of FSRCNN(d, s, m)."""

    paper: ClassVar[str] = "Dong et al., Accelerating the SRCNN, ECCV 2016"
    year: ClassVar[int] = 2016
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {},
        "small": {"num_features": 32, "num_shrunk": 5, "num_layers": 1},
    }

    name: Literal["fsrcnn"] = "fsrcnn"
    colour: Colour = "luma"
    num_features: int = Field(56, gt=0)  # d
    num_shrunk: int = Field(12, gt=0)  # s
    num_layers: int = Field(4, ge=0)  # m

    def build(self, *, scale: int) -> "FSRCNN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return FSRCNN(self, scale=scale)


class FSRCNN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: FSRCNNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        d, s, channels = config.num_features, config.num_shrunk, self.num_channels
        self.features = nn.Sequential(nn.Conv2d(channels, d, 5, padding=2), nn.PReLU(d))
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU(s))
        self.mapping = nn.Sequential()
        for _ in range(config.num_layers):
            self.mapping.append(nn.Conv2d(s, s, 3, padding=1))
            self.mapping.append(nn.PReLU(s))
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU(d))
        self.enlarge = ThinConvTranspose2d(d, channels, 9, stride=scale)
        nn.init.normal_(self.enlarge.weight, std=0.001)  # as the paper, and SRCNN before it

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        features = self.expand(self.mapping(self.shrink(self.features(lr))))
        return self.enlarge(features)
