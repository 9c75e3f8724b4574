"""VDSR: twenty convolutions that predict what the interpolated picture lacks.

Kim et al., "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016,
figure 1 and section 3.1. Published: 665K parameters; 664,704 without biases, which is what the
public weights of a PyTorch training hold and what is built here. One network serves all scales,
as in the paper; weights start from He et al.'s distribution, as there.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import he_initialise
from pipeline.models.keys import KeyMap, layers
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import Bicubic


class VDSRConfig(NetworkConfig):
    """Settings of VDSR; the defaults are the paper's."""

    paper: ClassVar[str] = "Kim et al., Accurate Image SR Using Very Deep Networks, CVPR 2016"
    year: ClassVar[int] = 2016

    name: Literal["vdsr"] = "vdsr"
    colour: Colour = "luma"
    num_features: int = Field(64, gt=0)
    num_layers: int = Field(20, ge=2)

    def build(self, *, scale: int) -> "VDSR":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return VDSR(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The files of github.com/twtygqyy/pytorch-vdsr, one for all scales."""
        last = self.num_layers - 1
        names = {"body.0": "input", f"body.{2 * last}": "output"}
        for layer in range(1, last):
            names[f"body.{2 * layer}"] = f"residual_layer.{layer - 1}.conv"
        parts = {"weight": ".weight"}
        return [KeyMap("VDSR of a public PyTorch training", layers(names, parts=parts))]


class VDSR(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: VDSRConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.interpolate = Bicubic(scale)
        self.body = nn.Sequential()
        for inputs, outputs in pairwise([channels, *[features] * (config.num_layers - 1)]):
            self.body.append(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            self.body.append(nn.ReLU())
        self.body.append(ThinConv2d(features, channels, 3, bias=False))
        he_initialise(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        interpolated = self.interpolate(lr)
        return interpolated + self.body(interpolated)
