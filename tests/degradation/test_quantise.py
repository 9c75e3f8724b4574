import numpy as np
import pytest
import torch

from pipeline.degradation.quantise import quantise


@pytest.mark.parametrize("dither", ["none", "ordered", "floyd_steinberg"])
@pytest.mark.parametrize("bits", [1, 2, 5, 8])
def test_only_the_levels_of_that_many_bits_are_left(batch, bits, dither):
    levels = quantise(batch, bits, dither) * ((2**bits - 1) / 255)
    np.testing.assert_allclose(levels, levels.round(), atol=1e-3)
    assert levels.min() >= 0
    assert levels.max() <= 2**bits - 1 + 1e-3


def test_eight_bits_round_half_up():
    values = torch.tensor([[[[0.49, 0.5, 1.5, 254.6, 300.0, -3.0]]]])
    assert quantise(values, 8, "none").flatten().tolist() == [0, 1, 2, 255, 255, 0]


@pytest.mark.parametrize("dither", ["ordered", "floyd_steinberg"])
@pytest.mark.parametrize("value", [20.0, 100.0, 200.0])
def test_dithering_keeps_the_mean_that_plain_quantisation_loses(dither, value):
    image = torch.full((1, 1, 64, 64), value)
    assert quantise(image, 1, dither).mean() == pytest.approx(value, abs=3)
    assert abs(quantise(image, 1, "none").mean() - value) > 15


def test_floyd_steinberg_equals_the_loop_over_pixels(photograph):
    plane = photograph[:23, :31, 0].astype(np.float32)
    field = plane * np.float32(3 / 255)
    height, width = field.shape
    for y in range(height):
        for x in range(width):
            kept = np.clip(np.floor(field[y, x] + np.float32(0.5)), 0, 3)
            error = field[y, x] - kept
            field[y, x] = kept
            for dy, dx, share in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
                if y + dy < height and 0 <= x + dx < width:
                    field[y + dy, x + dx] += error * np.float32(share / 16)
    result = quantise(torch.from_numpy(plane)[None, None], 2, "floyd_steinberg")[0, 0].numpy()
    # The order of the four additions may differ in the last bit, which flips a pixel at most.
    assert (np.abs(result - field * 85) < 1e-3).mean() > 0.98
