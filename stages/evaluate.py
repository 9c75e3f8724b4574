"""Stage `evaluate`: score the trained network and bicubic on the test split."""

import argparse
from pathlib import Path

from pipeline.config import load_params
from pipeline.evaluation.store import (
    evaluate_store,
    test_images,
    write_result,
)
from pipeline.models.files import load_model
from pipeline.report.comparison import write_comparisons
from pipeline.stage import run_stage


def main() -> None:
    """Read the arguments, evaluate, write scores and pictures, record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("hr", "lr", "model", "metrics", "per_image", "comparisons", "results"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    params = load_params()

    images = test_images(paths.hr, paths.lr)
    network = load_model(paths.model)
    result = evaluate_store(images, network, params.evaluate, results=paths.results)
    write_result(result, metrics=paths.metrics, per_image=paths.per_image)
    write_comparisons(images, result, results=paths.results, folder=paths.comparisons)


if __name__ == "__main__":
    run_stage(main)
