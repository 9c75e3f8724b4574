"""Networks trained on one LR picture alone."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.degradation.config import DegradationConfig, degrade
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.folder import evaluate_folder
from pipeline.evaluation.methods import NetworkMethod
from pipeline.images.picture import crop_to_multiple, read_png, write_png
from pipeline.images.resize import imresize
from pipeline.methods import named_method
from pipeline.models.importing import import_weights
from pipeline.schema import validate
from pipeline.training.kernel_estimate import estimate_blur, gaussian_kernel
from pipeline.training.zero_shot import ZeroShotConfig, reduction, zero_shot
from tests.training.stores import texture

QUICK = ZeroShotConfig(steps=20, batch_size=2, patch_size=16, sizes=[1.0, 0.8])
BLURRED = {
    "chain": [
        {"name": "gaussian_blur", "sigma": 1.8, "sigma_y": 1.0, "rotation": 30, "size": 15},
        {"name": "resize", "method": "bicubic"},
    ]
}


def mean_psnr(name: str, folder: Path, *, lr: Path | None = None) -> float:
    named = named_method(name, EvaluateConfig(), scale=2)
    result = evaluate_folder(
        named.name,
        named.method,
        folder,
        scale=2,
        protocol=EvaluateConfig().protocol,
        metrics=["psnr_y"],
        lr_folder=lr,
    )
    return float(result["mean"]["psnr_y"])


@pytest.mark.parametrize("channels", [1, 3])
def test_the_result_is_scale_times_as_large_and_the_same_every_time(channels: int):
    lr = texture(40, 32, seed=2, channels=channels)
    first, again = (zero_shot(lr, scale=2, config=QUICK, seed=5) for _ in range(2))
    assert first.shape[:2] == (80, 64)
    assert first.ndim == lr.ndim
    np.testing.assert_array_equal(first, again)
    assert (zero_shot(lr, scale=2, config=QUICK, seed=6) != first).any()


def test_back_projection_makes_the_result_shrink_to_the_lr():
    lr = texture(48, 40, seed=4)
    sr = zero_shot(lr, scale=2, config=QUICK, seed=0)
    difference = imresize(sr, 0.5).astype(int) - lr
    assert np.abs(difference)[2:-2, 2:-2].mean() < 1.0


@pytest.mark.parametrize("kernel", [np.ones((2, 2)) / 4, np.ones((3, 5)) / 15, np.ones((3, 3))])
def test_what_is_no_kernel_is_refused(kernel: np.ndarray):
    with pytest.raises(ValueError, match="square, of odd size and sums to one"):
        reduction(2, kernel)


def test_the_estimated_kernel_sums_to_one():
    kernel = gaussian_kernel(np.array([[2.0, 0.5], [0.5, 1.0]]))
    assert kernel.sum() == pytest.approx(1.0)
    assert kernel.shape[0] % 2 == 1
    assert np.isfinite(estimate_blur(texture(64, 64, seed=1).mean(axis=2), scale=2)).all()


@pytest.mark.slow
def test_on_set5_it_beats_bicubic_by_two_decibels(reference: Path):
    folder = reference / "data" / "Set5"
    assert mean_psnr("zero-shot", folder) - mean_psnr("bicubic", folder) >= 2.0


@pytest.mark.slow
def test_an_unknown_blur_is_handled_better_than_by_a_network_trained_on_bicubic(
    reference: Path, tmp_path: Path
):
    hr, lr = tmp_path / "hr", tmp_path / "lr"
    config = validate(DegradationConfig, BLURRED, where="test")
    for name in ("bird", "butterfly", "woman"):
        picture = crop_to_multiple(read_png(reference / "data" / "Set5" / f"{name}.png"), 2)
        write_png(hr / f"{name}.png", picture)
        write_png(lr / f"{name}.png", degrade(picture, config, scale=2, seed=0, name=name))
    vdsr, _ = import_weights("vdsr", reference / "weights" / "vdsr_y.safetensors", scale=2)
    trained = evaluate_folder(
        "network",
        NetworkMethod(vdsr),
        hr,
        scale=2,
        protocol=EvaluateConfig().protocol,
        metrics=["psnr_y"],
        lr_folder=lr,
    )
    blind = mean_psnr("zero-shot-blind", hr, lr=lr)
    assert blind > trained["mean"]["psnr_y"] + 0.5
