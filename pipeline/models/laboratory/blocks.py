"""The laboratory's blocks: each maps (N, F, H, W) to (N, F, H, W), without a skip around it.

All of them are pre-activated (He et al., "Identity Mappings in Deep Residual Networks", ECCV
2016): no activation follows the last convolution, so that a skip can be added to it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.laboratory.design import Block
from pipeline.models.laboratory.layers import Layers

NUM_RECURSIONS = 3
NUM_GROUPS = 4
NUM_DENSE = 3
DILATIONS = (1, 2, 4)  # together they see 15 x 15 pixels without a gap
BINS = (1, 2, 3, 6)  # of PSPNet
BOTTLENECK = 4  # of the channel attention


def make_block(block: Block, num_features: int, layers: Layers) -> nn.Module:
    """Make one block.

    Args:
        block: Its kind.
        num_features: Features that come in and go out, F, a multiple of 16.
        layers: How its layers are normalised and activated.
    """
    features = num_features
    match block:
        case "plain":
            return layers.layer(features, features)
        case "residual":
            return nn.Sequential(layers.layer(features, features), layers.layer(features, features))
        case "recursive":
            return Recursive(features, layers)
        case "dense":
            return Dense(features, layers)
        case "channel_attention":
            return nn.Sequential(
                layers.layer(features, features),
                layers.layer(features, features),
                ChannelAttention(features),
            )
        case "dilated":
            return nn.Sequential(*(layers.layer(features, features, dilation=d) for d in DILATIONS))
        case "group":
            return _separated(features, layers, NUM_GROUPS)
        case "depthwise":
            return _separated(features, layers, features)
        case "multi_path":
            return MultiPath(features, layers)
        case "pyramid_pooling":
            return PyramidPooling(features, layers)


def _separated(num_features: int, layers: Layers, groups: int) -> nn.Module:
    """Convolve within groups of channels, then mix the groups pixel by pixel.

    Xie et al., "Aggregated Residual Transformations", CVPR 2017; with groups of one channel
    Howard et al., "MobileNets", 2017.
    """
    return nn.Sequential(
        layers.layer(num_features, num_features, groups=groups),
        layers.layer(num_features, num_features, 1),
    )


class Recursive(nn.Module):
    """One convolution several times, each time with its own normalisation (DRRN, MemNet)."""

    def __init__(self, num_features: int, layers: Layers) -> None:
        super().__init__()
        self.act = layers.act()
        self.conv = layers.conv(num_features, num_features, 3)
        self.norms = nn.ModuleList(layers.norm(num_features) for _ in range(NUM_RECURSIONS))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        for norm in self.norms:
            x = norm(self.conv(self.act(x)))
        return x


class Dense(nn.Module):
    """Layers that see all earlier ones, fused by a 1x1 convolution (SRDenseNet, RDN)."""

    def __init__(self, num_features: int, layers: Layers) -> None:
        super().__init__()
        growth = num_features // 2
        self.layers = nn.ModuleList(
            layers.layer(num_features + index * growth, growth) for index in range(NUM_DENSE)
        )
        self.fuse = layers.layer(num_features + NUM_DENSE * growth, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)  # (N, F + growth * (index + 1), H, W)
        return self.fuse(x)


class ChannelAttention(nn.Module):
    """Weighs channels by what their means say (RCAN; Hu et al., SENet, CVPR 2018)."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        squeezed = max(num_features // BOTTLENECK, 1)
        self.weigh = nn.Sequential(
            nn.Conv2d(num_features, squeezed, 1),
            nn.LeakyReLU(0.2),  # a ReLU of so few channels may be dead from the start
            nn.Conv2d(squeezed, num_features, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x * self.weigh(x.mean(dim=(2, 3), keepdim=True))


class MultiPath(nn.Module):
    """Kernels of 3, 5 and 7 pixels side by side (Szegedy et al., Inception, CVPR 2015)."""

    def __init__(self, num_features: int, layers: Layers) -> None:
        super().__init__()
        quarter = num_features // 4
        widths = {3: num_features - 2 * quarter, 5: quarter, 7: quarter}
        self.paths = nn.ModuleList(
            layers.layer(num_features, width, kernel) for kernel, width in widths.items()
        )
        self.fuse = layers.layer(num_features, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return self.fuse(torch.cat([path(x) for path in self.paths], dim=1))


class PyramidPooling(nn.Module):
    """Features beside their means over 1, 4, 9 and 36 parts of the picture.

    Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017, figure 3.
    """

    def __init__(self, num_features: int, layers: Layers) -> None:
        super().__init__()
        quarter = num_features // 4
        self.layer = layers.layer(num_features, num_features)
        self.views = nn.ModuleList(layers.conv(num_features, quarter, 1) for _ in BINS)
        self.fuse = layers.layer(num_features + len(BINS) * quarter, num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        x = self.layer(x)
        parts = [x]
        for bins, view in zip(BINS, self.views, strict=True):
            pooled = view(functional.adaptive_avg_pool2d(x, bins))  # (N, F / 4, bins, bins)
            parts.append(functional.interpolate(pooled, size=x.shape[-2:], mode="bilinear"))
        return self.fuse(torch.cat(parts, dim=1))
