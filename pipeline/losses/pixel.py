"""Losses between pixels: L1, L2, smooth L1, Charbonnier."""

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
        Scalar, mean over all elements; `epsilon` where prediction and target are equal.

    References:
        Lai et al., "Deep Laplacian Pyramid Networks", CVPR 2017, eq. 3.
    """
    return ((sr - hr).square() + epsilon**2).sqrt().mean()


class L1Config(LossConfig):
    """Settings of the mean absolute error."""

    name: Literal["l1"] = "l1"

    def build(self) -> Loss:
        """Construct the loss."""
        return L1()


class L1(Loss):
    """Mean absolute error."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return functional.l1_loss(sr, hr)


class L2Config(LossConfig):
    """Settings of the mean squared error."""

    name: Literal["l2"] = "l2"

    def build(self) -> Loss:
        """Construct the loss."""
        return L2()


class L2(Loss):
    """Mean squared error."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return functional.mse_loss(sr, hr)


class SmoothL1Config(LossConfig):
    """Settings of the smooth L1 loss.

    Attributes:
        beta: Difference, in intensity units, below which the loss is a parabola.
    """

    name: Literal["smooth_l1"] = "smooth_l1"
    beta: float = Field(0.01, gt=0)  # errors of trained networks are about 0.02

    def build(self) -> Loss:
        """Construct the loss."""
        return SmoothL1(self.beta)


class SmoothL1(Loss):
    """d^2 / (2 beta) below beta, |d| - beta / 2 above (Girshick, "Fast R-CNN", ICCV 2015)."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return functional.smooth_l1_loss(sr, hr, beta=self.beta)


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
