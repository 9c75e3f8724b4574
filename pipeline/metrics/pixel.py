"""Metrics of single pixels: MSE, RMSE, PSNR."""

import torch
from torch import Tensor

from pipeline.metrics.base import checked_pair


def mse(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Mean squared error over all channels and pixels, (N,), in squared intensity units."""
    sr, hr = checked_pair(sr, hr, data_range=data_range, border=border)
    return (sr.double() - hr.double()).square().flatten(1).mean(dim=1)


def rmse(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Root of the mean squared error, (N,), in intensity units."""
    return mse(sr, hr, data_range=data_range, border=border).sqrt()


def psnr(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Peak signal-to-noise ratio, (N,), in dB; infinite for identical pictures.

    The error is the mean over all channels, so that three equal channels give one channel's value.
    """
    error = mse(sr, hr, data_range=data_range, border=border)
    return 10 * torch.log10(data_range**2 / error)
