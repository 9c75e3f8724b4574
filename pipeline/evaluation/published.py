"""Published scores, to stand beside ours where set, scale and degradation are the same."""

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from pipeline.degradation.resize import Resize
from pipeline.evaluation.tables import NETWORK


class PublishedRow(NamedTuple):
    """A row of a published table; the source says who measured it."""

    network: str
    psnr_y: float
    ssim_y: float | None
    source: str


class Beside(NamedTuple):
    """A published row, and how far our scores are from it (ours minus theirs)."""

    row: PublishedRow
    psnr_y: float | None
    ssim_y: float | None


def published_rows(set_name: str, scale: int) -> list[PublishedRow]:
    """Rows of a set and scale, for bicubic degradation, the best first."""
    text = files("pipeline.evaluation").joinpath("published_rows.csv").read_text(encoding="utf-8")
    rows = [
        PublishedRow(
            row["network"],
            float(row["psnr_y"]),
            float(row["ssim_y"]) if row["ssim_y"] else None,  # some tables have PSNR only
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
        if row["set"].lower() == set_name.lower() and int(row["scale"]) == scale
    ]
    return sorted(rows, key=lambda row: -row.psnr_y)


def beside_published(
    summary: Mapping[str, Any], chain: Sequence[object]
) -> dict[str, list[Beside]]:
    """Published rows for every evaluated set that has some.

    Args:
        summary: Content of `summary.json`.
        chain: The steps of the degradation; only MATLAB's bicubic is what the tables are about.

    Returns:
        Rows by set; empty where the degradation is another.
    """
    if list(chain) != [Resize()]:
        return {}
    scale = int(summary["protocol"]["scale"])
    tables = {}
    for name, means in summary["sets"].items():
        ours = means[NETWORK]
        psnr, ssim = (ours.get(f"{m}_y", ours.get(m)) for m in ("psnr", "ssim"))
        rows = [
            Beside(row, _difference(psnr, row.psnr_y), _difference(ssim, row.ssim_y))
            for row in published_rows(name, scale)
        ]
        if rows:
            tables[name] = rows
    return tables


def _difference(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else round(ours - theirs, 4)
