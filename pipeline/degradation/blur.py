"""Blur as a step of a degradation: kernels, and the filter that applies them."""

from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pipeline.degradation.base import Draws, Operator, Range, Setting, within
from pipeline.resize import Border

Kernel = NDArray[np.float64]


def filter_images(images: Tensor, kernels: NDArray[np.float64], *, border: Border) -> Tensor:
    """Correlate each picture with its kernel.

    Args:
        images: (N, C, H, W).
        kernels: (N, k, k), each summing to one.
        border: What lies outside a picture.

    Returns:
        (N, C, H, W).
    """
    size = kernels.shape[-1]
    padded = _pad(images, size // 2, size - 1 - size // 2, border)
    weights = torch.from_numpy(kernels.astype(np.float32))[:, None, None]
    rows = [
        functional.conv2d(image[:, None], weight)[:, 0]
        for image, weight in zip(padded, weights, strict=True)
    ]
    return torch.stack(rows)


def _pad(images: Tensor, before: int, after: int, border: Border) -> Tensor:
    mode: Literal["symmetric", "edge"] = "symmetric" if border == "symmetric" else "edge"
    widths = ((0, 0), (0, 0), (before, after), (before, after))
    return torch.from_numpy(np.pad(images.numpy(), widths, mode=mode))


def gaussian_kernel(size: int, sigma: float) -> Kernel:
    """Isotropic Gaussian, sampled at the pixels' centres, as MATLAB's `fspecial`."""
    position = np.arange(size) - (size - 1) / 2
    row = np.exp(-(position**2) / (2 * sigma**2))
    kernel = np.outer(row, row)
    return kernel / kernel.sum()


class GaussianBlur(Operator):
    """Isotropic Gaussian blur."""

    name: Literal["gaussian_blur"] = "gaussian_blur"
    size: int = Field(7, ge=1)
    sigma: Annotated[Range, within(0.01, 100)] = 1.6

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        kernels = [gaussian_kernel(self.size, sigma) for sigma in draws.uniform(self.sigma)]
        return filter_images(images, np.stack(kernels), border=setting.border)
