"""Networks of one channel on colour pictures, in one place."""

import torch
from torch import Tensor

from pipeline.images.colour import rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb
from pipeline.models.base import SRNetwork
from pipeline.models.upsampling import Bicubic


def run_on_rgb(network: SRNetwork, lr: Tensor) -> Tensor:
    """Super-resolve RGB with any network.

    A luma network gets the luma; the chroma is enlarged by MATLAB's bicubic, as the papers of
    those networks do for display.

    Args:
        network: Luma or RGB network.
        lr: (N, 3, H, W) in [0, 1].

    Returns:
        (N, 3, scale * H, scale * W), not clamped.
    """
    if network.colour == "rgb":
        return network(lr)
    ycbcr = rgb_to_ycbcr(lr)
    chroma = Bicubic(network.scale).to(lr.device)(ycbcr[:, 1:])
    return ycbcr_to_rgb(torch.cat([network(ycbcr[:, :1]), chroma], dim=1))


def network_input(network: SRNetwork, rgb: Tensor) -> Tensor:
    """Give a batch of RGB the channels that the network works on."""
    return rgb if network.colour == "rgb" else rgb_to_luma(rgb)
