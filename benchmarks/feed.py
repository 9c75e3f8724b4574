"""The training feed on 800 pictures of 2040x1356: memory, the first batch, time of a batch.

The cache is filled first (once; it is what a second training finds), and then read by a fresh
process whose resident memory and times are measured. Patches of 192 pixels at x4, batches of 16.

    python -m benchmarks.feed [--pictures 800]
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks._mosaics import HEIGHT, WIDTH, mosaic, photographs
from pipeline.data.manifest import pixels_sha256
from pipeline.images import Picture
from pipeline.resize import imresize

SCALE = 4
BATCHES = 400


def main() -> None:
    """Print memory and times with their bounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=800)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        measure(options.read)
        return
    with TemporaryDirectory(prefix="sr-bench-") as folder:
        write_cache(Path(folder), options.pictures)
        print(f"feed, {options.pictures} pictures of {WIDTH}x{HEIGHT}, x{SCALE}", flush=True)
        command = [sys.executable, "-m", "benchmarks.feed", "--read", folder]
        subprocess.run(command, check=True)


def write_cache(folder: Path, count: int) -> None:
    """Write the cache as decoding leaves it, and the manifests' rows."""
    pictures = photographs(folder / "photographs")
    rows: dict[str, list[dict[str, object]]] = {"hr": [], "lr": []}
    for number in range(count):
        hr = mosaic(pictures, number)
        for kind, picture in (("hr", hr), ("lr", imresize(hr, 1 / SCALE))):
            rows[kind].append(store(folder / "cache", picture, number))
    for kind, kind_rows in rows.items():
        pd.DataFrame(kind_rows).to_csv(folder / f"{kind}.csv", index=False)


def store(cache: Path, picture: Picture, number: int) -> dict[str, object]:
    """Write one decoded picture and describe it."""
    cache.mkdir(exist_ok=True)
    digest = pixels_sha256(picture)
    np.ascontiguousarray(picture).tofile(cache / f"{digest}.raw")
    height, width, channels = picture.shape
    return {
        "split": "train",
        "set": "mosaics",
        "name": f"{number:04}",
        "height": height,
        "width": width,
        "channels": channels,
        "pixels_sha256": digest,
    }


def measure(folder: Path) -> None:
    """In a fresh process: from opening the cache to many batches."""
    from pipeline.data.cache import cached_pictures
    from pipeline.data.feed import Pair, PatchFeed

    rows = {kind: pd.read_csv(folder / f"{kind}.csv") for kind in ("hr", "lr")}
    start = time.perf_counter()
    hr, lr = (cached_pictures(folder / "cache", folder, rows[kind]) for kind in ("hr", "lr"))
    names = rows["hr"]["name"].astype(str)
    pairs = [Pair(name, high, low) for name, high, low in zip(names, hr, lr, strict=True)]
    feed = PatchFeed(pairs, scale=SCALE, patch_size=192, batch_size=16, seed=0)
    feed.batch(0)
    first = time.perf_counter() - start
    times = []
    for step in range(BATCHES):
        start = time.process_time()
        feed.batch(step)
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"  first batch       {first:6.2f} s   (at most 2)")
    print(f"  batch of 16x192   {1e3 * np.median(times):6.2f} ms of a core   (at most 4)")
    print(f"  resident memory   {peak:6.2f} GB at most, after {BATCHES} batches   (below 1.5)")


if __name__ == "__main__":
    main()
