"""Time each preset a megapixel of HR, stored and online: `python -m benchmarks.degrade`.

One thread; all take turns, and the minimum of each counts. A random chain takes its time from what
it draws: of those, the mean over several pictures. The baseline is Pillow's bicubic shrinking of
the same picture.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

from functools import partial
from statistics import mean

import numpy as np
import torch

from benchmarks.resize import fastest, photograph, pillow
from pipeline.degradation.config import DegradationConfig, OnlineDegradation, degrade
from pipeline.degradation.presets import PRESETS
from pipeline.images.picture import Picture

SIDE = 768
TURNS = 3
RANDOM = {"BSRGAN": 8, "Real-ESRGAN": 8}  # pictures, each with a chain of its own
BATCH, PATCH = 16, 192


def batch(picture: Picture) -> torch.Tensor:
    """Sixteen patches of 192 pixels, in [0, 1]."""
    corners = [(y, x) for y in range(0, SIDE, PATCH) for x in range(0, SIDE, PATCH)]
    patches = [picture[y : y + PATCH, x : x + PATCH].transpose(2, 0, 1) for y, x in corners]
    return torch.from_numpy(np.stack(patches)).float() / 255


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    hr = photograph()[:SIDE, :SIDE].copy()
    patches, megapixels = batch(hr), SIDE**2 / 1e6
    print("ms a megapixel of HR, one thread; in brackets: times Pillow's bicubic;")
    print(f"batch: ms for {BATCH} patches of {PATCH} pixels, made online\n")
    print(f"{'preset':12} {'scale':>5} {'stored':>16} {'batch':>8}")
    for scale in (2, 3, 4):
        for preset in PRESETS:
            config = DegradationConfig(preset=preset)
            online = OnlineDegradation(config, scale=scale)
            stored = [
                partial(degrade, hr, config, scale=scale, seed=0, name=str(number))
                for number in range(RANDOM.get(preset, 1))
            ]
            rivals = [partial(pillow, hr, 1 / scale), partial(online, patches, range(BATCH))]
            baseline, on_batch, *times = fastest([*rivals, *stored], turns=TURNS)
            ratio = f"({mean(times) / baseline:.1f})"
            row = f"{mean(times) / megapixels:8.1f} {ratio:>7} {on_batch:8.1f}"
            print(f"{preset:12} {scale:5} {row}", flush=True)


if __name__ == "__main__":
    main()
