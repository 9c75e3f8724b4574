"""The frequency loss against closed forms."""

import math

import pytest
import torch

from pipeline.losses.frequency import frequency_l1


@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
def test_a_constant_difference_is_one_coefficient(size: tuple[int, int]):
    hr = torch.zeros(2, 3, *size)
    count = size[0] * size[1]
    expected = 0.3 * math.sqrt(count) / (2 * count)  # over real and imaginary parts
    assert frequency_l1(hr + 0.3, hr).item() == pytest.approx(expected, rel=1e-5)


def test_a_wave_is_two_coefficients_whatever_its_frequency():
    x = torch.arange(16.0) / 16
    hr = torch.zeros(1, 1, 16, 16)
    for cycles in (1, 5):
        wave = 0.2 * torch.cos(2 * math.pi * cycles * x).expand(16, 16)[None, None]
        # Amplitude a gives a / 2 * sqrt(H * W) at plus and minus the frequency.
        expected = 2 * (0.2 / 2 * 16) / (2 * 256)
        assert frequency_l1(wave, hr).item() == pytest.approx(expected, rel=1e-4)


def test_coefficients_are_those_of_the_two_pictures():
    sr, hr = torch.rand(2, 2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    spectra = [torch.fft.fft2(x) / math.sqrt(8 * 12) for x in (sr, hr)]
    difference = spectra[0] - spectra[1]
    expected = (difference.real.abs().mean() + difference.imag.abs().mean()) / 2
    torch.testing.assert_close(frequency_l1(sr, hr), expected)
