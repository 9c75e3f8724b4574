"""Training on 800 pictures of 2040x1356: memory, first batch, time a batch.

The pictures are mosaics of the embedded photographs, written straight into the cache as decoding
would leave them (7 GB on disk with x4 LR, removed afterwards; `--images 100` for a smaller try).
Each figure is measured in a fresh process. What a batch costs is beside copying as many bytes out
of one array in memory, which no feed can avoid.
"""

import argparse
import resource
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from pipeline.data.sources.embedded import PICTURES, package_data
from pipeline.images.decode import decode
from pipeline.images.manifest import pixels_sha256, read_manifest, write_manifest
from pipeline.images.picture import Picture, as_rgb
from pipeline.images.resize import imresize
from pipeline.schema import validate
from pipeline.training.cache import cached_pictures
from pipeline.training.checkpoint import CheckpointFolder
from pipeline.training.config import Recipe
from pipeline.training.feed import Pair, PatchFeed
from pipeline.training.loop import TrainingLoop
from pipeline.training.recorder import NullRecorder

HEIGHT, WIDTH = 1356, 2040
SCALE = 4
PATCH, BATCH = 192, 16
LIMITS = {"MB resident in training": 1500.0, "s to the first batch": 2.0, "ms a batch": 4.0}


def mosaic(number: int, photographs: list[Picture]) -> Picture:
    """A picture of tiles of 339x510 pixels cut from the photographs, another for each number."""
    generator = np.random.default_rng(number)
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for top in range(0, HEIGHT, 339):
        for left in range(0, WIDTH, 510):
            photograph = photographs[generator.integers(len(photographs))]
            y = generator.integers(photograph.shape[0] - 339 + 1)
            x = generator.integers(photograph.shape[1] - 510 + 1)
            tile = photograph[y : y + 339, x : x + 510]
            picture[top : top + 339, left : left + 510] = tile[:, :: generator.choice((-1, 1))]
    return picture


def large_photographs() -> list[Picture]:
    """The embedded photographs that a tile fits in."""
    names = [name for split in PICTURES.values() for name in split]
    pictures = [as_rgb(decode(package_data() / name).picture) for name in names]
    return [p for p in pictures if p.shape[0] >= 339 and p.shape[1] >= 510]


def prepare(folder: Path, images: int) -> None:
    """Write manifests and a complete cache."""
    photographs = large_photographs()
    rows: dict[str, list[dict[str, object]]] = {"hr": [], "lr": []}
    (folder / "cache").mkdir(parents=True)
    for number in range(images):
        hr = mosaic(number, photographs)
        for kind, picture in (("hr", hr), ("lr", imresize(hr, 1 / SCALE))):
            digest = pixels_sha256(picture)
            picture.tofile(folder / "cache" / f"{digest}.raw")
            height, width, channels = picture.shape
            size = {"width": width, "height": height, "channels": channels}
            place = {"split": "train", "set": "mosaic", "name": f"{number:04}"}
            rows[kind].append({**place, **size, "pixels_sha256": digest})
    for kind, kind_rows in rows.items():
        write_manifest(folder / kind, pd.DataFrame(kind_rows))


def measure(folder: Path, steps: int) -> dict[str, float]:
    """Run the feed as training does, and print what it took."""
    start = time.perf_counter()
    hr, lr = (
        cached_pictures(folder / "cache", folder / kind, read_manifest(folder / kind))
        for kind in ("hr", "lr")
    )
    pairs = [Pair(str(n), *pair) for n, pair in enumerate(zip(hr, lr, strict=True))]
    feed = PatchFeed(pairs, scale=SCALE, patch_size=PATCH, batch_size=BATCH, seed=0)
    feed.batch(0)
    first = time.perf_counter() - start
    times, floors = [], []
    source = hr[0].whole()
    for step in range(1, steps):
        start = time.process_time()
        feed.batch(step)
        middle = time.process_time()
        [np.ascontiguousarray(source[n : n + PATCH, n : n + PATCH]) for n in range(BATCH)]
        times.append(middle - start)
        floors.append(time.process_time() - middle)
    print(f"time a batch over that of {BATCH} plain copies: {median(times) / median(floors):.1f}")
    return {
        "MB resident in training": train(pairs, folder / "checkpoints", steps // 10) / 1e6,
        "s to the first batch": first,
        "ms a batch": median(times) * 1e3,
    }


def train(pairs: list[Pair], checkpoints: Path, steps: int) -> int:
    """Train a compact network on the pictures; the most bytes that this process ever held."""
    values = {
        "scale": SCALE,
        "model": {"name": "srvgg", "num_features": 32, "num_convs": 8},
        "loss": [{"name": "l1"}],
        "train": {"patch_size": PATCH, "batch_size": BATCH, "validation": None},
    }
    recipe = validate(Recipe, values, where="benchmark")
    loop = TrainingLoop(recipe, pairs, [], CheckpointFolder(checkpoints))
    for _ in islice(loop.steps(NullRecorder()), steps):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Prepare, measure, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=800)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        figures = measure(options.measure, options.steps)
        for name, limit in LIMITS.items():
            print(f"{figures[name]:10.2f} {name} (at most {limit:g})")
        return 0 if all(figures[name] <= limit for name, limit in LIMITS.items()) else 1
    with TemporaryDirectory() as folder:
        prepare(Path(folder), options.images)
        command = [sys.executable, "-m", "benchmarks.feed", "--measure", folder]
        print(f"{options.images} pictures of {WIDTH}x{HEIGHT}, batches of {BATCH} of {PATCH} px")
        return subprocess.run([*command, "--steps", str(options.steps)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
