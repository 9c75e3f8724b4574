"""Bring raw files and pretrained weights: `python -m stages.download RAW WEIGHTS`."""

import sys
from pathlib import Path

from pipeline.config import load_params
from pipeline.data.collect import collect
from pipeline.data.sources import Places
from pipeline.data.weights import collect_weights
from pipeline.stage import run_stage


def main() -> None:
    """Read the parameters and collect."""
    raw, weights = map(Path, sys.argv[1:])
    params, places = load_params(), Places.of_checkout()
    collect(params.data, raw, places=places)
    collect_weights(params.needed_weights, weights, places=places)


if __name__ == "__main__":
    run_stage(main)
