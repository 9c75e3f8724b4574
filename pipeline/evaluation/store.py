"""Evaluating a trained network on the test split of the stored data."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.methods import BicubicMethod, Method, NetworkMethod
from pipeline.evaluation.opinions import add_opinions
from pipeline.evaluation.plane import plane_points
from pipeline.evaluation.runner import Evaluation, EvaluationImage
from pipeline.evaluation.summary import statistics, summarise
from pipeline.evaluation.tables import BASELINE, NETWORK, listed_scores, wide_table
from pipeline.evaluation.tasks import evaluate_tasks
from pipeline.images.manifest import stored_pictures
from pipeline.models import SRNetwork


@dataclass(frozen=True)
class TestResult:
    """Scores of a network and bicubic over the test split.

    Attributes:
        frame: One row a picture and method.
        summary: Means by set, with the protocol; what `summary.json` holds.
    """

    frame: pd.DataFrame
    summary: dict[str, Any]


def test_images(hr_folder: Path, lr_folder: Path) -> list[EvaluationImage]:
    """The test split's pictures with their stored LR, in the manifest's order.

    Raises:
        UserError: If the split is empty or the store has no manifest.
    """
    pictures = stored_pictures(hr_folder, "test")
    if not pictures:
        raise UserError("data.test: no picture to evaluate on")
    return [
        EvaluationImage(p.set, p.name, p.path, lr_folder / "test" / p.set / f"{p.name}.png")
        for p in pictures
    ]


def evaluate_store(
    images: Sequence[EvaluationImage],
    network: SRNetwork,
    config: EvaluateConfig,
    *,
    results: Path,
) -> TestResult:
    """Score the network and bicubic, and keep the enlarged pictures.

    Args:
        images: Pictures with their stored LR.
        network: Trained network, in evaluation mode.
        config: Protocol, metrics, tiling, self-ensemble.
        results: Folder for `<method>/<set>/<name>.png`.
    """
    scale = network.scale
    methods: dict[str, Method] = {
        BASELINE: BicubicMethod(scale, config.protocol.resize_border),
        NETWORK: NetworkMethod(network, config.tile, config.self_ensemble),
    }
    frame = Evaluation(methods, config.protocol, scale, config.metrics, results).run(images)
    if config.study is not None:
        frame = add_opinions(frame, Path(config.study), results)
    protocol = config.protocol.describe(scale) | {
        "scale": scale,
        "self_ensemble": config.self_ensemble,
        "tile": config.tile or 0,
    }
    comparison = {
        name: statistics(group, NETWORK) for name, group in frame.groupby("set", sort=False)
    }
    summary = {
        "protocol": protocol,
        "pictures": pictures_digest(images),
        **summarise(frame),
        "statistics": comparison,
    }
    if config.plane is not None:
        summary["plane"] = plane_points(
            images, list(methods), results=results, scale=scale, perception=config.plane
        )
    if config.tasks:
        summary["tasks"] = evaluate_tasks(
            config.tasks, methods, images, results=results, scale=scale
        )
    return TestResult(frame, summary)


def pictures_digest(images: Sequence[EvaluationImage]) -> str:
    """Say which HR and LR was evaluated on: only scores on the same pictures compare."""
    digest = hashlib.sha256()
    for image in images:
        for path in (image.hr, image.lr):
            if path is not None:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def write_result(result: TestResult, *, metrics: Path, summary: Path, per_image: Path) -> None:
    """Write everything to `summary.json`, what DVC lists to `metrics.json`, and `per_image.csv`."""
    write_json(metrics, listed_scores(result.summary))
    write_json(summary, result.summary)
    per_image.parent.mkdir(parents=True, exist_ok=True)
    wide_table(result.frame).to_csv(per_image, index=False, lineterminator="\n")


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write readable JSON that never holds NaN or infinity."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
