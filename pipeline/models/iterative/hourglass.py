"""Stacked hourglass for super-resolution: repeated views from fine to coarse and back.

Newell et al., "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016, figures 3 and 4:
each hourglass halves the features four times and enlarges them back, adding at every size what
branched off on the way down; after each one a picture is predicted, supervised, and fed back into
the next. Differences for super-resolution: the input is the interpolated picture, at full size
(the paper shrinks it by four first), and every prediction is added to it; no batch normalisation
(it takes away the range of intensities, and ties the result to the batch); in its place the last
convolution of every residual module starts at a tenth of He et al.'s distribution. The picture is
extended to a multiple of 2 ** depth inside and cropped at the end.
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


class HourglassConfig(NetworkConfig):
    """Settings of the stacked hourglass; the defaults are the paper's."""

    paper: ClassVar[str] = "Newell et al., Stacked Hourglass Networks, ECCV 2016 (adapted)"
    year: ClassVar[int] = 2016
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {},
        "small": {"num_features": 32, "num_stacks": 2, "depth": 3},
    }

    name: Literal["hourglass"] = "hourglass"
    colour: Colour = "rgb"
    num_features: int = Field(256, gt=1, multiple_of=2)
    num_stacks: int = Field(8, gt=0)
    depth: int = Field(4, gt=0)  # halvings

    def build(self, *, scale: int) -> "Hourglass":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return Hourglass(self, scale=scale)


class ResidualModule(nn.Module):
    """Pre-activated bottleneck: 1x1 to half the features, 3x3, 1x1 back (figure 4, left)."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        half = num_features // 2
        self.reduce = nn.Conv2d(num_features, half, 1)
        self.conv = nn.Conv2d(half, half, 3, padding=1)
        self.expand = nn.Conv2d(half, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        y = self.conv(torch.relu(self.reduce(torch.relu(x))))
        return x + self.expand(torch.relu(y))


class Level(nn.Module):
    """One halving of an hourglass and everything inside it (figure 3)."""

    def __init__(self, num_features: int, depth: int) -> None:
        super().__init__()
        self.branch = ResidualModule(num_features)
        self.down = ResidualModule(num_features)
        self.inside: nn.Module = (
            Level(num_features, depth - 1) if depth > 1 else ResidualModule(num_features)
        )
        self.up = ResidualModule(num_features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W), both sides even."""
        coarse = self.up(self.inside(self.down(functional.max_pool2d(x, 2))))  # (N, F, H/2, W/2)
        return self.branch(x) + functional.interpolate(coarse, scale_factor=2, mode="nearest")


class Stack(nn.Module):
    """An hourglass, its features and its prediction (figure 4, right)."""

    def __init__(self, num_features: int, depth: int, channels: int) -> None:
        super().__init__()
        self.hourglass = Level(num_features, depth)
        self.refine = nn.Sequential(
            ResidualModule(num_features), nn.Conv2d(num_features, num_features, 1), nn.ReLU()
        )
        self.predict = nn.Conv2d(num_features, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, F, H, W) -> features (N, F, H, W) and residual picture (N, C, H, W)."""
        features = self.refine(self.hourglass(x))
        return features, self.predict(features)


class Hourglass(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: HourglassConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels, stacks = config.num_features, self.num_channels, config.num_stacks
        self.multiple = 2**config.depth
        self.interpolate = Bicubic(scale)
        self.head = nn.Sequential(
            nn.Conv2d(channels, features, 3, padding=1), ResidualModule(features)
        )
        self.stacks = nn.ModuleList(Stack(features, config.depth, channels) for _ in range(stacks))
        # How a stack's features and its prediction enter the next one.
        self.feed_features = nn.ModuleList(
            nn.Conv2d(features, features, 1) for _ in range(stacks - 1)
        )
        self.feed_pictures = nn.ModuleList(
            nn.Conv2d(channels, features, 1) for _ in range(stacks - 1)
        )
        he_initialise(self)
        for module in self.modules():
            if isinstance(module, ResidualModule):
                module.expand.weight.data.mul_(0.1)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self.forward_all(lr)[-1]

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """The picture after every stack."""
        interpolated = self.interpolate(lr)
        height, width = interpolated.shape[-2:]
        x = self.head(pad_to_multiple(interpolated, self.multiple))
        pictures = []
        for index, stack in enumerate(self.stacks):
            features, residual = stack(x)
            pictures.append(interpolated + crop(residual, height, width))
            if index < len(self.feed_features):
                x = x + self.feed_features[index](features) + self.feed_pictures[index](residual)
        return pictures
