"""Targets of levels against MATLAB's resize."""

import pytest
import torch

from pipeline.images.picture import to_picture, to_tensor
from pipeline.images.resize import imresize
from pipeline.training.shrink import shrink
from tests.training.stores import texture


@pytest.mark.parametrize("factor", [2, 4, 3])
def test_a_level_is_the_antialiased_bicubic_of_the_target(factor: int):
    # Half the contrast: `imresize` also clamps after each axis, where kernels overshoot.
    picture = texture(48, 72, seed=1) // 2 + 64
    small = shrink(to_tensor(picture), (48 // factor, 72 // factor))
    difference = to_picture(small).astype(int) - imresize(picture, 1 / factor)
    assert abs(difference).max() <= 1  # imresize rounds after each axis
    assert (difference != 0).mean() < 0.35


def test_the_full_size_is_left_alone():
    x = torch.rand(1, 3, 8, 8)
    assert shrink(x, (8, 8)) is x


def test_a_constant_stays_constant():
    torch.testing.assert_close(
        shrink(torch.full((1, 1, 12, 12), 0.3), (6, 6)), torch.full((1, 1, 6, 6), 0.3)
    )
