"""The HR store: two processes against one, and what a change of one picture costs.

- `store_hr` and `degrade` (bicubic, x4) over 100 pictures of 2040x1356; each run is a process of
  its own that starts from nothing, the number of workers is what differs.
- 20,000 pictures of 24x24: the first run, one that changes nothing, one that adds a picture.

    python -m benchmarks.data_store [--pictures 100] [--small 20000]
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks._mosaics import mosaic, photographs
from pipeline.data.manifest import read_manifest
from pipeline.data.store import build_store
from pipeline.images import write_png

REPEATS = 2


def main() -> None:
    """Print the seconds and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--small", type=int, default=20_000)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        store_and_degrade(options.run)
        return
    with TemporaryDirectory(prefix="sr-bench-") as folder:
        scaling(Path(folder), options.pictures)
        small_change(Path(folder), options.small)


def scaling(folder: Path, count: int) -> None:
    """Compare one worker with two."""
    pictures = photographs(folder / "photographs")
    for number in range(count):
        write_png(folder / "raw/train/mosaics" / f"{number:04}.png", mosaic(pictures, number))
    best = dict.fromkeys((1, 2), float("inf"))
    for _ in range(REPEATS):
        for workers in best:  # in turns, so that other load on the machine meets both
            best[workers] = min(best[workers], timed_run(folder, workers))
    print(f"store_hr + degrade, {count} pictures of 2040x1356 (seconds, best of {REPEATS})")
    print(f"  1 process    {best[1]:7.1f}")
    print(f"  2 processes  {best[2]:7.1f}   {best[1] / best[2]:.2f}x (at least 1.8)", flush=True)
    shutil.rmtree(folder / "raw")


def timed_run(folder: Path, workers: int) -> float:
    """Seconds of both stages in a fresh process with so many workers."""
    for name in ("hr", "lr", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)
    environment = os.environ | {"LOKY_MAX_CPU_COUNT": str(workers)}
    command = [sys.executable, "-m", "benchmarks.data_store", "--run", str(folder)]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    return time.perf_counter() - start


def store_and_degrade(folder: Path) -> None:
    """Both stages, as DVC runs them."""
    from pipeline.degradation.config import DegradationConfig
    from pipeline.degradation.store import degrade_store

    build_store(folder / "raw", folder / "hr", work=folder / "work")
    degrade_store(folder / "hr", folder / "lr", DegradationConfig(), scale=4, seed=0)


def small_change(folder: Path, count: int) -> None:
    """Time the store over many small files: first, unchanged, one added."""
    raw, hr, work = folder / "raw", folder / "hr", folder / "work"
    shutil.rmtree(hr, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        noise = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        write_png(raw / "train/small" / f"{number:05}.png", noise)
    print(f"store_hr, {count} pictures of 24x24 (seconds)")
    for name in ("first run", "no change", "one added"):
        if name == "one added":
            noise = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            write_png(raw / "train/small" / "new.png", noise)
        start = time.perf_counter()
        build_store(raw, hr, work=work)
        print(f"  {name}  {time.perf_counter() - start:7.2f}", flush=True)
    assert len(read_manifest(hr)) == count + 1


if __name__ == "__main__":
    main()
