"""The luma that metrics without reference look at."""

import torch
from torch import Tensor

from pipeline.images.colour import rgb_to_luma


def rounded_luma(x: Tensor, *, data_range: float) -> Tensor:
    """Luma of 8-bit pictures, rounded half up as MATLAB's `rgb2ycbcr` does.

    Args:
        x: (N, 1, H, W), which is luma as it is, or (N, 3, H, W) RGB, in [0, data_range].
        data_range: Largest possible intensity.

    Returns:
        (N, H, W), float64 whole numbers in 0..255.

    Raises:
        ValueError: If there are neither one nor three channels.
    """
    if x.shape[1] not in (1, 3):
        raise ValueError(f"pictures must be luma or RGB, 1 or 3 channels, not {x.shape[1]}")
    scaled = x.double() / data_range
    luma = rgb_to_luma(scaled) if x.shape[1] == 3 else scaled
    return torch.floor(255 * luma[:, 0] + 0.5).clamp(0, 255)
