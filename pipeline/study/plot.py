"""The plot of a study: methods from best to worst with their intervals."""

from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.study import Kind

_INK, _SOFT = "#20506e", "#9bb4c4"


def write_plot(kind: Kind, methods: pd.DataFrame, pictures: pd.DataFrame, path: Path) -> None:
    """Write a PNG: each method's mean with its interval, each picture's score behind it.

    Args:
        kind: Kind of the study.
        methods: One row a method, the best first.
        pictures: One row a picture and method.
        path: File to write.
    """
    score, low, high = ("mos", "low", "high") if kind == "rating" else ("preference", "low", "high")
    figure = Figure(figsize=(7, 1.4 + 0.5 * len(methods)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for place, row in enumerate(methods.to_dict("records")):
        here = pictures.loc[pictures["method"] == row["method"], score]
        axes.plot(here, [place] * len(here), "|", color=_SOFT, markersize=14, zorder=1)
        axes.plot([row[low], row[high]], [place, place], color=_INK, linewidth=2.5, zorder=2)
        axes.plot(row[score], place, "o", color=_INK, markersize=7, zorder=3)
        axes.annotate(
            f"{row[score]:.2f}",
            (row[score], place),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(methods)), methods["method"])
    axes.set_ylim(len(methods) - 0.5, -0.7)
    if kind == "rating":
        axes.set_xlim(0.9, 5.1)
        axes.set_xticks(range(1, 6), ["1 bad", "2 poor", "3 fair", "4 good", "5 excellent"])
        axes.set_xlabel("mean opinion score, 95 % interval; lines: single pictures")
    else:
        axes.set_xlim(-0.02, 1.02)
        axes.axvline(0.5, color="#999999", linewidth=0.8, linestyle=":", zorder=0)
        axes.set_xlabel("share of comparisons won, 95 % interval; lines: single pictures")
    axes.grid(axis="x", color="#e4e4e4", zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(path, dpi=150, metadata={"Software": None})
