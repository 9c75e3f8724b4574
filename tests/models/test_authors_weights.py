"""Weights of the papers' authors give the published scores on Set5.

The expected scores are what the authors' own codes gave on the same pictures (see the notes beside
the weights); LapSRN's is its published row.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.evaluation.folder import evaluate_folder
from pipeline.evaluation.methods import NetworkMethod
from pipeline.evaluation.protocol import Protocol
from pipeline.models.files import load_model, save_model
from pipeline.models.importing import import_weights


class Row(NamedTuple):
    """One network on Set5."""

    network: str
    file: str
    scale: int
    protocol: str
    psnr: float
    ssim: float
    psnr_tolerance: float = 0.005
    ssim_tolerance: float = 0.0001


ROWS = [
    Row("vdsr", "vdsr_y.safetensors", 2, "luma-first", 37.59, 0.9591),
    Row("vdsr", "vdsr_y.safetensors", 3, "luma-first", 33.75, 0.9226),
    Row("vdsr", "vdsr_y.safetensors", 4, "luma-first", 31.43, 0.8849),
    Row("carn_m", "carn_m.pth", 2, "rgb", 37.68, 0.9595),
    Row("carn_m", "carn_m.pth", 4, "rgb", 31.88, 0.8910),
    Row("imdn", "IMDN_x4.pth", 4, "rgb", 32.21, 0.8948),
    Row("lapsrn", "LapSRN_x4.mat", 4, "luma-first", 31.52, 0.8856),
    Row("lapsrn", "LapSRN_x4.mat", 4, "luma-first", 31.54, 0.8850, 0.02, 0.001),  # the paper's
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", [pytest.param(r, id=f"{r.network}-x{r.scale}-{r.psnr}") for r in ROWS]
)
def test_set5_scores_as_published(row: Row, reference: Path, tmp_path: Path):
    built, config = import_weights(row.network, reference / "weights" / row.file, scale=row.scale)
    model = tmp_path / "model.safetensors"
    save_model(model, built, config, scale=row.scale)
    result = evaluate_folder(
        "network",
        NetworkMethod(load_model(model)),
        reference / "data" / "Set5",
        scale=row.scale,
        protocol=Protocol(name=row.protocol),
        metrics=["psnr_y", "ssim_y"],
    )
    assert result["images_count"] == 5
    assert result["mean"]["psnr_y"] == pytest.approx(row.psnr, abs=row.psnr_tolerance)
    assert result["mean"]["ssim_y"] == pytest.approx(row.ssim, abs=row.ssim_tolerance)


def test_the_released_carn_m_has_the_published_count(reference: Path):
    from pipeline.models.checkpoints import read_checkpoint

    tensors = read_checkpoint(reference / "weights" / "carn_m.pth").tensors
    assert sum(value.numel() for value in tensors.values()) == 414_811
