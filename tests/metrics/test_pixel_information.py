"""VIF in the pixel domain against torchmetrics and a closed form."""

import pytest
from torch import Tensor
from torchmetrics.functional.image import visual_information_fidelity

from pipeline.metrics.pixel_information import vif_pixel


def test_it_equals_torchmetrics(photograph: Tensor, noisy: Tensor):
    theirs = visual_information_fidelity(noisy, photograph, sigma_n_sq=2.0).item()
    ours = vif_pixel(noisy, photograph, data_range=255.0, border=0).item()
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_more_contrast_is_more_than_the_reference_had(photograph: Tensor):
    mean = photograph.mean()
    values = [
        vif_pixel(mean + gain * (photograph - mean), photograph, data_range=255.0, border=0).item()
        for gain in (0.5, 1.0, 1.5)
    ]
    assert values[0] < 1 < values[2]
    assert values[1] == pytest.approx(1, abs=1e-9)


def test_a_shift_of_brightness_does_not_count(photograph: Tensor, noisy: Tensor):
    plain, shifted = (
        vif_pixel(noisy + offset, photograph, data_range=255.0, border=0).item()
        for offset in (0, 25)
    )
    assert shifted == pytest.approx(plain, abs=1e-9)


def test_it_knows_nothing_of_an_unrelated_picture(photograph: Tensor):
    assert vif_pixel(photograph.flip(3), photograph, data_range=255.0, border=0).item() < 0.1
