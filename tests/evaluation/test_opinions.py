"""People's scores beside the others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.opinions import add_opinions
from pipeline.evaluation.summary import statistics, summarise
from pipeline.evaluation.tables import text_table
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import write_png
from pipeline.schema import validate


@pytest.fixture
def results(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for method in ("bicubic", "network"):
        for name in ("x", "y"):
            picture = random.integers(0, 256, (4, 5, 3), np.uint8)
            write_png(tmp_path / "results" / method / "s" / f"{name}.png", picture)
    return tmp_path / "results"


def frame() -> pd.DataFrame:
    rows = [("s", n, m, 30.0 + (m == "network")) for n in "xy" for m in ("bicubic", "network")]
    return pd.DataFrame(rows, columns=["set", "image", "method", "psnr_y"])


def study_of(folder: Path, results: Path, scores: dict[str, float]) -> Path:
    """Results of a study under other names than the pictures have here."""
    from pipeline.images.picture import read_png

    rows = [
        ("elsewhere", "i", "m", score, 1, 5, 9, pixels_sha256(read_png(results / f"{key}.png")))
        for key, score in scores.items()
    ]
    names = ["set", "image", "method", "mos", "low", "high", "answers", "pixels_sha256"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "results.csv", index=False)
    return folder / "results.csv"


ALL = {"bicubic/s/x": 2.0, "bicubic/s/y": 3.0, "network/s/x": 4.0, "network/s/y": 4.5}


def test_mos_stands_beside_psnr_with_its_gain(results: Path, tmp_path: Path):
    both = add_opinions(frame(), study_of(tmp_path, results, ALL), results)
    assert both["mos"].tolist() == [2, 4, 3, 4.5]
    summary = {**summarise(both), "protocol": {"scale": 2, "name": "rgb", "crop_border": 2}}
    assert summary["mean"]["gain"] == {"psnr_y": 1, "mos": 1.75}
    assert statistics(both, "network")["mos"]["better_than_bicubic"]["wins"] == 2
    assert "2.50      4.25     +1.75" in text_table(summary)


def test_pictures_that_nobody_judged_have_no_score_and_are_called_so(results: Path, tmp_path: Path):
    judged = {key: score for key, score in ALL.items() if key.startswith("bicubic")}
    both = add_opinions(frame(), study_of(tmp_path, results, judged), results)
    summary = {**summarise(both), "protocol": {"scale": 2, "name": "rgb", "crop_border": 2}}
    assert summary["mean"]["network"]["mos"] is None
    assert "2.50 not judged not judged" in text_table(summary)
    assert "mos" not in statistics(both, "network")


def test_a_study_of_other_pictures_is_refused(results: Path, tmp_path: Path):
    path = study_of(tmp_path, results, ALL)
    for file in results.rglob("*.png"):
        write_png(file, np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(UserError, match="nobody has judged any of these pictures"):
        add_opinions(frame(), path, results)


def test_a_study_elsewhere_is_refused_since_dvc_would_not_see_it_change():
    with pytest.raises(UserError, match=r"study: /tmp/r.csv is not in opinions/"):
        validate(EvaluateConfig, {"study": "/tmp/r.csv"}, where="params.yaml")
    assert EvaluateConfig(study="opinions/first/results.csv").study is not None
