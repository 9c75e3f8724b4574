"""SPAN: attention without parameters, a symmetric function of a block's own output.

Wan et al., "Swift Parameter-free Attention Network for Efficient Super-Resolution", CVPRW 2024,
figures 2 and 3: six blocks of three convolutions, 48 features. While it is trained each 3x3
convolution is the sum of a 1x1 and of a chain 1x1-3x3-1x1 of double width; here the one kernel
that equals them is computed from their weights at each call, so the picture is convolved once,
and training and evaluation agree. Published (paper, table 2): 481K (x2) and 498K (x4) parameters
for 52 features, 411K and 426K for 48, of the merged form. Means and ranges as in the authors'
code: the picture less its mean, times 255, and an output in [0, 1] without the mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import div2k_mean
from pipeline.models.keys import KeyMap, layers

NUM_BLOCKS = 6  # the concatenation names them: the input and the outputs of blocks 1, 5 and 6


class SPANConfig(NetworkConfig):
    """Settings of SPAN; the defaults are SPAN-S."""

    paper: ClassVar[str] = "Wan et al., Swift Parameter-free Attention Network, CVPRW 2024"
    year: ClassVar[int] = 2024
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "s": {},
        "full": {"num_features": 52},
    }

    name: Literal["span"] = "span"
    colour: Colour = "rgb"
    num_features: int = Field(48, gt=0)

    def build(self, *, scale: int) -> "SPAN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return SPAN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/hongyuanyu/SPAN; their merged copies are not needed."""
        convs = {"head": "conv_1", "last": "conv_2"}
        for block in range(NUM_BLOCKS):
            for conv in range(3):
                convs[f"blocks.{block}.convs.{conv}"] = f"block_{block + 1}.c{conv + 1}_r"
        names = {"fuse": "conv_cat", "tail.0": "upsampler.0"}
        for ours, theirs in convs.items():
            names[f"{ours}.skip"] = f"{theirs}.sk"
            for i, part in enumerate(("expand", "spatial", "reduce")):
                names[f"{ours}.{part}"] = f"{theirs}.conv.{i}"
        merged = [f"{conv}.eval_conv.{part}" for conv in convs.values() for part in _PARTS]
        return [KeyMap("the authors' SPAN", layers(names), unused=merged)]


_PARTS = ("weight", "bias")


class MergedConv(nn.Module):
    """A 3x3 convolution whose kernel is the sum of a 1x1 and a chain 1x1-3x3-1x1."""

    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(num_inputs, num_outputs, 1)
        self.expand = nn.Conv2d(num_inputs, 2 * num_inputs, 1)
        self.spatial = nn.Conv2d(2 * num_inputs, 2 * num_outputs, 3)
        self.reduce = nn.Conv2d(2 * num_outputs, num_outputs, 1)

    def merged(self) -> tuple[Tensor, Tensor]:
        """Kernel (out, in, 3, 3) and bias (out) of the one equal convolution.

        The chain sees zeros around the *picture* and the first bias there too, as in the
        authors' code, which is what makes the merged bias exact at borders.
        """
        expand, reduce = self.expand.weight[..., 0, 0], self.reduce.weight[..., 0, 0]
        kernel = torch.einsum("om,mkhw,ki->oihw", reduce, self.spatial.weight, expand)
        bias = self.spatial.weight.sum(dim=(2, 3)) @ _bias(self.expand) + _bias(self.spatial)
        bias = reduce @ bias + _bias(self.reduce) + _bias(self.skip)
        return kernel + functional.pad(self.skip.weight, (1, 1, 1, 1)), bias

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        kernel, bias = self.merged()
        return functional.conv2d(x, kernel, bias, padding=1)


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


class AttentionBlock(nn.Module):
    """Three convolutions, whose output weighs itself and the input (figure 3)."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(MergedConv(num_features, num_features) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, F, H, W) -> output and first activation, both (N, F, H, W)."""
        first = functional.silu(self.convs[0](x))
        output = self.convs[2](functional.silu(self.convs[1](first)))
        return (output + x) * (torch.sigmoid(output) - 0.5), first


class SPAN(SRNetwork):
    """See the module's docstring."""

    mean: Tensor

    def __init__(self, config: SPANConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = MergedConv(channels, features)
        self.blocks = nn.ModuleList(AttentionBlock(features) for _ in range(NUM_BLOCKS))
        self.last = MergedConv(features, features)
        self.fuse = nn.Conv2d(4 * features, features, 1)
        self.tail = nn.Sequential(
            nn.Conv2d(features, channels * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        head = self.head((lr - self.mean) * 255)
        features, outputs, firsts = head, [], []
        for block in self.blocks:
            features, first = block(features)
            outputs.append(features)
            firsts.append(first)
        # `out_b5_2` of the authors' code: the first activation *within* the last block.
        seen = [head, self.last(outputs[-1]), outputs[0], firsts[-1]]
        return self.tail(self.fuse(torch.cat(seen, dim=1)))
