"""Validation against another library's PSNR."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from pipeline.models import build_network
from pipeline.training.validation import (
    ValidationPicture,
    comparisons,
    scores,
    super_resolve,
)
from tests.training.stores import texture


def pictures() -> list[ValidationPicture]:
    hr = [texture(32, 40, seed=seed) for seed in (1, 2)]
    return [ValidationPicture(str(n), picture[::2, ::2], picture) for n, picture in enumerate(hr)]


def test_the_score_is_the_mean_psnr_of_luma_within_the_border():
    results = [np.clip(p.hr.astype(int) + 5, 0, 255).astype(np.uint8) for p in pictures()]
    value = scores(pictures(), results, ["psnr_y", "psnr_rgb"], border=2)
    inside = (slice(2, -2), slice(2, -2))
    expected = [
        peak_signal_noise_ratio(
            rgb2ycbcr(p.hr)[..., 0][inside], rgb2ycbcr(r)[..., 0][inside], data_range=255
        )
        for p, r in zip(pictures(), results, strict=True)
    ]
    assert value["psnr_y"] == pytest.approx(np.mean(expected), abs=1e-3)
    expected = [
        peak_signal_noise_ratio(p.hr[inside], r[inside], data_range=255)
        for p, r in zip(pictures(), results, strict=True)
    ]
    assert value["psnr_rgb"] == pytest.approx(np.mean(expected), abs=1e-3)


@pytest.mark.parametrize("name", ["edsr", "fsrcnn"])
def test_pictures_show_lr_bicubic_sr_and_hr_side_by_side(name: str):
    network = build_network({"name": name}, scale=2).eval()
    results = [super_resolve(network, picture) for picture in pictures()]
    named = dict(comparisons(pictures(), results, scale=2))
    assert list(named) == ["0", "1"]
    assert named["0"].shape == (32, 4 * 40, 3)
    assert np.array_equal(named["1"][:, -40:], pictures()[1].hr)
    assert np.array_equal(named["1"][::2, :40:2], pictures()[1].lr)
    assert np.array_equal(named["1"][:, 80:120], results[1])
