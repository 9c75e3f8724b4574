"""Loss between Fourier coefficients."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.losses.base import Loss, LossConfig


def frequency_l1(sr: Tensor, hr: Tensor) -> Tensor:
    """L1 between the real and imaginary parts of the two-dimensional Fourier transforms.

    The transform is unitary (divided by the root of H * W), so that the value does not grow with
    the size of the patch.

    Args:
        sr: Prediction, (N, C, H, W), in [0, 1].
        hr: Target, same shape and range.

    Returns:
        Scalar, mean over all coefficients and both parts.

    References:
        Cho et al., "Rethinking Coarse-to-Fine Approach in Single Image Deblurring", ICCV 2021,
        eq. 4 (there without the normalisation).
    """
    spectrum = torch.view_as_real(torch.fft.fft2(sr - hr, norm="ortho"))
    return functional.l1_loss(spectrum, torch.zeros_like(spectrum))


class FrequencyConfig(LossConfig):
    """Settings of the frequency loss."""

    name: Literal["frequency"] = "frequency"

    def build(self) -> Loss:
        """Construct the loss."""
        return Frequency()


class Frequency(Loss):
    """See `frequency_l1`."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return frequency_l1(sr, hr)
