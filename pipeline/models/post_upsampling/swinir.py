"""SwinIR: windowed self-attention, shifted from block to block (the lightweight variant).

Liang et al., "SwinIR: Image Restoration Using Swin Transformer", ICCVW 2021, figure 2 and section
4.1: 4 groups of 6 layers, 60 features, 6 heads, windows of 8, one sub-pixel convolution. Published
(table 3): 878K (x2), 886K (x3) and 897K (x4) parameters, which leave out the 32,400 numbers of the
position biases (877,752, 885,867, 897,228). Multiply-adds are 240.9G, 109.2G and 62.7G with the
products of attention; the paper's 195.6G, 87.2G and 49.6G count fewer, by a rule it does not state.
Faithful but for stochastic depth, which only training had. Any size works: the picture is mirrored
to a multiple of the window and the result cropped.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import crop, div2k_mean, padded_side
from pipeline.models.keys import KeyMap, Source, layers


class SwinIRConfig(NetworkConfig):
    """Settings of SwinIR; the defaults are the lightweight network's."""

    paper: ClassVar[str] = "Liang et al., SwinIR, ICCVW 2021"
    year: ClassVar[int] = 2021
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"lightweight": {}}

    name: Literal["swinir"] = "swinir"
    colour: Colour = "rgb"
    num_features: int = Field(60, gt=0)
    num_groups: int = Field(4, gt=0)
    num_layers: int = Field(6, gt=0)  # in each group
    num_heads: int = Field(6, gt=0)
    window: int = Field(8, gt=1)

    def build(self, *, scale: int) -> "SwinIR":
        """Construct the network with freshly initialised weights.

        Raises:
            ValueError: If the heads do not divide the features.
        """
        self.check_scale(scale)
        if self.num_features % self.num_heads:
            raise ValueError(
                f"num_heads {self.num_heads} does not divide num_features {self.num_features}"
            )
        return SwinIR(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/JingyunLiang/SwinIR."""
        names = {"head": "conv_first", "head_norm": "patch_embed.norm", "last_norm": "norm"}
        names |= {"last": "conv_after_body", "tail.0": "upsample.0"}
        tables: dict[str, Source] = {}
        constants = []
        for group in range(self.num_groups):
            names[f"groups.{group}.last"] = f"layers.{group}.conv"
            for layer in range(self.num_layers):
                ours = f"groups.{group}.layers.{layer}"
                theirs = f"layers.{group}.residual_group.blocks.{layer}"
                names |= {
                    f"{ours}.norm1": f"{theirs}.norm1",
                    f"{ours}.attention.qkv": f"{theirs}.attn.qkv",
                    f"{ours}.attention.project": f"{theirs}.attn.proj",
                    f"{ours}.norm2": f"{theirs}.norm2",
                    f"{ours}.mlp.0": f"{theirs}.mlp.fc1",
                    f"{ours}.mlp.2": f"{theirs}.mlp.fc2",
                }
                tables[f"{ours}.attention.bias_table"] = Source(
                    f"{theirs}.attn.relative_position_bias_table"
                )
                constants += [f"{theirs}.attn.relative_position_index", f"{theirs}.attn_mask"]
        return [KeyMap("the authors' SwinIR", layers(names) | tables, unused=constants)]


class WindowAttention(nn.Module):
    """Self-attention within a window, with a learned bias for each relative position."""

    relative_index: Tensor

    def __init__(self, num_features: int, num_heads: int, window: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(num_features, 3 * num_features)
        self.project = nn.Linear(num_features, num_features)
        self.bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, num_heads))
        position = torch.stack(
            torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        ).flatten(1)
        offset = position[:, :, None] - position[:, None, :] + window - 1  # (2, T, T)
        index = offset[0] * (2 * window - 1) + offset[1]
        self.register_buffer("relative_index", index.flatten(), persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(N, windows, T, F), mask (windows, 1, T, T) -> (N, windows, T, F)."""
        batch, windows, tokens, features = x.shape
        split = self.qkv(x).view(batch * windows, tokens, 3, self.num_heads, -1)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)  # each (N * windows, heads, T, F / heads)
        bias = self.bias_table[self.relative_index].view(1, tokens, tokens, -1).permute(0, 3, 1, 2)
        if mask is not None:
            bias = (bias + mask).expand(batch, -1, -1, -1, -1).flatten(0, 1)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.project(seen.transpose(1, 2).reshape(batch, windows, tokens, features))


class TransformerLayer(nn.Module):
    """Attention and a two-layer network on each pixel, both residual (figure 2b)."""

    def __init__(self, num_features: int, num_heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.window = window
        self.shift = shift
        self.norm1 = nn.LayerNorm(num_features)
        self.attention = WindowAttention(num_features, num_heads, window)
        self.norm2 = nn.LayerNorm(num_features)
        self.mlp = nn.Sequential(
            nn.Linear(num_features, 2 * num_features),
            nn.GELU(),
            nn.Linear(2 * num_features, num_features),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(N, H, W, F) -> (N, H, W, F); H and W are multiples of the window."""
        height, width = x.shape[1:3]
        moved = self.norm1(x)
        if self.shift:
            moved = moved.roll((-self.shift, -self.shift), dims=(1, 2))
        windows = to_windows(moved, self.window)
        seen = self.attention(windows, mask if self.shift else None)
        moved = from_windows(seen, self.window, height, width)
        if self.shift:
            moved = moved.roll((self.shift, self.shift), dims=(1, 2))
        x = x + moved
        return x + self.mlp(self.norm2(x))


class Group(nn.Module):
    """Layers of alternating shift and a convolution, residual (figure 2a)."""

    def __init__(self, num_features: int, num_layers: int, num_heads: int, window: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TransformerLayer(num_features, num_heads, window, shift=i % 2 * (window // 2))
            for i in range(num_layers)
        )
        self.last = nn.Conv2d(num_features, num_features, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(N, H, W, F) -> (N, H, W, F)."""
        features = x
        for layer in self.layers:
            features = layer(features, mask)
        return x + self.last(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SwinIR(SRNetwork):
    """See the module's docstring."""

    mean: Tensor

    def __init__(self, config: SwinIRConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.window = config.window
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.head_norm = nn.LayerNorm(features)
        self.groups = nn.ModuleList(
            Group(features, config.num_layers, config.num_heads, config.window)
            for _ in range(config.num_groups)
        )
        self.last_norm = nn.LayerNorm(features)
        self.last = nn.Conv2d(features, features, 3, padding=1)
        self.tail = nn.Sequential(
            nn.Conv2d(features, channels * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )
        for name, parameter in self.named_parameters():  # as in Swin Transformer
            if "bias_table" in name or (parameter.ndim == 2 and "weight" in name):
                nn.init.trunc_normal_(parameter, std=0.02)
            elif ".qkv.bias" in name or ".project.bias" in name or ".mlp" in name:
                nn.init.zeros_(parameter)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        height, width = lr.shape[2:]
        head = self.head(mirrored(lr - self.mean, self.window))
        mask = shift_mask(head, self.window)
        features = self.head_norm(head.permute(0, 2, 3, 1))
        for group in self.groups:
            features = group(features, mask)
        features = head + self.last(self.last_norm(features).permute(0, 3, 1, 2))
        sr = self.tail(features) + self.mean
        return crop(sr, height * self.scale, width * self.scale)


def mirrored(x: Tensor, multiple: int) -> Tensor:
    """Extend (N, C, H, W) below and to the right to a multiple, mirrored as often as needed."""
    for axis in (2, 3):
        side = x.shape[axis]
        index = torch.arange(padded_side(side, multiple), device=x.device) % (2 * side)
        x = x.index_select(axis, torch.minimum(index, 2 * side - 1 - index))
    return x


def to_windows(x: Tensor, window: int) -> Tensor:
    """(N, H, W, F) -> (N, windows, window ** 2, F)."""
    batch, height, width, features = x.shape
    split = x.view(batch, height // window, window, width // window, window, features)
    return split.transpose(2, 3).reshape(batch, -1, window**2, features)


def from_windows(x: Tensor, window: int, height: int, width: int) -> Tensor:
    """Invert `to_windows`."""
    batch, _, _, features = x.shape
    split = x.view(batch, height // window, width // window, window, window, features)
    return split.transpose(2, 3).reshape(batch, height, width, features)


def shift_mask(x: Tensor, window: int) -> Tensor:
    """Keep apart what rolling by half a window brought together: (windows, 1, T, T).

    -100, as in the authors' code, between pixels of the last windows that are no neighbours.
    """
    shift = window // 2
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device)
    row_area = (rows >= height - window).int() + (rows >= height - shift).int()
    column_area = (columns >= width - window).int() + (columns >= width - shift).int()
    area = (3 * row_area[:, None] + column_area)[None, :, :, None]
    tokens = to_windows(area, window)[0, :, :, 0]  # (windows, T)
    apart = tokens[:, None, :, None] != tokens[:, None, None, :]
    return apart.to(x.dtype) * -100.0
