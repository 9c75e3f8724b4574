"""Bicubic scores against the published tables."""

from pathlib import Path

import pytest

from pipeline.evaluation.folder import evaluate_folder
from pipeline.evaluation.methods import BicubicMethod
from pipeline.evaluation.protocol import Protocol


@pytest.mark.parametrize(
    ("scale", "psnr", "ssim"), [(2, 33.66, 0.9299), (3, 30.39, 0.8682), (4, 28.42, 0.8104)]
)
def test_luma_first_bicubic_on_set5_is_the_published_row_to_the_last_digit(
    reference: Path, scale: int, psnr: float, ssim: float
):
    result = evaluate_folder(
        "bicubic",
        BicubicMethod(scale),
        reference / "data" / "Set5",
        scale=scale,
        protocol=Protocol(name="luma-first"),
        metrics=["psnr", "ssim"],
    )
    assert result["images_count"] == 5
    assert f"{result['mean']['psnr']:.2f}" == f"{psnr:.2f}"
    assert f"{result['mean']['ssim']:.4f}" == f"{ssim:.4f}"


@pytest.mark.parametrize(
    ("scale", "psnr", "ssim"), [(2, 30.24, 0.8688), (3, 27.55, 0.7742), (4, 26.00, 0.7027)]
)
def test_luma_first_bicubic_on_set14_is_near_the_published_row(
    reference: Path, scale: int, psnr: float, ssim: float
):
    result = evaluate_folder(
        "bicubic",
        BicubicMethod(scale),
        reference / "data" / "Set14",
        scale=scale,
        protocol=Protocol(name="luma-first"),
        metrics=["psnr", "ssim"],
    )
    assert result["mean"]["psnr"] == pytest.approx(psnr, abs=0.011)
    assert result["mean"]["ssim"] == pytest.approx(ssim, abs=0.001)


@pytest.mark.parametrize(
    ("luma", "psnr", "ssim"), [("float", 33.67, 0.9303), ("rounded", 33.64, 0.9292)]
)
def test_rgb_bicubic_on_set5_is_as_measured_elsewhere(
    reference: Path, luma: str, psnr: float, ssim: float
):
    result = evaluate_folder(
        "bicubic",
        BicubicMethod(2),
        reference / "data" / "Set5",
        scale=2,
        protocol=Protocol(name="rgb", luma=luma),
        metrics=["psnr_y", "ssim_y"],
    )
    assert result["mean"]["psnr_y"] == pytest.approx(psnr, abs=0.0051)
    assert result["mean"]["ssim_y"] == pytest.approx(ssim, abs=0.000051)
