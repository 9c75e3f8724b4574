"""Values that the metrics' authors' own MATLAB code gave, on 29 pairs of pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.evaluation.protocol import Pair, hr_luma_plane, luma_first_pair
from pipeline.images.decode import decode
from pipeline.images.picture import read_png
from pipeline.images.resize import imresize_float
from pipeline.metrics import METRICS

# Column, metric, factor of the intensities, and the tolerance: absolute, relative.
COLUMNS = [
    ("ssim", "ssim", 1.0, 1e-6, 0.0),
    ("ms_ssim", "ms_ssim", 1.0, 1e-5, 0.0),
    ("vif", "vif", 1.0, 0.0, 1e-4),
    ("vif_pixel", "vif_pixel", 1.0, 0.0, 1e-4),
    ("ifc_0_255", "ifc", 1.0, 0.0, 1e-3),
    ("ifc_0_1", "ifc", 1 / 255, 0.0, 1e-5),
]


def read_pair(reference: Path, row: "pd.Series[str]") -> Pair:
    """The pair as it was stored, or made as NOTES.md says it was."""
    stem = f"{row['set']}_x{row['scale']}_{row['image']}"
    stored = [reference / "reference" / "luma_pairs" / f"{stem}_{end}.png" for end in ("bic", "hr")]
    if stored[0].exists():
        sr, hr = (torch.from_numpy(read_png(p).astype(np.float64))[None, None] for p in stored)
        return Pair(sr, hr)
    return made_pair(reference, row)


def made_pair(reference: Path, row: "pd.Series[str]") -> Pair:
    scale = int(row["scale"])
    (path,) = (reference / "data" / row["set"]).glob(f"{row['image']}.*")
    hr = hr_luma_plane(decode(path).picture, scale)
    sr, hr = luma_first_pair(imresize_float(imresize_float(hr, 1 / scale), scale), hr)
    inner = (..., slice(scale, -scale), slice(scale, -scale))
    return Pair(sr[inner], hr[inner])


def test_all_metrics_equal_their_authors_code(reference: Path):
    rows = pd.read_csv(reference / "reference" / "metric_oracles.csv", dtype={"image": str})
    assert len(rows) == 29
    problems = []
    for _, row in rows.iterrows():
        pair = read_pair(reference, row)
        for column, name, factor, absolute, relative in COLUMNS:
            value = METRICS[name].function(
                pair.sr * factor, pair.hr * factor, data_range=255.0 * factor, border=0
            )
            expected = float(row[column])
            if not abs(value.item() - expected) <= absolute + relative * expected:
                problems.append(f"{row['set']} x{row['scale']} {row['image']} {column}: {value}")
    assert not problems


def test_pairs_that_are_not_stored_are_made_as_the_stored_ones_were(reference: Path):
    rows = pd.read_csv(reference / "reference" / "metric_oracles.csv", dtype={"image": str})
    row = rows[(rows["set"] == "Set14") & (rows["image"] == "zebra")].iloc[0]
    for stored, made in zip(read_pair(reference, row), made_pair(reference, row), strict=True):
        assert torch.equal(stored, made)


@pytest.mark.parametrize(("scale", "published"), [(2, 6.08), (3, 3.58), (4, 2.33)])
def test_ifc_of_bicubic_on_set5_is_lapsrn_s_row(reference: Path, scale: int, published: float):
    rows = pd.read_csv(reference / "reference" / "metric_oracles.csv", dtype={"image": str})
    chosen = rows[(rows["set"] == "Set5") & (rows["scale"] == scale)]
    pairs = [read_pair(reference, row) for _, row in chosen.iterrows()]
    ifc = METRICS["ifc"].function
    values = [ifc(p.sr / 255, p.hr / 255, data_range=1.0, border=0).item() for p in pairs]
    assert np.mean(values) == pytest.approx(published, abs=0.006)
