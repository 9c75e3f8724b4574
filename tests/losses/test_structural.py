"""SSIM and MS-SSIM losses against the metrics and torchmetrics."""

import pytest
import torch
from skimage import data
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from pipeline.losses import build_loss
from pipeline.losses.structural import ms_ssim_loss, ssim_loss
from pipeline.metrics.structural import ms_ssim, ssim


def pair(height: int, width: int, noise: float = 0.05) -> tuple[torch.Tensor, torch.Tensor]:
    hr = torch.from_numpy(data.coffee()[:height, :width] / 255.0).float().permute(2, 0, 1)[None]
    hr = torch.cat([hr, hr.flip(3)])
    generator = torch.Generator().manual_seed(0)
    return hr + noise * torch.randn(hr.shape, generator=generator), hr


def test_ssim_loss_is_one_minus_the_metric():
    sr, hr = pair(60, 75)
    expected = 1 - ssim(sr, hr, data_range=1.0, border=0).mean()
    assert ssim_loss(sr, hr).item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("size", [(176, 192), (177, 181)])
def test_ms_ssim_loss_of_five_scales_is_one_minus_the_metric(size: tuple[int, int]):
    sr, hr = pair(*size)
    expected = 1 - ms_ssim(sr, hr, data_range=1.0, border=0, lowpass="2x2").mean()
    assert ms_ssim_loss(sr, hr, num_scales=5).item() == pytest.approx(expected.item(), abs=1e-5)


def test_ms_ssim_loss_agrees_with_torchmetrics():
    sr, hr = pair(192, 192)
    theirs = multiscale_structural_similarity_index_measure(
        sr.double(), hr.double(), data_range=1.0, normalize="relu"
    )
    ours = ms_ssim_loss(sr.double(), hr.double(), num_scales=5)
    # 1.2e-5 apart here: they treat borders another way.
    assert ours.item() == pytest.approx(1 - theirs.item(), abs=1e-4)


def test_ms_ssim_of_one_scale_is_close_to_ssim():
    sr, hr = pair(64, 64)
    torch.testing.assert_close(
        ms_ssim_loss(sr, hr, num_scales=1), ssim_loss(sr, hr), atol=1e-4, rtol=1e-3
    )


@pytest.mark.parametrize("num_scales", [1, 2, 3, 4, 5])
def test_smallest_patch_is_accepted_and_a_smaller_one_refused(num_scales: int):
    least = 10 * 2 ** (num_scales - 1) + 1
    sr, hr = pair(least, least)
    assert 0 < ms_ssim_loss(sr, hr, num_scales=num_scales) < 1
    with pytest.raises(ValueError, match=f"at least {least}x{least} pixels"):
        ms_ssim_loss(sr[..., 1:], hr[..., 1:], num_scales=num_scales)


def test_opposite_structure_still_has_a_finite_gradient():
    _, hr = pair(96, 96)
    leaf = (1 - hr).requires_grad_()
    value = build_loss([{"name": "ms_ssim"}])(leaf, hr).total
    value.backward()
    assert value > 0.9
    assert torch.isfinite(leaf.grad).all()
