"""MemNet: memory blocks that gate what they keep of their recursions and of all earlier blocks.

Tai et al., "MemNet: A Persistent Memory Network for Image Restoration", ICCV 2017, figures 1 and
3, the multi-supervised form of section 3.2. Published: 677K parameters for M6R6, which are the
convolutions' weights (676,992). Faithful to the authors' model: within a memory block the
convolutions of the recursions are shared and their batch normalisations are not; every
convolution comes after normalisation and ReLU; one reconstruction convolution serves all blocks,
each with its own normalisation; the final picture is the weighted sum of the blocks' pictures,
the weights starting equal.

The reconstruction is linear, so the final picture needs it once, applied to the weighted sum of
the blocks' features.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import he_initialise
from pipeline.models.pre_upsampling.drrn import PreActivated
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import Bicubic


class MemNetConfig(NetworkConfig):
    """Settings of MemNet; the defaults are M6R6's."""

    paper: ClassVar[str] = "Tai et al., MemNet: A Persistent Memory Network, ICCV 2017"
    year: ClassVar[int] = 2017
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "m6r6": {},
        "m10r10": {"num_blocks": 10, "num_recursions": 10},
    }

    name: Literal["memnet"] = "memnet"
    colour: Colour = "luma"
    num_features: int = Field(64, gt=0)
    num_blocks: int = Field(6, gt=0)  # M
    num_recursions: int = Field(6, gt=0)  # R

    def build(self, *, scale: int) -> "MemNet":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return MemNet(self, scale=scale)


class MemoryBlock(nn.Module):
    """Recursions of one residual unit (short-term memory), and the gate (figure 2)."""

    def __init__(self, num_features: int, num_recursions: int, num_earlier: int) -> None:
        super().__init__()
        features = num_features
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.norms1 = nn.ModuleList(nn.BatchNorm2d(features) for _ in range(num_recursions))
        self.norms2 = nn.ModuleList(nn.BatchNorm2d(features) for _ in range(num_recursions))
        inputs = (num_earlier + num_recursions) * features
        self.gate = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, features, 1))

    def forward(self, long_term: list[Tensor]) -> Tensor:
        """Outputs of all earlier blocks, each (N, F, H, W) -> (N, F, H, W)."""
        x = long_term[-1]
        short_term = []
        for norm1, norm2 in zip(self.norms1, self.norms2, strict=True):
            x = x + self.conv2(torch.relu(norm2(self.conv1(torch.relu(norm1(x))))))
            short_term.append(x)
        return self.gate(torch.cat([*long_term, *short_term], dim=1))


class MemNet(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: MemNetConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels, blocks = config.num_features, self.num_channels, config.num_blocks
        self.interpolate = Bicubic(scale)
        self.head = PreActivated(channels, features)
        self.blocks = nn.ModuleList(
            MemoryBlock(features, config.num_recursions, block + 1) for block in range(blocks)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(features) for _ in range(blocks))
        self.reconstruct = ThinConv2d(features, channels, 3)
        self.ensemble = nn.Parameter(torch.full((blocks,), 1 / blocks))
        he_initialise(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        interpolated = self.interpolate(lr)
        return self._final(interpolated, self._memories(interpolated))

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """The picture of every memory block, then their weighted sum."""
        interpolated = self.interpolate(lr)
        memories = self._memories(interpolated)
        pictures = [interpolated + self.reconstruct(memory) for memory in memories]
        return [*pictures, self._final(interpolated, memories)]

    def _memories(self, interpolated: Tensor) -> list[Tensor]:
        seen = [self.head(interpolated)]  # each (N, F, scale * H, scale * W)
        for block in self.blocks:
            seen.append(block(seen))
        return [torch.relu(norm(x)) for norm, x in zip(self.norms, seen[1:], strict=True)]

    def _final(self, interpolated: Tensor, memories: list[Tensor]) -> Tensor:
        total = self.ensemble.sum()
        kept = torch.einsum("b,bnfhw->nfhw", self.ensemble / total, torch.stack(memories))
        return total * (interpolated + self.reconstruct(kept))
