"""The `sr` command as a user calls it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.images.picture import read_png, write_png
from pipeline.models import build_network, network_config
from pipeline.models.files import save_model


def _sr(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        write_png(tmp_path / "p" / f"{name}.png", generator.integers(0, 256, (40, 44, 3), np.uint8))
    return tmp_path / "p"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    values = {"name": "fsrcnn", "preset": "small"}
    network = build_network(values, scale=2)
    save_model(tmp_path / "m.safetensors", network, network_config(values), scale=2)
    return tmp_path / "m.safetensors"


def test_evaluate_prints_json_as_documented(pictures: Path, model: Path, tmp_path: Path):
    done = _sr("evaluate", model, pictures, "--metrics", "psnr,ssim", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert set(result["mean"]) == {"psnr", "ssim"}
    assert set(result["images"]) == {"a", "b"}
    assert result["images_count"] == 2
    assert result["protocol"]["crop_border"] == 2


def test_upscale_writes_pictures_of_twice_the_size(pictures: Path, model: Path, tmp_path: Path):
    done = _sr("upscale", model, pictures, "-o", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out/a.png", "out/b.png"]
    assert read_png(tmp_path / "out" / "b.png").shape == (80, 88, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "bicubic", "nowhere", "--scale", "2"], "nowhere: there is no such folder"),
        (["evaluate", "bicubic", "."], "give --scale"),
        (["evaluate", "no.safetensors", "."], "no.safetensors"),
        (["evaluate", "bicubic", ".", "--metrics", "psnt"], "did you mean 'psnr'?"),
        (["results"], "metrics/summary.json: there is no such file; run `make repro` first"),
    ],
)
def test_a_mistake_is_one_line_and_status_1(arguments: list[str], message: str, tmp_path: Path):
    done = _sr(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
