"""What `sr compare` writes: tables of runs that were measured alike, and the plane."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.compare import (
    Evaluated,
    comparison_table,
    comparison_text,
    conditions,
    plane_table,
)
from pipeline.evaluation.tables import BASELINE
from pipeline.report.plane import write_plane


def write_comparison(
    groups: Sequence[Sequence[Evaluated]], folder: Path, *, against: str | None = None
) -> str:
    """Write `scores.csv`, `plane.csv` and `plane.png`.

    Args:
        groups: Evaluations that were measured alike, group by group.
        folder: Where the files go.
        against: Id of the run that others are compared with, in the groups that have it; bicubic
            if absent.

    Returns:
        The tables as text.

    Raises:
        UserError: If there is nothing to compare.
    """
    if against is not None:
        groups = [g for g in groups if any(e.run.startswith(against) for e in g)]
    if not groups:
        wanted = f" together with the run {against}" if against else ""
        raise UserError(f"no evaluated run to compare{wanted}; `sr runs` lists what there is")
    texts, scores, planes = [], [], []
    for number, group in enumerate(groups, start=1):
        title = _title(group)
        table, plane = comparison_table(group, against=against), plane_table(group)
        text = comparison_text(table, against=against or BASELINE)
        texts.append("\n".join([title, text, *_without_place(group)]))
        scores.append(table.assign(group=number, measured=title))
        if len(plane):
            planes.append((title, plane.assign(group=number, measured=title)))
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write(pd.concat(scores), folder / "scores.csv")]
    if planes:
        written.append(_write(pd.concat([plane for _, plane in planes]), folder / "plane.csv"))
        write_plane(planes, folder / "plane.png")
        written.append(str(folder / "plane.png"))
    return "\n\n".join([*texts, "written: " + ", ".join(written)])


def _without_place(group: Sequence[Evaluated]) -> list[str]:
    """Say which runs are not in the plane, and why."""
    planes = [(evaluated.label, evaluated.summary.get("plane")) for evaluated in group]
    return [
        f"{label} is not in the plane: "
        + ("evaluate.plane was null" if plane is None else plane["unavailable"])
        for label, plane in planes
        if plane is None or "unavailable" in plane
    ]


def _write(table: pd.DataFrame, path: Path) -> str:
    table.round(6).to_csv(path, index=False, lineterminator="\n")
    return str(path)


def _title(group: Sequence[Evaluated]) -> str:
    measured = conditions(group[0])
    sets = ", ".join(group[0].summary["sets"])
    return (
        f"{sets} x{measured['scale']}, protocol {measured['name']}, border "
        f"{measured['crop_border']}, {measured['luma']} luma, pictures {measured['test pictures']}"
    )
