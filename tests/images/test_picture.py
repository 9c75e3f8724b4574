"""Pictures in files, arrays and tensors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.picture import (
    as_rgb,
    crop_to_multiple,
    read_png,
    to_picture,
    to_tensor,
    write_png,
)


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7)])
def test_png_gives_back_every_pixel(tmp_path: Path, shape: tuple[int, ...]):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_png(tmp_path / "a" / "b.png", picture)
    np.testing.assert_array_equal(read_png(tmp_path / "a" / "b.png"), picture)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.png"]


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7)])
def test_tensor_and_back_is_exact(shape: tuple[int, ...]):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    tensor = to_tensor(picture)
    assert tensor.shape == (1, 3 if len(shape) == 3 else 1, 5, 7)
    np.testing.assert_array_equal(to_picture(tensor), picture)


def test_results_are_clamped_and_rounded_half_up():
    tensor = torch.tensor([-0.2, 0.5 / 255, 1.5 / 255, 2.49 / 255, 1.2]).view(1, 1, 1, 5)
    assert to_picture(tensor.double()).tolist() == [[0, 1, 2, 2, 255]]


def test_a_broken_file_is_named(tmp_path: Path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG nothing more")
    with pytest.raises(UserError, match=r"broken.png: this picture cannot be read"):
        read_png(path)


def test_another_mode_is_refused(tmp_path: Path):
    path = tmp_path / "alpha.png"
    Image.new("RGBA", (3, 3)).save(path)
    with pytest.raises(UserError, match="mode RGBA"):
        read_png(path)


def test_cropping_keeps_the_top_left():
    picture = np.arange(35, dtype=np.uint8).reshape(5, 7)
    np.testing.assert_array_equal(crop_to_multiple(picture, 3), picture[:3, :6])


def test_grey_becomes_three_equal_channels():
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert (as_rgb(picture) == picture[:, :, None]).all()
