"""IFC and wavelet VIF: one pyramid for both, and what their definitions imply."""

import pytest
import torch
from torch import Tensor

from pipeline.metrics import information
from pipeline.metrics.information import ifc, shared_pyramids, subband_models, vif

PAIR = {"data_range": 255.0, "border": 0}


def test_both_are_computed_from_one_pyramid(
    photograph: Tensor, noisy: Tensor, monkeypatch: pytest.MonkeyPatch
):
    alone = ifc(noisy, photograph, **PAIR), vif(noisy, photograph, **PAIR)
    calls = []

    def counted(sr: Tensor, hr: Tensor):
        calls.append(sr.shape)
        return subband_models(sr, hr)

    monkeypatch.setattr(information, "subband_models", counted)
    with shared_pyramids():
        together = ifc(noisy, photograph, **PAIR), vif(noisy, photograph, **PAIR)
        assert len(calls) == 1
        ifc(noisy, photograph, data_range=255.0, border=4)
        noisy_again = noisy.clone()
        vif(noisy_again, photograph, **PAIR)
        assert len(calls) == 3
        noisy_again += 1
        vif(noisy_again, photograph, **PAIR)
        assert len(calls) == 4
    assert together == alone
    vif(noisy, photograph, **PAIR)
    assert len(calls) == 5


def test_a_picture_without_the_reference_s_signal_scores_zero(photograph: Tensor):
    flat = torch.full_like(photograph, 128.0)
    assert vif(flat, photograph, **PAIR).item() == pytest.approx(0, abs=1e-9)
    assert ifc(flat, photograph, **PAIR).item() == pytest.approx(0, abs=1e-6)


def test_more_contrast_is_more_than_the_reference_had(photograph: Tensor):
    values = [vif(gain * photograph, photograph, **PAIR).item() for gain in (0.5, 1.0, 1.5)]
    assert values[0] < 1 < values[2]
    assert values[1] == pytest.approx(1, abs=1e-9)


def test_a_shift_of_brightness_does_not_count(photograph: Tensor, noisy: Tensor):
    for metric in (ifc, vif):
        plain, shifted = (metric(noisy + c, photograph, **PAIR).item() for c in (0.0, 25.0))
        assert shifted == pytest.approx(plain, rel=1e-6)


def test_ifc_is_per_pixel(photograph: Tensor, noisy: Tensor):
    # Mirrored beside itself a picture has twice the information and twice the pixels.
    twice = [torch.cat([x, x.flip(3)], 3) for x in (noisy, photograph)]
    once = ifc(noisy, photograph, **PAIR).item()
    assert ifc(*twice, **PAIR).item() == pytest.approx(once, rel=0.05)


def test_channels_are_averaged(photograph: Tensor, noisy: Tensor):
    sr, hr = torch.cat([noisy, photograph], 1), torch.cat([photograph, photograph], 1)
    expected = (vif(noisy, photograph, **PAIR).item() + 1) / 2
    assert vif(sr, hr, **PAIR).item() == pytest.approx(expected, abs=1e-9)
