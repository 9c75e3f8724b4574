"""Total variation of the prediction: a penalty on roughness that needs no target.

Rudin, Osher, Fatemi, "Nonlinear Total Variation Based Noise Removal Algorithms", Physica D 1992
(isotropic); the anisotropic form sums the absolute differences of both directions.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.losses.base import Loss, LossConfig

Kind = Literal["isotropic", "anisotropic"]


def total_variation(x: Tensor, *, kind: Kind) -> Tensor:
    """Total variation per element, by forward differences that are zero past the border.

    Args:
        x: (N, C, H, W), in [0, 1].
        kind: `isotropic` sums the gradient's length, `anisotropic` its absolute components.

    Returns:
        Scalar: the sum divided by N * C * H * W.
    """
    down = functional.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
    right = functional.pad(x[..., :, 1:] - x[..., :, :-1], (0, 1))
    if kind == "anisotropic":
        return (down.abs() + right.abs()).mean()
    # vector_norm has gradient zero at zero, where a plain root has none.
    return torch.linalg.vector_norm(torch.stack([down, right]), dim=0).mean()


class TotalVariationConfig(LossConfig):
    """Settings of the total variation."""

    name: Literal["total_variation"] = "total_variation"
    kind: Kind = "isotropic"

    def build(self) -> Loss:
        """Construct the loss."""
        return TotalVariation(self.kind)


class TotalVariation(Loss):
    """See `total_variation`; the target is ignored."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind: Kind = kind

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return total_variation(sr, kind=self.kind)
