"""Validation: how the network does on whole pictures it has not seen, while it trains."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from pipeline.images.colour import rgb_to_luma
from pipeline.images.picture import Picture, to_picture, to_tensor
from pipeline.images.resize import imresize
from pipeline.metrics import METRICS
from pipeline.models import SRNetwork, run_on_rgb
from pipeline.training.feed import Pair


class ValidationPicture(NamedTuple):
    """The centre of a validation picture, uint8 (h, w, 3) and (scale * h, scale * w, 3)."""

    name: str
    lr: Picture
    hr: Picture


def centre(pair: Pair, *, scale: int, crop: int) -> ValidationPicture:
    """Cut at most `crop` HR pixels a side out of the middle of a picture."""
    assert pair.lr is not None
    height, width = (min(side, crop // scale) for side in (pair.lr.height, pair.lr.width))
    top, left = (pair.lr.height - height) // 2, (pair.lr.width - width) // 2
    lr = pair.lr.window(top, left, height, width)
    hr = pair.hr.window(top * scale, left * scale, height * scale, width * scale)
    return ValidationPicture(pair.name, lr, hr)


def target(picture: ValidationPicture, scale: int, full_scale: int) -> ValidationPicture:
    """The same picture for a network of a lower scale: HR, shrunk by MATLAB's bicubic."""
    if scale == full_scale:
        return picture
    return picture._replace(hr=imresize(picture.hr, scale / full_scale))


@torch.no_grad()
def super_resolve(network: SRNetwork, picture: ValidationPicture) -> Picture:
    """Run the network as it will be used: from 8-bit RGB to 8-bit RGB."""
    device = next(network.parameters()).device
    return to_picture(run_on_rgb(network, to_tensor(picture.lr).to(device)).cpu())


def scores(
    pictures: Sequence[ValidationPicture],
    results: Sequence[Picture],
    metrics: Sequence[str],
    *,
    border: int,
) -> dict[str, float]:
    """Average every metric over the pictures, by the protocol `rgb` (8-bit results, range 255).

    Args:
        pictures: What was super-resolved.
        results: The network's results.
        metrics: Names such as psnr_y: a metric and `y` (floating-point luma) or `rgb`.
        border: Pixels cropped on each side.
    """
    totals = dict.fromkeys(metrics, 0.0)
    for picture, result in zip(pictures, results, strict=True):
        sr, hr = to_tensor(result), to_tensor(picture.hr)
        for name in metrics:
            metric, channels = name.rsplit("_", 1)
            pair = (sr, hr) if channels == "rgb" else (rgb_to_luma(sr), rgb_to_luma(hr))
            value = METRICS[metric].function(
                pair[0] * 255.0, pair[1] * 255.0, data_range=255.0, border=border
            )
            totals[name] += value.item()
    return {name: total / len(pictures) for name, total in totals.items()}


def comparisons(
    pictures: Sequence[ValidationPicture], results: Sequence[Picture], *, scale: int
) -> Iterator[tuple[str, Picture]]:
    """Give LR (its pixels enlarged), bicubic, SR and HR side by side, by name."""
    for picture, result in zip(pictures, results, strict=True):
        pixels = picture.lr.repeat(scale, axis=0).repeat(scale, axis=1)
        row = [pixels, imresize(picture.lr, scale), result, picture.hr]
        yield picture.name, np.concatenate(row, axis=1)
