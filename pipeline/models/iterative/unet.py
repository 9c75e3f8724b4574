"""U-Net for super-resolution: down to a coarse view of the whole picture and up again.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI
2015, figure 1: 23 convolutions, 64 features that double on each of four ways down and halve on
the way up, the features of equal size concatenated. Differences for super-resolution: the input
is the interpolated picture and the output is added to it; convolutions are padded, so that no
border is lost (the paper crops it); the picture is extended to a multiple of 2 ** depth inside and
cropped at the end; no dropout. Weights start from He et al.'s distribution, as in the paper.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import crop, he_initialise, pad_to_multiple
from pipeline.models.upsampling import Bicubic


class UNetConfig(NetworkConfig):
    """Settings of U-Net; the defaults are the paper's."""

    paper: ClassVar[str] = "Ronneberger et al., U-Net, MICCAI 2015 (adapted)"
    year: ClassVar[int] = 2015
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {},
        "small": {"num_features": 16, "depth": 3},
    }

    name: Literal["unet"] = "unet"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    depth: int = Field(4, gt=0)  # halvings

    def build(self, *, scale: int) -> "UNet":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return UNet(self, scale=scale)


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions with ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.ReLU(),
        )


class UNet(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: UNetConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        channels = self.num_channels
        widths = [config.num_features * 2**level for level in range(config.depth + 1)]
        self.multiple = 2**config.depth
        self.interpolate = Bicubic(scale)
        self.encoders = nn.ModuleList(
            DoubleConv(inputs, outputs)
            for inputs, outputs in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in widths[-2::-1]
        )
        self.decoders = nn.ModuleList(DoubleConv(2 * width, width) for width in widths[-2::-1])
        self.tail = nn.Conv2d(widths[0], channels, 1)
        he_initialise(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        interpolated = self.interpolate(lr)
        height, width = interpolated.shape[-2:]
        x = self.encoders[0](pad_to_multiple(interpolated, self.multiple))
        skips = []
        for encoder in self.encoders[1:]:
            skips.append(x)  # (N, F * 2 ** level, H / 2 ** level, W / 2 ** level)
            x = encoder(functional.max_pool2d(x, 2))
        for enlarge, decoder in zip(self.enlarge, self.decoders, strict=True):
            x = decoder(torch.cat([skips.pop(), enlarge(x)], dim=1))
        return interpolated + crop(self.tail(x), height, width)
