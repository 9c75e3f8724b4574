"""Runs beside each other: only where protocol and pictures are the same."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.plane import pareto_front
from pipeline.evaluation.statistics import bootstrap_mean, compare_paired
from pipeline.evaluation.summary import higher_is_better
from pipeline.evaluation.tables import BASELINE, NETWORK, shown_digits

MARKS = ("self_ensemble", "tile")  # how a network was used, said beside its name


class Evaluated(NamedTuple):
    """An evaluation of a run.

    Attributes:
        run: Id of the run.
        name: Name of the run.
        summary: Content of `summary.json`.
        frame: Scores, one row a picture and method.
    """

    run: str
    name: str
    summary: Mapping[str, Any]
    frame: pd.DataFrame

    @property
    def label(self) -> str:
        """Name, beginning of the id, and how the network was used."""
        protocol = self.summary["protocol"]
        marks = [mark.replace("_", "-") for mark in MARKS if protocol.get(mark)]
        return " ".join([self.name, self.run[:8], *(f"+{mark}" for mark in marks)])


def conditions(evaluated: Evaluated) -> dict[str, Any]:
    """Everything that must be the same for two scores to stand in one column."""
    protocol = {k: v for k, v in evaluated.summary["protocol"].items() if k not in MARKS}
    return protocol | {"test pictures": evaluated.summary.get("pictures", "unknown")[:12]}


def alike(evaluations: Sequence[Evaluated]) -> list[list[Evaluated]]:
    """Sort evaluations into groups that compare, in the order of their first members."""
    groups: dict[str, list[Evaluated]] = {}
    for evaluated in evaluations:
        groups.setdefault(repr(conditions(evaluated)), []).append(evaluated)
    return list(groups.values())


def require_alike(evaluations: Sequence[Evaluated]) -> None:
    """Refuse to compare what was not measured alike.

    Raises:
        UserError: Naming two evaluations and what they differ in.
    """
    first = evaluations[0]
    for other in evaluations[1:]:
        ours, theirs = conditions(first), conditions(other)
        unlike = [
            f"{key} {ours.get(key)} and {theirs.get(key)}"
            for key in ours | theirs
            if ours.get(key) != theirs.get(key)
        ]
        if unlike:
            raise UserError(
                f"{first.label} and {other.label} were not measured alike: {'; '.join(unlike)}. "
                "Unlike scores do not share a column: evaluate one of them again, choose with "
                "--protocol, or name no runs to get a table for each kind"
            )


def comparison_table(group: Sequence[Evaluated], *, against: str | None = None) -> pd.DataFrame:
    """Compare evaluations that were measured alike, picture by picture.

    Args:
        group: From `alike`.
        against: Id of the run that the others are compared with; bicubic if absent.

    Returns:
        One row a run and metric: `run`, `name`, `metric`, `images`, `mean` with its 95 %
        bootstrap interval `low` to `high`, `better_by` (positive is better) with its interval,
        `wins`, `losses` and the sign test's `p`. The first rows are bicubic's.

    Raises:
        UserError: If `against` is not in the group.
    """
    reference = _reference(group, against)
    rows = [("", BASELINE, _scores(group[0].frame, BASELINE))]
    rows += [(evaluated.run, evaluated.label, _own(evaluated)) for evaluated in group]
    return pd.DataFrame(
        {"run": run, "name": name, "metric": metric} | _row(scores[metric], reference, metric)
        for run, name, scores in rows
        for metric in scores.columns
    )


def _reference(group: Sequence[Evaluated], against: str | None) -> pd.DataFrame:
    if against is None:
        return _scores(group[0].frame, BASELINE)
    for evaluated in group:
        if evaluated.run.startswith(against):
            return _own(evaluated)
    raise UserError(f"--against {against}: this run is not among those compared")


def _own(evaluated: Evaluated) -> pd.DataFrame:
    return _scores(evaluated.frame, NETWORK)


def _scores(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    rows = frame[frame["method"] == method].drop(columns="method")
    return rows.set_index(["set", "image"]).astype(float)


def _row(values: "pd.Series[float]", reference: pd.DataFrame, metric: str) -> dict[str, Any]:
    numbers = np.asarray(values, dtype=np.float64)
    usable = numbers[np.isfinite(numbers)]
    mean = bootstrap_mean(usable) if len(usable) else None
    row: dict[str, Any] = {"images": len(usable)}
    row |= mean._asdict() if mean else {"mean": None, "low": None, "high": None}
    if metric not in reference or values.equals(reference[metric]):
        return row
    ours, theirs = values.align(reference[metric], join="inner")
    both = np.isfinite(ours) & np.isfinite(theirs)
    if not both.any():
        return row
    sign = 1.0 if higher_is_better(metric) else -1.0
    paired = compare_paired(sign * ours[both].to_numpy(float), sign * theirs[both].to_numpy(float))
    return row | {
        "better_by": paired.difference.mean,
        "better_low": paired.difference.low,
        "better_high": paired.difference.high,
        "wins": paired.wins,
        "losses": paired.losses,
        "p": paired.p_value,
    }


def comparison_text(table: pd.DataFrame, *, against: str = BASELINE) -> str:
    """Lay a table of `comparison_table` out for a terminal."""
    shown = pd.DataFrame(
        {
            "name": table["name"],
            "metric": table["metric"],
            "mean [95 %]": [
                _with_interval(r["mean"], r["low"], r["high"], r["metric"])
                for _, r in table.iterrows()
            ],
            f"better than {against} by": [
                _with_interval(
                    r.get("better_by"), r.get("better_low"), r.get("better_high"), r["metric"], "+"
                )
                for _, r in table.iterrows()
            ],
            "wins:losses": [
                f"{r['wins']:.0f}:{r['losses']:.0f} p={r['p']:.2g}" if pd.notna(r.get("p")) else ""
                for _, r in table.iterrows()
            ],
        }
    )
    return shown.to_string(index=False)


def _with_interval(mean: Any, low: Any, high: Any, metric: str, sign: str = "") -> str:
    if mean is None or pd.isna(mean):
        return "-"
    digits = shown_digits(metric)
    if low is None or pd.isna(low):
        return f"{mean:{sign}.{digits}f}"
    return f"{mean:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def plane_table(group: Sequence[Evaluated]) -> pd.DataFrame:
    """Where the runs, and bicubic, lie in the perception-distortion plane.

    Args:
        group: Evaluations on the same pictures.

    Returns:
        `run`, `name`, `perception` (the name of the vertical axis), `rmse`, `score`, `pareto`
        (whether no other is better on both axes); a run without a place is left out.
    """
    rows: list[dict[str, Any]] = []
    for evaluated in group:
        plane = evaluated.summary.get("plane", {})
        for method, point in plane.get("points", {}).items():
            own = method == NETWORK
            name, score = plane["perception"], point[plane["perception"]]
            row = {"run": evaluated.run if own else "", "name": evaluated.label if own else method}
            row |= {"perception": name, "rmse": point["rmse"], "score": score}
            if row not in rows:  # bicubic is the same for all
                rows.append(row)
    table = pd.DataFrame(rows, columns=["run", "name", "perception", "rmse", "score"])
    table["pareto"] = False
    for _, part in table.groupby("perception"):
        points = list(zip(part["rmse"], part["score"], strict=True))
        table.loc[part.index[pareto_front(points)], "pareto"] = True
    return table
