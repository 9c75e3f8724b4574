"""Closed forms of MSE, RMSE and PSNR."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from pipeline.metrics.pixel import mse, psnr, rmse


@pytest.mark.parametrize("offset", [1.0, -3.0, 17.5])
def test_a_constant_offset_has_the_closed_form(offset: float, photograph: Tensor):
    pair = {"sr": photograph + offset, "hr": photograph, "data_range": 255.0, "border": 4}
    assert mse(**pair).item() == offset**2
    assert rmse(**pair).item() == abs(offset)
    expected = 20 * torch.log10(torch.tensor(255 / abs(offset), dtype=torch.float64))
    assert psnr(**pair).item() == pytest.approx(expected.item(), abs=1e-12)


def test_psnr_equals_scikit_image(photograph: Tensor, noisy: Tensor):
    ours = psnr(noisy, photograph, data_range=255.0, border=0).item()
    theirs = peak_signal_noise_ratio(photograph.numpy(), noisy.numpy(), data_range=255)
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_three_equal_channels_give_one_channel_s_value(photograph: Tensor, noisy: Tensor):
    one = psnr(noisy, photograph, data_range=255.0, border=0)
    three = psnr(
        noisy.expand(-1, 3, -1, -1), photograph.expand(-1, 3, -1, -1), data_range=255.0, border=0
    )
    assert three.item() == pytest.approx(one.item(), abs=1e-12)


def test_a_batch_is_not_pooled(photograph: Tensor):
    sr = torch.cat([photograph + 1, photograph + 10])
    hr = torch.cat([photograph, photograph])
    assert mse(sr, hr, data_range=255.0, border=0).tolist() == [1.0, 100.0]
