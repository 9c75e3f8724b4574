"""`sr evaluate`: any model on any folder of HR pictures, without the pipeline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.methods import Method, NetworkMethod
from pipeline.evaluation.protocol import Protocol
from pipeline.evaluation.runner import Evaluation, EvaluationImage
from pipeline.evaluation.tables import finite_mean, rounded, shown_digits
from pipeline.images.picture import PICTURE_SUFFIXES


def evaluate_folder(
    name: str,
    method: Method,
    hr_folder: Path,
    *,
    scale: int,
    protocol: Protocol,
    metrics: Sequence[str],
    lr_folder: Path | None = None,
    output: Path | None = None,
) -> dict[str, Any]:
    """Score a method on a folder of HR pictures.

    Args:
        name: What the method is called in the results' folders.
        method: Bicubic, a trained network, or another.
        hr_folder: Folder whose pictures are the HR.
        scale: Enlargement.
        protocol: How scores are taken.
        metrics: Names such as `psnr_y`; a bare name means the metric's usual channels.
        lr_folder: Stored LR of the same names; without it LR is made by MATLAB's bicubic.
        output: Folder for the enlarged pictures.

    Returns:
        `mean` and `images` by metric, the `protocol`, and `images_count`.

    Raises:
        UserError: If the folder or a picture cannot be used, naming it.
    """
    images = find_images(hr_folder, lr_folder)
    frame = Evaluation({name: method}, protocol, scale, metrics, output).run(images)
    described = protocol.describe(scale) | {"scale": scale}
    described |= {"lr": "stored" if lr_folder else "bicubic"}
    if isinstance(method, NetworkMethod):
        described |= {"self_ensemble": method.self_ensemble, "tile": method.tile}
    return {**folder_result(frame, metrics), "protocol": described}


def folder_result(frame: pd.DataFrame, metrics: Sequence[str]) -> dict[str, Any]:
    """Means and per-image scores as plain data; an infinite PSNR (identical) becomes None."""
    per_image = frame.set_index("image")[list(metrics)].to_dict(orient="index")
    return {
        "mean": {name: finite_mean(frame[name]) for name in metrics},
        "images": rounded({str(image): scores for image, scores in per_image.items()}),
        "images_count": len(frame),
    }


def find_images(hr_folder: Path, lr_folder: Path | None = None) -> list[EvaluationImage]:
    """List the pictures of a folder in the order of their names.

    Raises:
        UserError: If there is no such folder, it holds no picture, or an LR is missing.
    """
    if not hr_folder.is_dir():
        raise UserError(f"{hr_folder}: there is no such folder")
    paths = sorted(path for path in hr_folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise UserError(f"{hr_folder}: it holds no pictures ({', '.join(PICTURE_SUFFIXES)})")
    lower = {path.stem: path for path in lr_folder.iterdir()} if lr_folder else {}
    missing = [path.stem for path in paths if path.stem not in lower] if lr_folder else []
    if missing:
        raise UserError(f"{lr_folder}: it has no picture named {missing[0]}, which the HR has")
    return [EvaluationImage(hr_folder.name, p.stem, p, lower.get(p.stem)) for p in paths]


def result_table(result: Mapping[str, Any], metrics: Sequence[str]) -> str:
    """The result as a person reads it."""
    width = max(8, *(len(name) for name in result["images"]))
    lines = [f"{'image':<{width}}" + "".join(f" {name:>10}" for name in metrics)]
    for name, scores in [*result["images"].items(), ("mean", result["mean"])]:
        cells = [_cell(scores[metric], metric) for metric in metrics]
        lines.append(f"{name:<{width}}" + "".join(f" {cell:>10}" for cell in cells))
    shown = ", ".join(f"{key} {value}" for key, value in result["protocol"].items())
    return "\n".join([*lines, f"protocol: {shown}"])


def _cell(value: float | None, metric: str) -> str:
    if value is None:
        return "identical"
    return f"{value:.{shown_digits(metric)}f}"
