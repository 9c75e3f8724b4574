"""Metrics of single pixels: MSE, RMSE, PSNR."""

import torch
from torch import Tensor


def crop(x: Tensor, border: int) -> Tensor:
    """Cut `border` pixels off each side.

    Raises:
        ValueError: If nothing would be left.
    """
    height, width = x.shape[-2:]
    if min(height, width) <= 2 * border:
        raise ValueError(f"a border of {border} leaves nothing of a picture of {width}x{height}")
    return x[..., border : height - border, border : width - border]


def mse(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Mean squared error over all channels and pixels, (N,), in squared intensity units."""
    if sr.shape != hr.shape:
        raise ValueError(f"shapes differ: {tuple(sr.shape)} and {tuple(hr.shape)}")
    difference = crop(sr, border).double() - crop(hr, border).double()
    return difference.square().flatten(1).mean(dim=1)


def rmse(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Root of the mean squared error, (N,), in intensity units."""
    return mse(sr, hr, data_range=data_range, border=border).sqrt()


def psnr(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Peak signal-to-noise ratio, (N,), in dB; infinite for identical pictures."""
    error = mse(sr, hr, data_range=data_range, border=border)
    return 10 * torch.log10(data_range**2 / error)
