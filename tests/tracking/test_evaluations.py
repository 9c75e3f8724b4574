"""Comparing runs through the store that holds them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from PIL import Image
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UserError
from pipeline.models import network_config
from pipeline.models.files import save_model
from pipeline.tracking.evaluations import recorded_evaluations
from pipeline.tracking.recording import evaluation_run
from tests.tracking.test_recording import all_runs


def small_model(folder: Path, number: int) -> Path:
    config = network_config({"name": "edsr", "num_features": 2 + number, "num_blocks": 1})
    path = folder / f"{number}" / "model.safetensors"
    save_model(path, config.build(scale=2), config, scale=2)
    return path


def evaluate(model: Path, psnr: float, *, crop_border: int = 2, name: str = "rgb") -> None:
    protocol = {"name": name, "crop_border": crop_border, "luma": "float", "scale": 2}
    frame = pd.DataFrame(
        [
            {"set": "Set3", "image": str(i), "method": method, "psnr_y": base + i}
            for method, base in (("bicubic", 30.0), ("network", psnr))
            for i in range(3)
        ]
    )
    points = {"network": {"rmse": 40 - psnr, "niqe": psnr / 5}, "bicubic": {"rmse": 12, "niqe": 7}}
    summary: dict[str, Any] = {
        "protocol": protocol,
        "pictures": "ab" * 32,
        "sets": {"Set3": {}},
        "plane": {"perception": "niqe", "points": points},
    }
    path = model.parent / "summary.json"
    path.write_text(json.dumps(summary))
    with evaluation_run(model, {}, protocol=name, name="net", inputs=[]) as run:
        run.log_metrics({"mean/psnr_y": psnr})
        run.log_table("per_image", frame)
        run.log_file(path)


@pytest.fixture
def two_runs(project: Path, client: MlflowClient, tmp_path: Path) -> list[str]:
    for number, psnr in enumerate((31.0, 32.0)):
        evaluate(small_model(tmp_path, number), psnr)
    runs = sorted(all_runs(client), key=lambda run: run.data.metrics["rgb/mean/psnr_y"])
    return [run.info.run_id for run in runs]


def test_compare_writes_the_tables_and_a_plot(two_runs: list[str]):
    result = CliRunner().invoke(app, ["compare", *two_runs, "--against", two_runs[0]])
    assert result.exit_code == 0, result.output
    assert "+1.00 [+1.00, +1.00]" in result.output
    scores = pd.read_csv("compare/scores.csv", keep_default_na=False)
    assert list(scores["run"]) == ["", *two_runs]
    plane = pd.read_csv("compare/plane.csv")
    assert set(plane["rmse"]) == {8.0, 9.0, 12.0}
    with Image.open("compare/plane.png") as picture:
        assert picture.width > picture.height > 300


def test_runs_that_were_measured_otherwise_are_refused_by_name_and_tabled_apart_without(
    two_runs: list[str], tmp_path: Path
):
    other = small_model(tmp_path, 2)
    evaluate(other, 35.0, crop_border=4)
    apart = {e.run for e in recorded_evaluations([])} - set(two_runs)
    refused = CliRunner().invoke(app, ["compare", two_runs[0], *apart])
    assert isinstance(refused.exception, UserError)
    assert "crop_border 2 and 4" in str(refused.exception)
    assert CliRunner().invoke(app, ["compare"]).output.count("protocol rgb, border") == 2


def test_of_evaluations_made_alike_the_latest_counts(two_runs: list[str], tmp_path: Path):
    evaluate(tmp_path / "1" / "model.safetensors", 33.0)
    evaluate(tmp_path / "1" / "model.safetensors", 34.0, crop_border=6)
    found = recorded_evaluations([two_runs[1]])
    means = [e.frame[e.frame["method"] == "network"]["psnr_y"].mean() for e in found]
    assert means == [34.0, 35.0]


def test_a_run_without_such_an_evaluation_is_named(two_runs: list[str]):
    with pytest.raises(UserError, match=rf"run {two_runs[0]} .*no evaluation by the protocol luma"):
        recorded_evaluations([two_runs[0]], protocol="luma-first")
