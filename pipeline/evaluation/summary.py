"""Means over sets and what they are worth, as plain data for JSON."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.opinions import SCORES
from pipeline.evaluation.scores import resolve_metric
from pipeline.evaluation.statistics import bootstrap_mean, compare_paired
from pipeline.evaluation.tables import BASELINE, NETWORK, finite_mean, rounded


def metric_names(frame: pd.DataFrame) -> list[str]:
    """Names of the metrics in a frame of `Evaluation.run`."""
    return [str(name) for name in frame.columns if name not in ("set", "image", "method")]


def summarise(frame: pd.DataFrame) -> dict[str, Any]:
    """Reduce per-image scores to means.

    Args:
        frame: One row for each picture and method, from `Evaluation.run`.

    Returns:
        `sets` with each set's and `mean` with all pictures' means by method and metric, and the
        gain over bicubic. JSON has no infinity: where pictures are identical their PSNR is left
        out of the mean, which is None if nothing is left.
    """
    sets = {str(name): _means(group) for name, group in frame.groupby("set", sort=False)}
    return {"sets": sets, "mean": _means(frame)}


def _means(frame: pd.DataFrame) -> dict[str, Any]:
    names = metric_names(frame)
    means: dict[str, Any] = {
        str(method): {name: finite_mean(group[name]) for name in names}
        for method, group in frame.groupby("method", sort=False)
    }
    if {NETWORK, BASELINE} <= means.keys():
        ours, theirs = means[NETWORK], means[BASELINE]
        means["gain"] = {name: _difference(ours[name], theirs[name]) for name in names}
    means["images"] = len(frame) // max(frame["method"].nunique(), 1)
    return means


def _difference(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else round(ours - theirs, 6)


def statistics(frame: pd.DataFrame, method: str, *, against: str = BASELINE) -> dict[str, Any]:
    """Intervals of a method's means and its paired comparison with another, by metric."""
    results: dict[str, Any] = {}
    wide = {m: group.set_index(["set", "image"]) for m, group in frame.groupby("method")}
    for name in metric_names(frame):
        ours, theirs = wide[method][name], wide[against][name]
        usable = np.isfinite(ours) & np.isfinite(theirs)
        if not usable.any():
            continue
        sign = 1 if higher_is_better(name) else -1
        paired = compare_paired(
            sign * ours[usable].to_numpy(float), sign * theirs[usable].to_numpy(float)
        )
        mean = bootstrap_mean(ours[usable].to_numpy(float))
        results[name] = {
            "mean": mean._asdict(),
            f"better_than_{against}": {
                **paired.difference._asdict(),
                "wins": paired.wins,
                "losses": paired.losses,
                "sign_test_p": paired.p_value,
            },
        }
    return rounded(results)


def higher_is_better(name: str) -> bool:
    """Whether more is better, of a metric or of people's scores."""
    return name in SCORES or resolve_metric(name).metric.higher_is_better
