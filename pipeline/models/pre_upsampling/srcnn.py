"""SRCNN: three convolutions on the interpolated picture, the first network for super-resolution.

Dong et al., "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 2016, figure 2:
f1 x f1 filters into n1 maps (patch extraction), f2 x f2 into n2 (non-linear mapping), f3 x f3 into
the picture (reconstruction). Published: 8,032 weights (9-1-5) and 57,184 (9-5-5); with biases
8,129 and 57,281. Two departures: borders are padded with zeros, so that the output is as large as
the picture (the paper trains without padding, its test code repeats the border), and the first two
layers start from He et al.'s distribution instead of a standard deviation of 0.001, which Adam
leaves much sooner.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.keys import KeyMap, Source
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import Bicubic


class SRCNNConfig(NetworkConfig):
    """Settings of SRCNN f1-f2-f3; the defaults are 9-1-5, kernels are odd."""

    paper: ClassVar[str] = "Dong et al., Image SR Using Deep Convolutional Networks, TPAMI 2016"
    year: ClassVar[int] = 2014
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "9-1-5": {},
        "9-5-5": {"mapping_kernel": 5},
    }

    name: Literal["srcnn"] = "srcnn"
    colour: Colour = "luma"
    num_features: int = Field(64, gt=0)  # n1
    num_mapped: int = Field(32, gt=0)  # n2
    mapping_kernel: Literal[1, 3, 5] = 1  # f2; f1 = 9 and f3 = 5 throughout the paper

    def build(self, *, scale: int) -> "SRCNN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return SRCNN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The .mat files of the authors' test code; the picture has no axis in them."""
        axes = {"extract": 0, "map": None, "reconstruct": 2}
        sources = {}
        for number, (layer, axis) in enumerate(axes.items(), 1):
            convert = partial(_from_columns, absent=axis)
            sources[f"{layer}.weight"] = Source(f"weights_conv{number}", convert)
            sources[f"{layer}.bias"] = Source(f"biases_conv{number}", torch.flatten)
        return [KeyMap("the authors' SRCNN", sources)]


def _from_columns(value: Tensor, *, absent: int | None) -> Tensor:
    """Filters (in, k * k, out), one of the axes absent, whose values run down column by column."""
    filters = value if absent is None else value.unsqueeze(absent)
    inputs, area, outputs = filters.shape
    side = math.isqrt(area)
    return filters.permute(2, 0, 1).reshape(outputs, inputs, side, side).transpose(2, 3)


class SRCNN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: SRCNNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        n1, n2, kernel = config.num_features, config.num_mapped, config.mapping_kernel
        self.interpolate = Bicubic(scale)
        self.extract = nn.Conv2d(self.num_channels, n1, 9, padding=4)
        self.map = nn.Conv2d(n1, n2, kernel, padding=kernel // 2)
        self.reconstruct = ThinConv2d(n2, self.num_channels, 5)
        for conv in (self.extract, self.map):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.normal_(self.reconstruct.weight, std=0.001)  # section 4.1 of the paper
        for conv in (self.extract, self.map, self.reconstruct):
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        x = self.interpolate(lr)  # (N, C, scale * H, scale * W), as everything below
        x = torch.relu(self.extract(x))
        x = torch.relu(self.map(x))
        return self.reconstruct(x)
