"""Store every raw picture without loss: `python -m stages.store_hr RAW HR`."""

import sys
from pathlib import Path

from pipeline.config import load_params
from pipeline.data.store import build_store
from pipeline.stage import run_stage


def main() -> None:
    """Read the parameters and store."""
    raw, hr = map(Path, sys.argv[1:])
    data = load_params().data
    build_store(
        raw,
        hr,
        work=Path(".cache/store_hr"),
        allow_leakage=data.allow_leakage,
        allow_duplicates=data.allow_duplicates,
    )


if __name__ == "__main__":
    run_stage(main)
