"""The plot of the perception-distortion plane."""

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.evaluation.plane import REGIONS

AXIS_NAMES = {"niqe": "NIQE", "lpips": "LPIPS", "pi": "perceptual index"}
_RANKS = ("first", "second")  # what the source calls methods that it does not name
PANEL = (6.4, 4.8)  # inches


class PublishedPoint(NamedTuple):
    """A method's place in the plane of the PIRM 2018 challenge."""

    method: str
    rmse: float
    perceptual_index: float


def published_points() -> list[PublishedPoint]:
    """The challenge's best methods, region by region (Blau et al. 2018, table of results)."""
    text = files("pipeline.evaluation").joinpath("pirm_methods.csv").read_text(encoding="utf-8")
    return [
        PublishedPoint(
            row["method"] if row["method"] not in _RANKS else f"{_region(row)}, {row['method']}",
            float(row["rmse"]),
            float(row["perceptual_index"]),
        )
        for row in csv.DictReader(text.splitlines())
    ]


def _region(row: Mapping[str, str]) -> str:
    return row["set"].rsplit(", ", 1)[1]


def write_plane(groups: Sequence[tuple[str, pd.DataFrame]], path: Path) -> None:
    """Draw a panel for each group of runs, and one of published methods.

    The published methods have a panel of their own, since they were measured on other pictures
    (PIRM's); they also stand among the runs where these have the perceptual index too.

    Args:
        groups: What was measured on, and the table of `plane_table`.
        path: The `.png` to write.
    """
    panels = [(t, part) for t, table in groups for _, part in table.groupby("perception")]
    count = len(panels) + 1
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(PANEL[0] * count, PANEL[1]), layout="constrained", dpi=110)
        for axes, (title, table) in zip(
            figure.subplots(1, count, squeeze=False)[0], panels, strict=False
        ):
            _draw_runs(axes, table, title)
        _draw_published(figure.axes[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Software": None})


def _draw_runs(axes: Axes, table: pd.DataFrame, title: str) -> None:
    for row in table.to_dict("records"):
        marker = "o" if row["run"] else "s"
        axes.plot(row["rmse"], row["score"], marker, markersize=8, label=row["name"])
    front = table[table["pareto"]].sort_values("rmse")
    axes.step(
        front["rmse"], front["score"], where="post", color="0.6", zorder=0, label="Pareto front"
    )
    name = AXIS_NAMES[table["perception"].iloc[0]]
    axes.set(
        xlabel="distortion: RMSE of luma (0 to 255)", ylabel=f"perception: {name}", title=title
    )
    axes.margins(0.25)
    if table["perception"].iloc[0] == "pi":
        _mark_published(axes)
    _draw_regions(axes)
    axes.legend(fontsize=8)


def _draw_published(axes: Axes) -> None:
    _mark_published(axes)
    title = "published: PIRM 2018 test pictures, x4"
    axes.set(xlabel="distortion: RMSE", ylabel="perception: perceptual index", title=title)
    axes.margins(0.2)
    _draw_regions(axes)


def _mark_published(axes: Axes) -> None:
    for point in published_points():
        axes.plot(point.rmse, point.perceptual_index, "o", color="0.35", markersize=5)
        axes.annotate(
            point.method,
            (point.rmse, point.perceptual_index),
            textcoords="offset points",
            xytext=(5, 4),
            fontsize=7,
        )


def _draw_regions(axes: Axes) -> None:
    """Mark the regions of the PIRM challenge that the panel reaches."""
    left, right = axes.get_xlim()
    axes.set_xlim(left, max(right, left + 1))
    for number, limit in enumerate(REGIONS, start=1):
        axes.axvline(limit, color="tab:blue", linewidth=0.8, linestyle="--", alpha=0.6)
        axes.annotate(
            f"region {number}: RMSE ≤ {limit:g}",
            (limit, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            xytext=(-3, -3),
            fontsize=7,
            rotation=90,
            color="tab:blue",
            horizontalalignment="right",
            verticalalignment="top",
        )
    low = min(left, REGIONS[0] - 1.5)
    axes.set_xlim(low, max(right, REGIONS[-1] + 0.3))
