"""Time MATLAB-exact `imresize` beside inexact resizers: `python -m benchmarks.resize`.

All take and give a uint8 picture (H, W, 3), on one thread, one after the other in turns; the
minimum over the turns counts. Fails where x4 down is slower than Pillow's, or less than 1.5 times
as fast as torch's antialiased interpolation behind the same padding.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from pipeline.images.picture import Picture, read_png
from pipeline.images.resize import imresize

HEIGHT, WIDTH = 1356, 2040
TURNS = 15


def photograph() -> Picture:
    """2040 x 1356 RGB, a mosaic of a photograph of scikit-image's."""
    from skimage import data

    piece = read_png(Path(data.__file__).parent / "astronaut.png")
    return np.ascontiguousarray(np.tile(piece, (3, 4, 1))[:HEIGHT, :WIDTH])


def pillow(picture: Picture, scale: float) -> Picture:
    """Pillow's bicubic, antialiased, in 8-bit fixed point."""
    height, width = (round(side * scale) for side in picture.shape[:2])
    size = (width, height)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def torch_float(picture: Picture, scale: float) -> Picture:
    """Torch's antialiased bicubic in float32, borders replicated beforehand as ours are."""
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    margin = max(2, round(2 / scale))
    padded = functional.pad(batch, (margin,) * 4, mode="replicate")
    sr = functional.interpolate(padded, scale_factor=scale, mode="bicubic", antialias=True)
    cut = round(margin * scale)
    rounded = sr[0, :, cut:-cut, cut:-cut].add_(0.5).clamp_(0, 255).to(torch.uint8)
    return rounded.permute(1, 2, 0).contiguous().numpy()


def torch_8_bit(picture: Picture, scale: float) -> Picture:
    """Torch's vectorised 8-bit path (channels last), without padding: weights end at borders."""
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None]
    sr = functional.interpolate(batch, scale_factor=scale, mode="bicubic", antialias=True)
    return sr[0].permute(1, 2, 0).contiguous().numpy()


def opencv(picture: Picture, scale: float) -> Picture:
    """OpenCV's bicubic, which never antialiases."""
    height, width = (round(side * scale) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)


def fastest(functions: Sequence[Callable[[], object]], *, turns: int) -> list[float]:
    """Minimum time of each, in ms, taking turns so that all meet the same load."""
    best = [float("inf")] * len(functions)
    for _ in range(turns):
        for index, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[index] = min(best[index], 1e3 * (time.perf_counter() - start))
    return best


def main() -> int:
    """Print the table; 1 where a promise is broken."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    hr = photograph()
    others = {
        "Pillow": pillow,
        "torch float": torch_float,
        "torch 8-bit": torch_8_bit,
        "OpenCV": opencv,
    }
    print("ms for 2040x1356x3 (up: to it), one thread; in brackets: times ours\n")
    print(f"{'':10}{'ours':>8}" + "".join(f"{name:>17}" for name in others))
    broken = False
    for scale in (1 / 2, 1 / 3, 1 / 4, 1 / 8, 2, 3, 4):
        picture = (
            hr if scale < 1 else imresize(hr[: HEIGHT // 12 * 12, : WIDTH // 12 * 12], 1 / scale)
        )
        ours = partial(imresize, picture, scale, border="replicate")
        rivals = [partial(function, picture, scale) for function in others.values()]
        times = fastest([ours, *rivals], turns=TURNS)
        way = f"x{scale:g} up" if scale > 1 else f"x{1 / scale:g} down"
        ratios = [each / times[0] for each in times[1:]]
        cells = [f"{t:9.1f} ({r:4.2f})" for t, r in zip(times[1:], ratios, strict=True)]
        print(f"{way:10}{times[0]:8.1f} " + " ".join(cells), flush=True)
        if scale == 1 / 4:
            broken = ratios[0] < 1 or ratios[1] < 1.5
    if broken:
        print("error: x4 down is slower than promised", file=sys.stderr)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
