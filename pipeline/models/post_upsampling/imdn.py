"""IMDN: information multi-distillation; each block keeps a quarter of its features at every step.

Hui et al., "Lightweight Image Super-Resolution with Information Multi-Distillation Network",
ACM MM 2019, figures 2 to 4. Published (the released files): 694,404 (x2), 703,059 (x3) and
715,176 (x4) parameters. Faithful; the contrast's root has 1e-12 beneath it so that its gradient
exists on flat features.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.keys import KeyMap, layers

SLOPE = 0.05
NUM_STEPS = 3  # distillations in a block, before the last convolution


class IMDNConfig(NetworkConfig):
    """Settings of IMDN."""

    paper: ClassVar[str] = "Hui et al., Information Multi-Distillation Network, ACM MM 2019"
    year: ClassVar[int] = 2019

    name: Literal["imdn"] = "imdn"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0, multiple_of=16)  # a quarter distilled; 16 in the attention
    num_blocks: int = Field(6, gt=0)

    def build(self, *, scale: int) -> "IMDN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return IMDN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/Zheng222/IMDN."""
        names = {"head": "fea_conv", "fuse": "c.0", "smooth": "LR_conv", "tail.0": "upsampler.0"}
        for block in range(self.num_blocks):
            ours, theirs = f"blocks.{block}", f"IMDB{block + 1}"
            for step in range(NUM_STEPS):
                names[f"{ours}.convs.{step}"] = f"{theirs}.c{step + 1}"
            names[f"{ours}.last"] = f"{theirs}.c{NUM_STEPS + 1}"
            names[f"{ours}.fuse"] = f"{theirs}.c{NUM_STEPS + 2}"
            names[f"{ours}.attention.squeeze"] = f"{theirs}.cca.conv_du.0"
            names[f"{ours}.attention.excite"] = f"{theirs}.cca.conv_du.2"
        return [KeyMap("the authors' IMDN", layers(names))]


class ContrastAttention(nn.Module):
    """Channel attention on the sum of each map's mean and standard deviation (section 3.3)."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(num_features, num_features // 16, 1)
        self.excite = nn.Conv2d(num_features // 16, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        mean = x.mean(dim=(2, 3), keepdim=True)
        variance = (x - mean).square().mean(dim=(2, 3), keepdim=True)
        contrast = torch.sqrt(variance + 1e-12) + mean
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(contrast))))


class Block(nn.Module):
    """Three convolutions that each hand a quarter of their features on to the end (figure 3)."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.distilled = num_features // 4
        self.remaining = num_features - self.distilled
        widths = [num_features] + [self.remaining] * (NUM_STEPS - 1)
        self.convs = nn.ModuleList(nn.Conv2d(w, num_features, 3, padding=1) for w in widths)
        self.last = nn.Conv2d(self.remaining, self.distilled, 3, padding=1)
        self.attention = ContrastAttention(num_features)
        self.fuse = nn.Conv2d(num_features, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        kept, rest = [], x
        for conv in self.convs:
            features = functional.leaky_relu(conv(rest), SLOPE)
            distilled, rest = torch.split(features, [self.distilled, self.remaining], dim=1)
            kept.append(distilled)
        kept.append(self.last(rest))
        return x + self.fuse(self.attention(torch.cat(kept, dim=1)))


class IMDN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: IMDNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.blocks = nn.ModuleList(Block(features) for _ in range(config.num_blocks))
        self.fuse = nn.Conv2d(features * config.num_blocks, features, 1)
        self.smooth = nn.Conv2d(features, features, 3, padding=1)
        self.tail = nn.Sequential(
            nn.Conv2d(features, channels * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        head = self.head(lr)
        features, outputs = head, []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        fused = functional.leaky_relu(self.fuse(torch.cat(outputs, dim=1)), SLOPE)
        return self.tail(head + self.smooth(fused))
