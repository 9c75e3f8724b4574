"""Stage `report`: one self-contained page from what the earlier stages wrote."""

import argparse
import json
from pathlib import Path

import pandas as pd

from pipeline.config import load_params
from pipeline.report.page import ReportInputs, render_report
from pipeline.stage import run_stage
from pipeline.tracking.recording import log_report


def main() -> None:
    """Read the arguments and the earlier outputs, render, write, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("summary", "curve", "per_image", "hr", "results", "page"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    params = load_params()

    inputs = ReportInputs(
        summary=json.loads(paths.summary.read_text(encoding="utf-8")),
        curve=pd.read_csv(paths.curve),
        per_image=pd.read_csv(paths.per_image, dtype={"set": str, "image": str}),
        hr=paths.hr,
        results=paths.results,
        degradation=params.degradation,
        seed=params.seed,
    )
    paths.page.parent.mkdir(parents=True, exist_ok=True)
    paths.page.write_text(render_report(inputs, params.report), encoding="utf-8")
    log_report(inputs.summary["weights"], paths.page)


if __name__ == "__main__":
    run_stage(main)
