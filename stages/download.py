"""Bring the raw files of every source: `python -m stages.download RAW`."""

import sys
from pathlib import Path

from pipeline.config import load_params
from pipeline.data.collect import collect
from pipeline.data.sources import Places
from pipeline.stage import run_stage


def main() -> None:
    """Read the parameters and collect."""
    [raw] = map(Path, sys.argv[1:])
    collect(load_params().data, raw, places=Places.of_checkout())


if __name__ == "__main__":
    run_stage(main)
