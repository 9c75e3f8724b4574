"""The report: complete, self-contained, the same bytes for the same inputs."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.degradation.config import DegradationConfig
from pipeline.degradation.presets import PRESETS
from pipeline.evaluation.comparisons import write_comparisons
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.folder import find_images
from pipeline.evaluation.store import evaluate_store, write_result
from pipeline.images.manifest import write_manifest
from pipeline.images.picture import write_png
from pipeline.models import build_network
from pipeline.report.config import ReportConfig
from pipeline.report.page import ReportInputs, format_score, render_report


@pytest.fixture
def inputs(tmp_path: Path) -> ReportInputs:
    """A store of two small pictures, one of them grey, evaluated with an untrained network."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "hr" / "test" / "photos"
    for name, shape in {"colour": (96, 80, 3), "grey": (72, 90)}.items():
        write_png(folder / f"{name}.png", generator.integers(0, 256, shape, np.uint8))
    rows = [("test", "photos", "colour", True), ("test", "photos", "grey", False)]
    write_manifest(tmp_path / "hr", pd.DataFrame(rows, columns=["split", "set", "name", "lossy"]))
    network = build_network({"name": "fsrcnn", "preset": "small"}, scale=2).eval()
    result = evaluate_store(
        find_images(folder), network, EvaluateConfig(), results=tmp_path / "results"
    )
    write_result(
        result,
        metrics=tmp_path / "metrics.json",
        summary=tmp_path / "summary.json",
        per_image=tmp_path / "per_image.csv",
    )
    return ReportInputs(
        summary=json.loads((tmp_path / "summary.json").read_text()),
        curve=pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0], "valid/psnr_y": [20.0, 21.0]}),
        per_image=pd.read_csv(tmp_path / "per_image.csv"),
        hr=tmp_path / "hr",
        results=tmp_path / "results",
        degradation=DegradationConfig(),
        seed=0,
    )


def test_the_page_needs_nothing_else_and_repeats(inputs: ReportInputs):
    page = render_report(inputs, ReportConfig(title="A <title>"))
    assert page == render_report(inputs, ReportConfig(title="A <title>"))
    assert "A &lt;title&gt;" in page
    sources = re.findall(r"(?:src|href)=\"([^\"#]{1,40})", page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "http-equiv" not in page
    assert "<script" not in page


def test_the_page_shows_scores_curves_pictures_steps_and_lossy_sources(inputs: ReportInputs):
    page = render_report(inputs, ReportConfig())
    psnr = inputs.summary["mean"]["network"]["psnr_y"]
    assert f"{psnr:.2f}" in page
    assert page.count("<svg") == 2
    assert page.count('alt="HR"') == 2 + 1 + len(PRESETS)
    assert all(f"<h3>{preset}</h3>" in page for preset in PRESETS)
    assert "test/photos/colour." in page.replace("\n", "")
    assert "test/photos/grey" not in page


def test_the_page_shows_the_plane_and_the_tasks(inputs: ReportInputs):
    plane = {
        "protocol": {"crop_border": 4},
        "perception": "niqe",
        "points": {"bicubic": {"rmse": 14.25, "niqe": 6.75}, "network": {"rmse": 9.5, "niqe": 4}},
    }
    rates = {"bicubic": 0.75, "network": 0.125, "HR": 0.0}
    tasks = {"text": {m: {"character_error_rate": r, "pages": {}} for m, r in rates.items()}}
    summary = {**inputs.summary, "plane": plane, "tasks": tasks}
    page = render_report(replace(inputs, summary=summary), ReportConfig())
    assert "<td>network</td><td>9.50</td><td>4.00</td>" in page
    assert "<td>network</td><td>0.1250</td>" in page
    assert "<td>HR</td><td>0.0000</td>" in page
    summary["plane"] = {**plane, "unavailable": "x.png: too small"}
    assert "x.png: too small" in render_report(replace(inputs, summary=summary), ReportConfig())


def test_a_short_report_shows_every_set(inputs: ReportInputs):
    table = pd.concat([inputs.per_image, inputs.per_image.assign(set="other")])
    write_back = ReportInputs(**{**vars(inputs), "per_image": table})
    for method in ("bicubic", "network"):
        (inputs.results / method / "other").symlink_to(inputs.results / method / "photos")
    (inputs.hr / "test" / "other").symlink_to(inputs.hr / "test" / "photos")
    page = render_report(write_back, ReportConfig(num_images=2))
    assert "photos / colour" in page
    assert "other / colour" in page
    assert "photos / grey" not in page


@pytest.mark.parametrize(
    ("value", "metric", "sign", "expected"),
    [(31.456, "psnr_y", "", "31.46"), (0.5, "ssim_y", "+", "+0.5000"), (None, "psnr", "", "ident")],
)
def test_scores_are_written_with_their_usual_digits(value, metric, sign, expected):
    assert format_score(value, metric, sign).startswith(expected)


def test_every_picture_gets_a_comparison(inputs: ReportInputs, tmp_path: Path):
    images = find_images(inputs.hr / "test" / "photos")
    network = build_network({"name": "fsrcnn", "preset": "small"}, scale=2).eval()
    result = evaluate_store(images, network, EvaluateConfig(), results=tmp_path / "again")
    sheets = write_comparisons(images, result, results=tmp_path / "again", folder=tmp_path / "c")
    assert [sheet.name for sheet in sheets] == ["photos_colour.png", "photos_grey.png"]
    with Image.open(sheets[0]) as image:
        assert image.width > 3 * 256
