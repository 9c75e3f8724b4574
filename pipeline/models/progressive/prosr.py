"""ProSR: an asymmetric pyramid of dense blocks, deeper at the lower levels.

Wang et al., "A Fully Progressive Approach to Single-Image Super-Resolution", CVPRW 2018, figure 2
and section 3; layer counts as in the authors' options: `small` is their ProSR_s (dense blocks with
compression), `large` their ProSR_l (residual dense blocks). Every level predicts the residual to
the bicubic enlargement. Faithful (reflected borders, ReLU after each pixel shuffle, no ReLU before
the first 1x1 of a dense layer) but for the input convolution: the authors keep one for each scale
of their curriculum, here there is one. Pictures are in [0, 1]; the authors' files, made for the
range of 255, are rescaled. `forward_level` runs and blends lower levels for a growing curriculum.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig
from pipeline.models.blocks import div2k_mean
from pipeline.models.keys import KeyMap, layers, multiplied
from pipeline.models.progressive.levels import ProgressiveNetwork, num_levels
from pipeline.models.upsampling import Bicubic

MAX_FEATURES = 312  # before a sub-pixel convolution; wider features are compressed to it
BOTTLENECK = 4  # width of a dense layer's 1x1 convolution, in units of the growth


class ProSRConfig(NetworkConfig):
    """Settings of ProSR; the defaults are the small network's."""

    paper: ClassVar[str] = "Wang et al., A Fully Progressive Approach to SISR, CVPRW 2018"
    year: ClassVar[int] = 2018
    scales: ClassVar[Sequence[int]] = (2, 4, 8)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "large": {
            "num_features": 160,
            "growth": 40,
            "blocks": [9, 3, 1],
            "num_layers": 8,
            "residual": True,
        },
    }

    name: Literal["prosr"] = "prosr"
    colour: Colour = "rgb"
    num_features: int = Field(24, gt=0)
    growth: int = Field(12, gt=0)
    blocks: list[int] = Field([4, 2, 1], min_length=3, max_length=3)  # dense blocks of each level
    num_layers: int = Field(6, gt=0)  # in each dense block
    residual: bool = False  # residual dense blocks of constant width instead of compression
    residual_scale: float = Field(0.2, gt=0)  # of residual dense blocks
    block_compression: float = Field(0.4, gt=0, le=1)  # between dense blocks
    level_compression: float = Field(0.5, gt=0, le=1)  # between levels

    def build(self, *, scale: int) -> "ProSR":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return ProSR(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/fperazzi/proSR, which hold all levels and scales."""
        last = num_levels(scale)
        biased: dict[str, str] = {}
        unbiased: dict[str, str] = {}
        pictures: dict[str, str] = {}
        for level in range(last):
            ours, theirs = f"levels.{level}", f"pyramid_residual_{level + 1}"
            if level:
                unbiased[f"{ours}.compress"] = f"{theirs}.compression_{level}.conv1"
            for block in range(self.blocks[level]):
                name = f"{ours}.blocks.{block}"
                kind = "residual_denseblock" if self.residual else "denseblock"
                dense = "dense_block" if self.residual else "dense"
                place = f"{theirs}.{kind}_{block + 1}"
                for layer in range(self.num_layers):
                    source = f"{place}.{dense}.denselayer{layer + 1}"
                    biased[f"{name}.layers.{layer}.0"] = f"{source}.conv_1"
                    biased[f"{name}.layers.{layer}.2"] = f"{source}.conv_2.conv.1"
                if self.residual or block < self.blocks[level] - 1:
                    unbiased[f"{name}.compress"] = f"{place}.comp.conv1"
            biased[f"{ours}.last"] = f"{theirs}.final_conv.final_conv.conv.1"
            biased[f"{ours}.upsample.0"] = f"{theirs}_residual_upsampler.m.0.conv.1"
            pictures[f"reconstruct.{level}"] = f"reconst_{level + 1}.final_conv.conv.1"
        sources = layers(biased) | layers(unbiased, parts={"weight": ".weight"})
        sources |= layers(pictures, convert=multiplied(1 / 255))
        head = {"head": f"init_conv_{last}.conv.1"}
        sources |= layers(head, parts={"bias": ".bias"})
        sources |= layers(head, parts={"weight": ".weight"}, convert=multiplied(255.0))
        return [KeyMap("the authors' ProSR", sources, unused=self._unused(last))]

    def _unused(self, last: int) -> list[str]:
        """Keys of other scales' input convolutions and of levels above."""
        heads = [f"init_conv_{i}.conv.1.{p}" for i in (1, 2, 3) if i != last for p in _PARTS]
        if last == 3:
            return heads
        full = self.key_maps(scale=8)[0]
        above = tuple(
            f"{stem}_{level}{end}"
            for level in range(last + 1, 4)
            for stem, end in (
                ("pyramid_residual", "."),
                ("pyramid_residual", "_"),
                ("reconst", "."),
            )
        )
        return heads + [s.key for s in full.sources.values() if s.key.startswith(above)]


_PARTS = ("weight", "bias")


def reflected(num_inputs: int, num_outputs: int) -> nn.Conv2d:
    """3x3 convolution with reflected borders."""
    return nn.Conv2d(num_inputs, num_outputs, 3, padding=1, padding_mode="reflect")


class DenseBlock(nn.Module):
    """Dense layers (1x1, ReLU, 3x3), compressed; residual in the large network (figure 2)."""

    def __init__(
        self, num_inputs: int, config: ProSRConfig, compressed: int | None, residual: bool
    ) -> None:
        super().__init__()
        growth = config.growth
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(num_inputs + i * growth, BOTTLENECK * growth, 1),
                nn.ReLU(),
                reflected(BOTTLENECK * growth, growth),
            )
            for i in range(config.num_layers)
        )
        self.num_outputs = num_inputs + config.num_layers * growth
        self.residual_scale = config.residual_scale if residual else None
        self.compress: nn.Module = nn.Identity()
        if compressed is not None:
            self.compress = nn.Conv2d(self.num_outputs, compressed, 1, bias=False)
            self.num_outputs = compressed

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        seen = x
        for layer in self.layers:
            seen = torch.cat([seen, layer(seen)], dim=1)
        output = self.compress(seen)
        return output if self.residual_scale is None else x + self.residual_scale * output


class Level(nn.Module):
    """Dense blocks of one level and the doubling of its features."""

    def __init__(self, num_inputs: int, config: ProSRConfig, *, number: int) -> None:
        super().__init__()
        self.residual = config.residual
        features = num_inputs
        self.compress: nn.Module = nn.Identity()
        if number > 1:
            kept = int(config.level_compression * features)
            features = config.num_features if config.residual else kept
            self.compress = nn.Conv2d(num_inputs, features, 1, bias=False)
        self.blocks = nn.Sequential()
        count = config.blocks[number - 1]
        for block in range(count):
            grown = features + config.num_layers * config.growth
            compressed: int | None = int(config.block_compression * grown)
            if config.residual:
                compressed = features
            elif block == count - 1:
                compressed = None
            dense = DenseBlock(features, config, compressed, config.residual)
            self.blocks.append(dense)
            features = dense.num_outputs
        self.num_outputs = min(features, MAX_FEATURES)
        self.narrow: nn.Module = nn.Identity()
        if features > MAX_FEATURES:
            self.narrow = nn.Conv2d(features, MAX_FEATURES, 1, bias=False)
        self.last = reflected(self.num_outputs, self.num_outputs)
        self.upsample = nn.Sequential(
            reflected(self.num_outputs, 4 * self.num_outputs), nn.PixelShuffle(2), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2H, 2W)."""
        features = self.last(self.narrow(self.blocks(self.compress(x))))
        return self.upsample(features + x if self.residual else features)


class ProSR(ProgressiveNetwork):
    """See the module's docstring."""

    min_size = 2  # a border is reflected
    mean: Tensor

    def __init__(self, config: ProSRConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        channels, features = self.num_channels, config.num_features
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = reflected(channels, features)
        self.levels = nn.ModuleList()
        self.reconstruct = nn.ModuleList()
        self.enlarge = nn.ModuleList()
        for number in range(1, self.num_levels + 1):
            level = Level(features, config, number=number)
            features = level.num_outputs
            self.levels.append(level)
            self.reconstruct.append(reflected(features, channels))
            self.enlarge.append(Bicubic(2**number))

    def pictures(self, lr: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """See the base class."""
        features = self.head(lr - self.mean)
        found = []
        for number in range(1, wanted[-1] + 1):
            features = self.levels[number - 1](features)
            if number in wanted:
                residual = self.reconstruct[number - 1](features)
                found.append(self.enlarge[number - 1](lr) + residual)
        return found
