"""Evaluating methods over pictures: means, statistics, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.folder import evaluate_folder, find_images
from pipeline.evaluation.methods import BicubicMethod, NetworkMethod
from pipeline.evaluation.protocol import Protocol
from pipeline.evaluation.runner import Evaluation
from pipeline.evaluation.scores import resolve_metric
from pipeline.evaluation.statistics import bootstrap_mean, compare_paired
from pipeline.evaluation.store import evaluate_store, write_result
from pipeline.evaluation.tables import text_table
from pipeline.images.picture import read_png, write_png
from pipeline.models import build_network


@pytest.fixture
def hr_folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name, shape in {"colour": (41, 36, 3), "grey": (33, 47), "tall": (60, 24, 3)}.items():
        write_png(tmp_path / "hr" / f"{name}.png", generator.integers(0, 256, shape, np.uint8))
    return tmp_path / "hr"


def test_more_workers_give_the_same_table(hr_folder: Path):
    network = build_network({"name": "edsr", "num_features": 8, "num_blocks": 1}, scale=2)
    methods = {"bicubic": BicubicMethod(2), "network": NetworkMethod(network.eval())}
    evaluation = Evaluation(methods, Protocol(), 2, ["psnr_y", "ssim_rgb"])
    images = find_images(hr_folder)
    one, two = (evaluation.run(images, jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert list(one["image"]) == ["colour", "colour", "grey", "grey", "tall", "tall"]


def test_stored_lr_of_another_size_is_named(hr_folder: Path, tmp_path: Path):
    for path in hr_folder.iterdir():
        write_png(tmp_path / "lr" / path.name, np.zeros((10, 10), np.uint8))
    evaluation = Evaluation({"bicubic": BicubicMethod(2)}, Protocol(), 2, ["psnr"])
    with pytest.raises(UserError, match=r"lr.colour.png: its size times 2 is not that of"):
        evaluation.run(find_images(hr_folder, tmp_path / "lr"), jobs=1)


def test_a_picture_smaller_than_the_border_is_named(tmp_path: Path):
    write_png(tmp_path / "tiny.png", np.zeros((8, 4, 3), np.uint8))
    evaluation = Evaluation({"bicubic": BicubicMethod(2)}, Protocol(), 2, ["psnr"])
    with pytest.raises(UserError, match=r"tiny.png: a border of 2 leaves nothing"):
        evaluation.run(find_images(tmp_path), jobs=1)


def test_identical_pictures_are_null_in_json_and_left_out_of_the_mean(tmp_path: Path):
    write_png(tmp_path / "flat.png", np.full((24, 24, 3), 77, np.uint8))
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    write_png(tmp_path / "noisy.png", picture)
    result = evaluate_folder(
        "bicubic", BicubicMethod(2), tmp_path, scale=2, protocol=Protocol(), metrics=["psnr"]
    )
    text = json.dumps(result, allow_nan=False)
    assert json.loads(text)["images"]["flat"]["psnr"] is None
    assert result["mean"]["psnr"] == pytest.approx(result["images"]["noisy"]["psnr"])


def test_luma_first_refuses_a_network_on_rgb(hr_folder: Path):
    network = build_network({"name": "edsr", "num_features": 8, "num_blocks": 1}, scale=2).eval()
    evaluation = Evaluation(
        {"network": NetworkMethod(network)}, Protocol(name="luma-first"), 2, ["psnr"]
    )
    with pytest.raises(UserError, match="use the protocol rgb"):
        evaluation.run(find_images(hr_folder), jobs=1)


@pytest.mark.parametrize("protocol", ["rgb", "luma-first"])
def test_a_store_is_evaluated_into_files(hr_folder: Path, tmp_path: Path, protocol: str):
    network = build_network({"name": "fsrcnn", "preset": "small"}, scale=2).eval()
    config = EvaluateConfig(protocol={"name": protocol}, metrics=["psnr_y", "ssim_y"])
    images = find_images(hr_folder)
    result = evaluate_store(images, network, config, results=tmp_path / "results")
    write_result(
        result,
        metrics=tmp_path / "m.json",
        summary=tmp_path / "s.json",
        per_image=tmp_path / "i.csv",
    )
    summary = json.loads((tmp_path / "s.json").read_text())
    listed = json.loads((tmp_path / "m.json").read_text())
    means = summary["mean"]
    assert listed["protocol"] == protocol
    assert listed["hr"]["psnr_y_gain"] == means["gain"]["psnr_y"]
    assert means["images"] == 3
    assert means["gain"]["psnr_y"] == pytest.approx(
        means["network"]["psnr_y"] - means["bicubic"]["psnr_y"], abs=2e-6
    )
    table = pd.read_csv(tmp_path / "i.csv")
    assert table["psnr_y"].mean() == pytest.approx(means["network"]["psnr_y"], abs=1e-5)
    assert "identical" not in text_table(summary)
    sr = read_png(tmp_path / "results" / "network" / "hr" / "colour.png")
    assert sr.shape == ((40, 36, 3) if protocol == "rgb" else (40, 36))


@pytest.mark.parametrize(
    ("name", "key", "channels"),
    [("psnr", "psnr", "y"), ("psnr_y", "psnr", "y"), ("ssim_rgb", "ssim", "rgb")],
)
def test_metric_names_resolve(name: str, key: str, channels: str):
    from pipeline.metrics import METRICS

    named = resolve_metric(name)
    assert named.metric is METRICS[key]
    assert named.channels == channels


def test_bootstrap_interval_has_the_textbook_width():
    values = np.random.default_rng(1).normal(size=400)
    interval = bootstrap_mean(values)
    assert interval.low is not None
    assert interval.high is not None
    expected = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert interval.high - interval.low == pytest.approx(expected, rel=0.08)


def test_sign_test_of_ten_wins_in_ten_is_the_binomial_probability():
    paired = compare_paired(np.arange(1.0, 11.0), np.zeros(10))
    assert (paired.wins, paired.losses) == (10, 0)
    assert paired.p_value == pytest.approx(2 * 0.5**10)
