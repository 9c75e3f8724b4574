"""The steerable pyramid against pyrtools, the well-kept library for it."""

import numpy as np
import pyrtools
import pytest
import torch
from torch import Tensor

from pipeline.metrics.steerable import NUM_LEVELS, correlate, oriented_bands


@pytest.mark.parametrize("shape", [(256, 256), (201, 203), (72, 150)])
def test_bands_equal_pyrtools(shape: tuple[int, int], photograph: Tensor):
    picture = photograph[0, 0, : shape[0], : shape[1]]
    theirs = pyrtools.pyramids.SteerablePyramidSpace(
        picture.numpy(), height=NUM_LEVELS, order=5, edge_type="reflect1"
    )
    for level, bands in enumerate(oriented_bands(picture)):
        for band, orientation in zip(bands, (0, 3), strict=True):
            np.testing.assert_allclose(
                band.numpy(), theirs.pyr_coeffs[level, orientation], rtol=0, atol=1e-10
            )


def test_a_flat_picture_has_empty_bands():
    for bands in oriented_bands(torch.full((80, 90), 200.0, dtype=torch.float64)):
        assert bands.abs().max() < 1e-9


def test_transposing_the_picture_swaps_the_orientations(photograph: Tensor):
    picture = photograph[0, 0]
    for plain, swapped in zip(oriented_bands(picture), oriented_bands(picture.mT), strict=True):
        np.testing.assert_allclose(swapped.flip(0).mT, -plain, rtol=0, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2])
def test_correlate_is_a_plain_correlation(stride: int):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(37, 50, generator=generator, dtype=torch.float64)
    filters = torch.randn(3, 5, 5, generator=generator, dtype=torch.float64)
    padded = torch.nn.functional.pad(x[None, None], (2,) * 4, mode="reflect")
    expected = torch.nn.functional.conv2d(padded, filters[:, None], stride=stride)[0]
    np.testing.assert_allclose(correlate(x, filters, stride), expected, atol=1e-12)
