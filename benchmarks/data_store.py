"""The stages `store_hr` and `degrade`: gain of a second process, and cost of small changes.

First 100 pictures of 2040x1356 (mosaics of the embedded photographs) on one process and on two, by
turns, each in a fresh process with empty folders; the shortest time of each counts. Then 20,000
pictures of 16x16: a first run, one without a change, and one with a picture added. Files are in a
temporary folder. The baseline of a run without a change is hashing the files, which it cannot do
without.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.feed import large_photographs, mosaic
from pipeline.data.hashing import file_sha256s
from pipeline.data.store import build_store
from pipeline.degradation.config import DegradationConfig
from pipeline.degradation.store import degrade_store
from pipeline.images.picture import write_png

LIMIT = 1.8
TURNS = 2
SMALL = 16


def store(folder: Path, jobs: int | None = None) -> None:
    """What the stage `store_hr` does."""
    build_store(folder / "raw", folder / "hr", work=folder / "work", jobs=jobs)


def degrade(folder: Path, jobs: int | None = None) -> None:
    """What the stage `degrade` does with its default settings, x4."""
    degrade_store(folder / "hr", folder / "lr", DegradationConfig(), scale=4, seed=0, jobs=jobs)


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_fresh_process(raw: Path, jobs: int) -> float:
    """Store and degrade all of `raw`, in seconds, without the start of the interpreter."""
    with TemporaryDirectory(dir=raw.parent) as folder:
        os.symlink(raw, Path(folder) / "raw")
        command = [sys.executable, "-m", "benchmarks.data_store", "--run", folder, "--jobs"]
        done = subprocess.run([*command, str(jobs)], check=True, capture_output=True, text=True)
        return float(done.stdout)


def scaling(folder: Path, images: int) -> float:
    """Print the times on one and two processes; gives their ratio."""
    raw = folder / "raw"
    photographs = large_photographs()
    for number in range(images):
        write_png(raw / "train" / "mosaic" / f"{number:04}.png", mosaic(number, photographs))
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(TURNS):
        for jobs, taken in times.items():
            taken.append(in_fresh_process(raw, jobs))
    ratio = min(times[1]) / min(times[2])
    print(f"store_hr + degrade, {images} pictures of 2040x1356, {os.cpu_count()} cores:")
    for jobs, taken in times.items():
        print(f"  {jobs} processes: {min(taken):7.2f} s")
    print(f"  ratio: {ratio:.2f} (at least {LIMIT})", flush=True)
    return ratio


def small_changes(folder: Path, count: int) -> None:
    """Print what runs over many small files cost."""
    generator = np.random.default_rng(0)

    def add(name: str) -> None:
        split = "test" if name.endswith("00") else "train"
        path = folder / "raw" / split / "small" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = generator.integers(0, 256, (SMALL, SMALL, 3), dtype=np.uint8)
        Image.fromarray(picture).save(path)

    for number in range(count):
        add(f"{number:05}")
    files = list((folder / "raw").rglob("*.png"))
    print(f"{count} pictures of {SMALL}x{SMALL}:")
    print(f"  store_hr, first run:      {seconds(partial(store, folder)):7.2f} s")
    print(f"  degrade:                  {seconds(partial(degrade, folder)):7.2f} s")
    unchanged = seconds(partial(store, folder))
    hashing = seconds(lambda: file_sha256s([*files, *(folder / "hr").rglob("*.png")]))
    print(f"  store_hr, nothing new:    {unchanged:7.2f} s ({unchanged / hashing:.1f} x hashing)")
    add("new")
    print(f"  store_hr, one picture new:{seconds(partial(store, folder)):7.2f} s")


def main() -> int:
    """Run both parts, or one run of the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--small", type=int, default=20_000)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        took = seconds(partial(store, options.run, options.jobs))
        print(took + seconds(partial(degrade, options.run, options.jobs)))
        return 0
    with TemporaryDirectory() as folder:
        ratio = scaling(Path(folder), options.images) if options.images else LIMIT
    with TemporaryDirectory() as folder:
        small_changes(Path(folder), options.small)
    return 0 if ratio >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
