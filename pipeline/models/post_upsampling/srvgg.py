"""SRVGGNetCompact: a plain chain of convolutions in LR space on top of nearest-neighbour.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
ICCVW 2021, and its released compact models. Published (traiNNer-redux's benchmarks, x4):
1,213,296 parameters with 32 convolutions and 621,424 with 16. Faithful.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.keys import KeyMap, layers


class SRVGGConfig(NetworkConfig):
    """Settings of the compact network; the defaults are `realesr-general-x4v3`'s."""

    paper: ClassVar[str] = "Wang et al., Real-ESRGAN (compact network), ICCVW 2021"
    year: ClassVar[int] = 2021
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conv32": {},
        "conv16": {"num_convs": 16},
    }

    name: Literal["srvgg"] = "srvgg"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    num_convs: int = Field(32, gt=0)  # between the first and the last convolution

    def build(self, *, scale: int) -> "SRVGG":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return SRVGG(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/xinntao/Real-ESRGAN."""
        places = range(self.num_convs + 1)
        convs = {f"body.{2 * i}": f"body.{2 * i}" for i in (*places, self.num_convs + 1)}
        slopes = {f"body.{2 * i + 1}": f"body.{2 * i + 1}" for i in places}
        sources = layers(convs) | layers(slopes, parts={"weight": ".weight"})
        return [KeyMap("the authors' compact Real-ESRGAN", sources)]


class SRVGG(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: SRVGGConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.body = nn.Sequential()
        for i in range(config.num_convs + 1):
            self.body.append(nn.Conv2d(features if i else channels, features, 3, padding=1))
            self.body.append(nn.PReLU(features))
        self.body.append(nn.Conv2d(features, channels * scale**2, 3, padding=1))
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        nearest = functional.interpolate(lr, scale_factor=self.scale, mode="nearest")
        return self.shuffle(self.body(lr)) + nearest
