"""Enlarging pictures of any size with a trained network."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pipeline.images.picture import Picture, as_rgb, to_picture, to_tensor
from pipeline.models import SRNetwork, run_on_rgb

TILE_MARGIN = 32
"""LR pixels of context around a tile, beyond the receptive field that matters in practice."""


def upscale(
    network: SRNetwork, lr: Picture, *, tile: int | None = None, self_ensemble: bool = False
) -> Picture:
    """Super-resolve an 8-bit picture.

    Args:
        network: Luma or RGB network, in evaluation mode.
        lr: uint8 (H, W, 3), or (H, W), which stays single-channel.
        tile: Work in tiles of this many LR pixels a side, to bound memory.
        self_ensemble: Average over the eight flips and rotations (EDSR, section 3.4).

    Returns:
        uint8 picture, `scale` times as large: clamped, rounded half up.
    """
    if lr.ndim == 3:
        return to_picture(super_resolve(network, to_tensor(lr), tile, self_ensemble))
    if network.colour == "luma":
        return to_picture(super_resolve(network, to_tensor(lr), tile, self_ensemble))
    sr = super_resolve(network, to_tensor(as_rgb(lr)), tile, self_ensemble)
    return to_picture(sr.mean(dim=1, keepdim=True))


@torch.inference_mode()
def super_resolve(
    network: SRNetwork, lr: Tensor, tile: int | None = None, self_ensemble: bool = False
) -> Tensor:
    """Super-resolve a batch: (N, C, H, W) in [0, 1] to (N, C, scale * H, scale * W).

    C is 3, or 1 for a luma network on luma. Sides below the network's smallest are padded with
    their mirror image and cropped again.
    """
    device = next(network.parameters()).device
    lr = lr.to(device)
    if not self_ensemble:
        return _tiled(network, lr, tile)
    total = torch.zeros(())
    for turns in range(4):
        for flip in (False, True):
            view = torch.rot90(lr.flip(-1) if flip else lr, turns, (-2, -1))
            sr = torch.rot90(_tiled(network, view, tile), -turns, (-2, -1))
            total = total + (sr.flip(-1) if flip else sr)
    return total / 8


def _tiled(network: SRNetwork, lr: Tensor, tile: int | None) -> Tensor:
    height, width = lr.shape[-2:]
    if tile is None or (height <= tile and width <= tile):
        return _run(network, lr)
    scale = network.scale
    sr = lr.new_empty(*lr.shape[:2], height * scale, width * scale)
    for top, bottom in _spans(height, tile):
        for left, right in _spans(width, tile):
            y, x = max(top - TILE_MARGIN, 0), max(left - TILE_MARGIN, 0)
            piece = _run(network, lr[..., y : bottom + TILE_MARGIN, x : right + TILE_MARGIN])
            sr[..., top * scale : bottom * scale, left * scale : right * scale] = piece[
                ...,
                (top - y) * scale : (bottom - y) * scale,
                (left - x) * scale : (right - x) * scale,
            ]
    return sr


def _spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, tile):
        yield start, min(start + tile, length)


def _run(network: SRNetwork, lr: Tensor) -> Tensor:
    height, width = lr.shape[-2:]
    wanted = (max(height, network.min_size), max(width, network.min_size))
    if wanted != (height, width):
        lr = _mirror(lr, *wanted)
    sr = network(lr) if lr.shape[1] == network.num_channels == 1 else run_on_rgb(network, lr)
    return sr[..., : height * network.scale, : width * network.scale]


def _mirror(x: Tensor, height: int, width: int) -> Tensor:
    padding = [(0, 0), (0, 0), (0, height - x.shape[-2]), (0, width - x.shape[-1])]
    return torch.from_numpy(np.pad(x.cpu().numpy(), padding, mode="symmetric")).to(x.device)
