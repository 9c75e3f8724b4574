"""Losses between image gradients: edges that are in the right place and as steep.

Mathieu et al., "Deep Multi-Scale Video Prediction Beyond Mean Square Error", ICLR 2016, eq. 6
(differences of neighbours, here with their sign); the Laplacian as in Zamir et al., "Multi-Stage
Progressive Image Restoration", CVPR 2021, eq. 3.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.losses.base import Loss, LossConfig

Operator = Literal["difference", "sobel", "laplacian"]

# Each divided so that a ramp of slope 1 (Laplacian: a parabola of curvature 1) along an axis
# gives 1.
_KERNELS: dict[Operator, list[list[list[float]]]] = {
    "difference": [
        [[0.0, 0.0, 0.0], [0.0, -1.0, 1.0], [0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
    ],
    "sobel": [
        [[-0.125, 0.0, 0.125], [-0.25, 0.0, 0.25], [-0.125, 0.0, 0.125]],
        [[-0.125, -0.25, -0.125], [0.0, 0.0, 0.0], [0.125, 0.25, 0.125]],
    ],
    "laplacian": [[[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]],
}


def gradient_maps(x: Tensor, *, operator: Operator) -> Tensor:
    """Derivatives of every channel, where the 3x3 window lies inside the picture.

    Args:
        x: (N, C, H, W).
        operator: `difference` of neighbours and `sobel` give both directions, `laplacian` one
            map.

    Returns:
        (N, C * maps, H - 2, W - 2), in intensity per pixel (per pixel squared for `laplacian`).
    """
    kernel = torch.tensor(_KERNELS[operator], dtype=x.dtype, device=x.device).unsqueeze(1)
    return functional.conv2d(x, kernel.repeat(x.shape[1], 1, 1, 1), groups=x.shape[1])


class GradientConfig(LossConfig):
    """Settings of the loss between gradients."""

    name: Literal["gradient"] = "gradient"
    operator: Operator = "difference"

    def build(self) -> Loss:
        """Construct the loss."""
        return Gradient(self.operator)


class Gradient(Loss):
    """Mean absolute difference of the derivatives."""

    def __init__(self, operator: Operator) -> None:
        super().__init__()
        self.operator: Operator = operator

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return gradient_maps(sr - hr, operator=self.operator).abs().mean()
