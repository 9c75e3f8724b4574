"""A result as DVC, a tracking store and people read it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.opinions import SCORES

BASELINE = "bicubic"
NETWORK = "network"


def finite_mean(values: "pd.Series[float]") -> float | None:
    """Mean over the finite values, rounded to 6 digits after the point; None without any."""
    finite = values[np.isfinite(values)]
    return round(float(finite.mean()), 6) if len(finite) else None


def rounded(value: Any, digits: int = 6) -> Any:
    """Round every float in nested data, so that JSON files read well; infinity becomes None."""
    if isinstance(value, Mapping):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, float):
        return round(value, digits) if math.isfinite(value) else None
    return value


def wide_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a picture: `set`, `image`, each metric, and each metric of bicubic."""
    ours, theirs = (
        frame[frame["method"] == method].drop(columns="method").set_index(["set", "image"])
        for method in (NETWORK, BASELINE)
    )
    both = ours.merge(theirs, left_index=True, right_index=True, suffixes=("", f"_{BASELINE}"))
    return both.reset_index().round(6)


def flat_scores(summary: Mapping[str, Any]) -> dict[str, float]:
    """Scores as a tracking store holds them.

    Names are such as `mean/psnr_y`, `mean/gain_psnr_y`, `set5/bicubic_psnr_y`, `plane/rmse`,
    `text/character_error_rate`, `text/bicubic_character_error_rate`.
    """
    flat = {}
    for place, means in [("mean", summary["mean"]), *summary["sets"].items()]:
        for method, prefix in ((NETWORK, ""), ("gain", "gain_"), (BASELINE, "bicubic_")):
            for name, value in means[method].items():
                if value is not None:
                    flat[f"{place}/{prefix}{name}"] = float(value)
    point = summary.get("plane", {}).get("points", {}).get(NETWORK, {})
    flat |= {f"plane/{name}": float(value) for name, value in point.items()}
    for task, methods in task_scores(summary).items():
        for method, prefix in ((NETWORK, ""), (BASELINE, "bicubic_")):
            flat |= {f"{task}/{prefix}{name}": value for name, value in methods[method].items()}
    return flat


def task_scores(summary: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """What each task measured, by task, method and name; without the single pages."""
    return {
        task: {
            method: {name: value for name, value in scores.items() if isinstance(value, float)}
            for method, scores in methods.items()
        }
        for task, methods in summary.get("tasks", {}).items()
    }


def listed_scores(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers of each set that `dvc metrics show` and `dvc exp show` have room for."""
    listed: dict[str, Any] = {"protocol": summary["protocol"]["name"]}
    for name, means in _named_means(summary):
        gains = {f"{metric}_gain": value for metric, value in means["gain"].items()}
        listed[name] = {key: v for key, v in {**means[NETWORK], **gains}.items() if v is not None}
    return listed


def _named_means(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each set's means, and those of all pictures where there are several sets."""
    sets = list(summary["sets"].items())
    return [*sets, ("all", summary["mean"])] if len(sets) > 1 else sets


def text_table(summary: Mapping[str, Any]) -> str:
    """The result as a person reads it: set by set, bicubic, network and gain."""
    rows = _named_means(summary)
    metrics = list(summary["mean"][NETWORK])
    set_width = max(10, *(len(name) for name, _ in rows))
    width = max(9, *(len(name) for name in metrics))
    titles = f"{'bicubic':>9} {'network':>9} {'gain':>9}"
    lines = [f"{'set':<{set_width}} {'images':>6}  {'metric':<{width}} {titles}"]
    for name, means in rows:
        left = f"{name:<{set_width}} {means['images']:>6}"
        for metric in metrics:
            cells = [_cell(means[column][metric], metric) for column in (BASELINE, NETWORK)]
            cells.append(_cell(means["gain"][metric], metric, sign="+"))
            lines.append(f"{left}  {metric:<{width}} " + " ".join(f"{c:>9}" for c in cells))
            left = " " * len(left)
    protocol = summary["protocol"]
    lines.append(
        f"x{protocol['scale']}, protocol {protocol['name']}, {protocol['crop_border']} pixels "
        f"cut off each side"
    )
    return "\n".join(lines)


def _cell(value: float | None, metric: str, sign: str = "") -> str:
    return absent(metric) if value is None else f"{value:{sign}.{shown_digits(metric)}f}"


def absent(metric: str) -> str:
    """What a missing mean says: PSNR has none where pictures are identical."""
    return "not judged" if metric in SCORES else "identical"


def shown_digits(metric: str) -> int:
    """Digits after the point in tables: two for dB, intensities and grades, four for indices."""
    return 2 if metric.split("_")[0] in ("psnr", "rmse", "mse", "niqe", "pi", "ma", "mos") else 4
