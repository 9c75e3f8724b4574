"""Losses between pixels."""

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pipeline.losses.base import Loss, LossConfig


def charbonnier(sr: Tensor, hr: Tensor, *, epsilon: float) -> Tensor:
    """Charbonnier loss, a differentiable L1.

    Args:
        sr: Prediction, (N, C, H, W), in [0, 1].
        hr: Target, same shape and range.
        epsilon: Rounding of the corner at zero, in intensity units.

    Returns:
        Scalar, mean over all elements.

    References:
        Lai et al., "Deep Laplacian Pyramid Networks", CVPR 2017, eq. 3.
    """
    return ((sr - hr).square() + epsilon**2).sqrt().mean()


class L1Config(LossConfig):
    """Mean absolute error."""

    name: Literal["l1"] = "l1"

    def build(self) -> Loss:
        """Construct the loss."""
        return L1()


class L1(Loss):
    """Mean absolute error."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return functional.l1_loss(sr, hr)


class CharbonnierConfig(LossConfig):
    """Settings of the Charbonnier loss."""

    name: Literal["charbonnier"] = "charbonnier"
    epsilon: float = Field(1e-3, gt=0)  # 1e-3 in LapSRN, for intensities in [0, 1]

    def build(self) -> Loss:
        """Construct the loss."""
        return Charbonnier(self.epsilon)


class Charbonnier(Loss):
    """See `charbonnier`."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return charbonnier(sr, hr, epsilon=self.epsilon)
