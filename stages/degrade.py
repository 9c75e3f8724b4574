"""Make the LR picture of every HR picture: `python -m stages.degrade HR LR`."""

import sys
from pathlib import Path

from pipeline.config import load_params
from pipeline.degradation.store import degrade_store
from pipeline.stage import run_stage


def main() -> None:
    """Read the parameters and degrade."""
    hr, lr = map(Path, sys.argv[1:])
    params = load_params()
    degrade_store(hr, lr, params.degradation, scale=params.scale, seed=params.seed)


if __name__ == "__main__":
    run_stage(main)
