"""DRCN: one convolution used sixteen times, every recursion giving a picture of its own.

Kim et al., "Deeply-Recursive Convolutional Network for Image Super-Resolution", CVPR 2016, figures
1 and 3(a). The embedding net makes features, the inference net is one convolution applied again
and again, the reconstruction net turns each of its results into a picture (the same net for all);
the final picture is their weighted sum, and all are supervised. Published: 1,774K parameters,
which are the weights without biases (1,774,080).

The recursive convolution starts as the identity and the sum as their mean, as in the paper.
One departure: no ReLU after the last convolution, whose result is added to the interpolated
picture and has both signs.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import he_initialise
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import Bicubic


class DRCNConfig(NetworkConfig):
    """Settings of DRCN; the defaults are the paper's."""

    paper: ClassVar[str] = "Kim et al., Deeply-Recursive Convolutional Network for SR, CVPR 2016"
    year: ClassVar[int] = 2016

    name: Literal["drcn"] = "drcn"
    colour: Colour = "luma"
    num_features: int = Field(256, gt=0)
    num_recursions: int = Field(16, gt=0)

    def build(self, *, scale: int) -> "DRCN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return DRCN(self, scale=scale)


class DRCN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: DRCNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.interpolate = Bicubic(scale)
        self.embed = nn.Sequential(
            nn.Conv2d(channels, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
        )
        self.recur = nn.Conv2d(features, features, 3, padding=1)
        self.reconstruct = nn.Sequential(
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
            ThinConv2d(features, channels, 3),
        )
        recursions = config.num_recursions
        self.ensemble = nn.Parameter(torch.full((recursions,), 1 / recursions))
        he_initialise(self)
        nn.init.dirac_(self.recur.weight)  # section 5.2

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self.forward_all(lr)[-1]

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """The picture of every recursion, then their weighted sum."""
        interpolated = self.interpolate(lr)
        features = self.embed(interpolated)  # (N, F, scale * H, scale * W)
        pictures = []
        for _ in self.ensemble:
            features = torch.relu(self.recur(features))
            pictures.append(interpolated + self.reconstruct(features))
        final = torch.einsum("r,rnchw->nchw", self.ensemble, torch.stack(pictures))
        return [*pictures, final]
