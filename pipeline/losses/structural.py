"""Structural similarity as a loss: one minus SSIM or MS-SSIM.

The maps are those of `pipeline.metrics.structural`, here in the precision of the batch.

Zhao et al., "Loss Functions for Image Restoration With Neural Networks", IEEE TCI 2017.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pipeline.losses.base import Loss, LossConfig
from pipeline.metrics.structural import GAUSSIAN, ssim_map, ssim_terms

# Wang et al., "Multiscale Structural Similarity for Image Quality Assessment", 2003, section 3.2.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# The slope of a power below 1 is infinite at 0; below this similarity it is cut to none.
_LEAST = 1e-4


def ssim_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """One minus SSIM, mean over batch, channels and windows.

    Args:
        sr: Prediction, (N, C, H, W), in [0, 1], at least 11x11.
        hr: Target, same shape and range.

    Returns:
        Scalar, 0 for equal pictures.

    Raises:
        ValueError: If the pictures are smaller than the window.
    """
    _check_size(sr, GAUSSIAN.size, "ssim")
    return 1 - ssim_map(sr, hr, data_range=1.0).mean()


def ms_ssim_loss(sr: Tensor, hr: Tensor, *, num_scales: int) -> Tensor:
    """One minus MS-SSIM (halved by means of 2x2 pixels), mean over the batch.

    With fewer than five scales the weights of the coarser ones go to the others in proportion.

    Args:
        sr: Prediction, (N, C, H, W), in [0, 1].
        hr: Target, same shape and range.
        num_scales: From 1 to 5, the published number.

    Returns:
        Scalar, 0 for equal pictures.

    Raises:
        ValueError: If the pictures are too small for so many scales.
    """
    # Halving rounds up, so the coarsest scale still holds a window.
    _check_size(sr, (GAUSSIAN.size - 1) * 2 ** (num_scales - 1) + 1, f"ms_ssim x{num_scales}")
    weights = _SCALE_WEIGHTS[:num_scales]
    stretch = sum(_SCALE_WEIGHTS) / sum(weights)
    similarity = sr.new_ones(len(sr))
    for scale, weight in enumerate(weights):
        luminance, value = ssim_terms(sr, hr, data_range=1.0)
        if scale == num_scales - 1:
            value = luminance * value
        mean = value.flatten(1).mean(dim=1)
        similarity = similarity * mean.clamp(min=_LEAST) ** (weight * stretch)
        sr, hr = (functional.avg_pool2d(x, 2, ceil_mode=True) for x in (sr, hr))
    return 1 - similarity.mean()


def _check_size(x: Tensor, least: int, name: str) -> None:
    if min(x.shape[-2:]) < least:
        raise ValueError(
            f"the loss {name} needs patches of at least {least}x{least} pixels, "
            f"not {x.shape[-1]}x{x.shape[-2]}"
        )


class SSIMConfig(LossConfig):
    """Settings of the SSIM loss."""

    name: Literal["ssim"] = "ssim"

    def build(self) -> Loss:
        """Construct the loss."""
        return SSIM()


class SSIM(Loss):
    """See `ssim_loss`."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return ssim_loss(sr, hr)


class MSSSIMConfig(LossConfig):
    """Settings of the MS-SSIM loss.

    Attributes:
        num_scales: Number of scales; each doubles the smallest patch: 81 pixels for 4, 161 for 5.
    """

    name: Literal["ms_ssim"] = "ms_ssim"
    num_scales: int = Field(4, ge=1, le=5)  # patches of 96 pixels have no room for the fifth

    def build(self) -> Loss:
        """Construct the loss."""
        return MSSSIM(self.num_scales)


class MSSSIM(Loss):
    """See `ms_ssim_loss`."""

    def __init__(self, num_scales: int) -> None:
        super().__init__()
        self.num_scales = num_scales

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return ms_ssim_loss(sr, hr, num_scales=self.num_scales)
