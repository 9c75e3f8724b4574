"""BT.601 against scikit-image, which has the same matrix from another hand."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr

from pipeline.images.colour import luma, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_luma_equals_scikit_image(picture: np.ndarray):
    np.testing.assert_allclose(luma(picture), rgb2ycbcr(picture)[..., 0], atol=1e-10)


def test_single_channel_is_luma_as_it_is(picture: np.ndarray):
    np.testing.assert_array_equal(luma(picture[..., 0]), picture[..., 0])


def test_tensor_conversion_equals_scikit_image(picture: np.ndarray):
    rgb = torch.from_numpy(picture / 255.0).permute(2, 0, 1)[None]
    expected = rgb2ycbcr(picture) / 255.0
    np.testing.assert_allclose(rgb_to_ycbcr(rgb)[0].permute(1, 2, 0), expected, atol=1e-10)
    np.testing.assert_allclose(rgb_to_luma(rgb)[0, 0], expected[..., 0], atol=1e-10)
    eight_bits = torch.from_numpy(picture).permute(2, 0, 1)[None]
    np.testing.assert_allclose(rgb_to_luma(eight_bits)[0, 0], expected[..., 0], atol=2e-7)


def test_conversion_there_and_back(picture: np.ndarray):
    rgb = torch.from_numpy(picture / 255.0).permute(2, 0, 1)[None]
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb, atol=1e-12, rtol=0)
