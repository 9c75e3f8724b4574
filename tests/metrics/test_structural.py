"""SSIM and its relatives against scikit-image, torchmetrics and the definitions."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from pipeline.metrics.structural import ms_ssim, mssim, ssim, ssim_components, ssim_map


def test_ssim_equals_scikit_image(photograph: Tensor, noisy: Tensor):
    _, similarities = structural_similarity(
        noisy[0, 0].numpy(),
        photograph[0, 0].numpy(),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    # Its mean leaves out as many pixels, but its windows are cut at 3.5 sigma: 11x11 as ours.
    assert ssim(noisy, photograph, data_range=255.0, border=0).item() == pytest.approx(
        similarities[5:-5, 5:-5].mean(), abs=1e-9
    )


def test_ssim_of_channels_is_their_mean(photograph: Tensor, noisy: Tensor):
    sr, hr = torch.cat([noisy, photograph], 1), torch.cat([photograph, photograph + 9], 1)
    both = ssim(sr, hr, data_range=255.0, border=0).item()
    single = [
        ssim(sr[:, i : i + 1], hr[:, i : i + 1], data_range=255.0, border=0).item() for i in (0, 1)
    ]
    assert both == pytest.approx(np.mean(single), abs=1e-12)


def test_ssim_equals_torchmetrics_inside_its_reflected_borders(photograph: Tensor, noisy: Tensor):
    # Torchmetrics counts windows over the picture's edge too, filled by reflection.
    their_mean, their_map = structural_similarity_index_measure(
        noisy, photograph, data_range=255.0, return_full_image=True
    )
    ours = ssim(noisy, photograph, data_range=255.0, border=0).item()
    assert ours == pytest.approx(their_map[..., 5:-5, 5:-5].mean().item(), abs=1e-9)
    assert abs(ours - their_mean.item()) > 1e-4


def test_ms_ssim_with_2x2_means_equals_torchmetrics_but_for_the_last_border(
    photograph: Tensor, noisy: Tensor
):
    # Sides that halve evenly: torchmetrics leaves an odd last row out. At the last scale it counts
    # windows over the edge, as in its SSIM, where the release does not.
    sr, hr = (x[..., :288, :288] for x in (noisy, photograph))
    theirs = multiscale_structural_similarity_index_measure(sr, hr, data_range=255.0)
    last = [functional.avg_pool2d(x, 16) for x in (sr, hr)]
    mean, similarities = structural_similarity_index_measure(
        *last, data_range=255.0, return_full_image=True
    )
    inside = similarities[..., 5:-5, 5:-5].mean()
    ours = ms_ssim(sr, hr, data_range=255.0, border=0, lowpass="2x2").item()
    assert ours == pytest.approx((theirs * (inside / mean) ** 0.1333).item(), abs=1e-9)
    assert abs(ours - theirs.item()) < 1e-3


def test_the_two_forms_of_ms_ssim_are_two_metrics(photograph: Tensor, noisy: Tensor):
    values = [
        ms_ssim(noisy, photograph, data_range=255.0, border=0, lowpass=form).item()
        for form in ("9/7", "2x2")
    ]
    assert abs(values[0] - values[1]) > 1e-4


def test_the_general_form_with_ones_is_the_common_form(photograph: Tensor, noisy: Tensor):
    luminance, contrast, structure = ssim_components(noisy, photograph, data_range=255.0)
    common = ssim_map(noisy, photograph, data_range=255.0)
    assert torch.allclose(luminance * contrast * structure, common, rtol=0, atol=1e-12)


@pytest.mark.parametrize("parts", [{"beta": 0.0}, {"gamma": 0.0}])
def test_contrast_and_structure_do_not_see_brightness(parts: dict[str, float], photograph: Tensor):
    value = ssim(photograph + 30, photograph, data_range=255.0, border=0, alpha=0.0, **parts)
    assert value.item() == pytest.approx(1.0, abs=1e-9)


def test_structure_does_not_see_contrast(photograph: Tensor):
    faded = {"sr": 0.5 * photograph, "hr": photograph, "data_range": 255.0, "border": 0}
    assert ssim(**faded, alpha=0.0, beta=0.0).item() == pytest.approx(1.0, abs=1e-9)
    assert ssim(**faded, alpha=0.0, gamma=0.0).item() < 0.95
    assert ssim(**faded, beta=0.0, gamma=0.0).item() < 0.95


def test_an_exponent_of_two_squares_the_map(photograph: Tensor, noisy: Tensor):
    luminance, contrast, structure = ssim_components(noisy, photograph, data_range=255.0)
    expected = (luminance**0.5 * contrast * structure.square()).mean()
    value = ssim(noisy, photograph, data_range=255.0, border=0, alpha=0.5, gamma=2.0)
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)


def test_ssim_of_constants_is_the_luminance_term():
    x, y = torch.full((1, 1, 20, 20), 100.0), torch.full((1, 1, 20, 20), 120.0)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    for metric in (ssim, mssim):
        assert metric(x, y, data_range=255.0, border=0).item() == pytest.approx(expected, abs=1e-12)


def test_ssim_is_symmetric(photograph: Tensor, noisy: Tensor):
    pair = {"data_range": 255.0, "border": 0}
    assert ssim(noisy, photograph, **pair).item() == pytest.approx(
        ssim(photograph, noisy, **pair).item(), abs=1e-14
    )


def test_mssim_over_blocks_is_the_mean_over_squares_side_by_side(photograph: Tensor, noisy: Tensor):
    x, y = (
        p[0, 0].numpy()[:, :296].reshape(36, 8, 37, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
        for p in (noisy, photograph)
    )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = x.mean(1), y.mean(1)
    covariance = (x * y).mean(1) - mean_x * mean_y
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (x.var(1) + y.var(1) + c2)
    value = mssim(noisy, photograph, data_range=255.0, border=0, window="block")
    assert value.item() == pytest.approx(expected.mean(), abs=1e-12)
    gaussian = mssim(noisy, photograph, data_range=255.0, border=0)
    assert gaussian.item() == ssim(noisy, photograph, data_range=255.0, border=0).item()
