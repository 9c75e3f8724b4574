"""Layers that several networks share."""

from torch import nn


def enlarging_conv(num_features: int, scale: int) -> nn.ConvTranspose2d:
    """Transposed convolution from (H, W) to (scale * H, scale * W) exactly.

    Kernel scale + 4, stride scale, padding 2: 6, 7, 8 and 12 for x2, x3, x4 and x8, as DBPN and
    SRFBN have them.
    """
    return nn.ConvTranspose2d(num_features, num_features, scale + 4, stride=scale, padding=2)


def shrinking_conv(num_features: int, scale: int) -> nn.Conv2d:
    """Strided convolution from (scale * H, scale * W) to (H, W) exactly; see `enlarging_conv`."""
    return nn.Conv2d(num_features, num_features, scale + 4, stride=scale, padding=2)
