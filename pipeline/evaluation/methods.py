"""What is evaluated: bicubic enlargement, or a network."""

from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np
import torch

from pipeline.errors import UserError
from pipeline.evaluation.protocol import Plane
from pipeline.images.picture import Picture
from pipeline.images.resize import Border, imresize, imresize_float
from pipeline.inference.upscale import super_resolve, upscale
from pipeline.models import SRNetwork


class Method(Interface):
    """Enlarges pictures, or luma planes for the protocol `luma-first`."""

    def enlarge(self, lr: Picture) -> Picture:
        """Enlarge an 8-bit picture, (H, W, 3) or (H, W)."""

    def enlarge_plane(self, lr: Plane) -> Plane:
        """Enlarge a luma plane, (H, W) in 0..255; the result is neither rounded nor clamped."""


@dataclass(frozen=True)
class BicubicMethod:
    """MATLAB's bicubic, the baseline of every table."""

    scale: int
    border: Border = "symmetric"

    def enlarge(self, lr: Picture) -> Picture:
        """Enlarge an 8-bit picture."""
        return imresize(lr, self.scale, border=self.border)

    def enlarge_plane(self, lr: Plane) -> Plane:
        """Enlarge a luma plane."""
        return imresize_float(lr, self.scale, border=self.border)


@dataclass(frozen=True)
class NetworkMethod:
    """A trained network, with the options that change its scores."""

    network: SRNetwork
    tile: int | None = None
    self_ensemble: bool = False

    def enlarge(self, lr: Picture) -> Picture:
        """Enlarge an 8-bit picture."""
        return upscale(self.network, lr, tile=self.tile, self_ensemble=self.self_ensemble)

    def enlarge_plane(self, lr: Plane) -> Plane:
        """Enlarge a luma plane.

        Raises:
            UserError: If the network works on RGB.
        """
        if self.network.colour != "luma":
            raise UserError(
                "protocol luma-first is for networks on luma, and this one works on RGB: "
                "use the protocol rgb"
            )
        lr_tensor = torch.from_numpy(lr / 255.0).float()[None, None]
        sr = super_resolve(self.network, lr_tensor, self.tile, self.self_ensemble)
        return np.asarray(sr[0, 0].double().cpu().numpy() * 255.0)
