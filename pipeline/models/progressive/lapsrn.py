"""LapSRN: a Laplacian pyramid, one level for every doubling, each level supervised.

Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017,
figure 1(e) and section 3.1. Published: 813K parameters (x4); that counts weights without biases
(812,768), with biases there are 814,242. Faithful to the released model: leaky ReLU of 0.2, the
feature upsampling of kernel 3 crops the last row and column, the image upsampling of kernel 4 is
learned and starts bilinear. Defined for powers of two (the paper's x3 shrinks the x4 picture).
Ten convolutions a level for x2 and x4, five for x8 (section 4.1); released files of either depth
are recognised.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig
from pipeline.models.keys import KeyMap, Source, from_matconvnet, layers
from pipeline.models.progressive.levels import ProgressiveNetwork, num_levels
from pipeline.models.thin import ThinConv2d

SLOPE = 0.2


class LapSRNConfig(NetworkConfig):
    """Settings of LapSRN."""

    paper: ClassVar[str] = "Lai et al., Deep Laplacian Pyramid Networks for Fast SR, CVPR 2017"
    year: ClassVar[int] = 2017
    scales: ClassVar[Sequence[int]] = (2, 4, 8)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "d10": {},
        "d5": {"num_layers": 5},
    }

    name: Literal["lapsrn"] = "lapsrn"
    colour: Colour = "luma"
    num_features: int = Field(64, gt=0)
    num_layers: int = Field(10, gt=0)  # convolutions before the upsampling, in each level

    def build(self, *, scale: int) -> "LapSRN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return LapSRN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' MatConvNet files, github.com/phoenix104104/LapSRN.

        Their levels count down: with three, level 3 is the first.
        """
        last = num_levels(scale)
        names, images = {"head": "input_conv"}, {}
        for level in range(last):
            ours, theirs = f"levels.{level}", f"level{last - level}"
            for conv in range(self.num_layers):
                names[f"{ours}.convs.{conv}"] = f"{theirs}_conv{conv + 1}"
            names[f"{ours}.upsample"] = f"{theirs}_upconv"
            names[f"{ours}.residual"] = f"{theirs}_residual_conv"
            images[f"{ours}.image_upsample"] = f"{theirs}_img_up"
        return [KeyMap("the authors' LapSRN", matconvnet_layers(names, images))]


class ImageUpsample(nn.ConvTranspose2d):
    """Learned doubling of a picture, each channel alone, that starts as bilinear."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, stride=2, padding=1, groups=channels, bias=False)
        ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
        with torch.no_grad():
            self.weight.copy_(torch.outer(ramp, ramp).expand_as(self.weight))


class FeatureUpsample(nn.ConvTranspose2d):
    """Transposed convolution of kernel 3 and stride 2 that crops the last row and column."""

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, num_features, 3, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, F, H, W) -> (N, F, 2H, 2W)."""
        return super().forward(x, output_size)[..., :-1, :-1]


class Level(nn.Module):
    """Features of one level, doubled, and the residual of its picture."""

    def __init__(self, num_features: int, num_layers: int, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(num_features, num_features, 3, padding=1) for _ in range(num_layers)
        )
        self.upsample = FeatureUpsample(num_features)
        self.residual = ThinConv2d(num_features, channels, 3)
        self.image_upsample = ImageUpsample(channels)

    def forward(self, features: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """(N, F, H, W), (N, C, H, W) -> (N, F, 2H, 2W), (N, C, 2H, 2W)."""
        for conv in self.convs:
            features = functional.leaky_relu(conv(features), SLOPE)
        features = functional.leaky_relu(self.upsample(features), SLOPE)
        return features, self.image_upsample(image) + self.residual(features)


class LapSRN(ProgressiveNetwork):
    """See the module's docstring."""

    def __init__(self, config: LapSRNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.levels = nn.ModuleList(
            Level(features, config.num_layers, channels) for _ in range(self.num_levels)
        )
        initialise(self)

    def pictures(self, lr: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """See the base class."""
        features, image = functional.leaky_relu(self.head(lr), SLOPE), lr
        found = []
        for number, level in enumerate(self.levels[: wanted[-1]], start=1):
            features, image = level(features, image)
            if number in wanted:
                found.append(image)
        return found


def matconvnet_layers(biased: Mapping[str, str], unbiased: Mapping[str, str]) -> dict[str, Source]:
    """Map layers whose parameters MatConvNet names `<layer>_f` and `<layer>_b`."""
    parts = {"weight": "_f", "bias": "_b"}
    return layers(biased, parts=parts, convert=from_matconvnet) | layers(
        unbiased, parts={"weight": "_f"}, convert=from_matconvnet
    )


def initialise(network: nn.Module) -> None:
    """Draw the weights as the authors do: He et al.'s for ReLU, zero biases; small first layer."""
    for name, module in network.named_modules():
        if isinstance(module, ImageUpsample) or not isinstance(
            module, nn.Conv2d | nn.ConvTranspose2d
        ):
            continue
        num_features = module.weight.shape[0 if isinstance(module, nn.ConvTranspose2d) else 1]
        std = 0.001 if name == "head" else (2 / (9 * num_features)) ** 0.5
        nn.init.normal_(module.weight, std=std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
