"""Stage `evaluate`: score the trained network and bicubic on the test split."""

import argparse
from pathlib import Path

from pipeline.config import load_params
from pipeline.evaluation.comparisons import write_comparisons
from pipeline.evaluation.store import evaluate_store, test_images, write_result
from pipeline.evaluation.tables import flat_scores
from pipeline.images.picture import read_png
from pipeline.models.files import load_model, weights_sha256
from pipeline.stage import run_stage
from pipeline.tracking.recording import evaluation_run


def main() -> None:
    """Read the arguments, evaluate, write scores and pictures, record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("hr", "lr", "model", "metrics", "summary", "per_image", "comparisons", "results"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    params = load_params()

    images = test_images(paths.hr, paths.lr)
    network = load_model(paths.model)
    result = evaluate_store(images, network, params.evaluate, results=paths.results)
    result.summary["weights"] = weights_sha256(paths.model)
    write_result(result, metrics=paths.metrics, summary=paths.summary, per_image=paths.per_image)
    sheets = write_comparisons(images, result, results=paths.results, folder=paths.comparisons)
    with evaluation_run(
        paths.model,
        params.model_dump(mode="json"),
        protocol=params.evaluate.protocol.name,
        name=f"{params.model.name}-x{params.scale}",
        inputs=[paths.hr, paths.lr],
    ) as run:
        run.log_metrics(flat_scores(result.summary))
        run.log_table("per_image", result.frame)
        run.log_file(paths.summary)
        for sheet in sheets[: params.report.num_images]:
            run.log_picture(sheet.stem, read_png(sheet))


if __name__ == "__main__":
    run_stage(main)
