"""Curves as SVG text that is the same bytes for the same numbers."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure


def curve_svg(curve: pd.DataFrame, columns: Sequence[str], *, title: str, log: bool = False) -> str:
    """Draw columns of `plots/train.csv` over the step.

    Args:
        curve: The table, with a column `step`.
        columns: What to draw.
        title: What stands above.
        log: Logarithmic vertical axis.

    Returns:
        An `<svg>` element, without time or random names in it.
    """
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    for column in columns:
        points = curve[["step", column]].dropna()
        axes.plot(points["step"], points[column], marker=".", label=column)
    axes.set(xlabel="step", title=title)
    if log:
        axes.set_yscale("log")
    if len(columns) > 1:
        axes.legend()
    axes.grid(alpha=0.3)
    return figure_svg(figure)


def figure_svg(figure: Figure) -> str:
    """Turn a figure into an `<svg>` element whose bytes repeat."""
    text = io.StringIO()
    # Without a fixed salt, matplotlib names clip paths at random.
    with mpl.rc_context({"svg.hashsalt": "sr-lab", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
