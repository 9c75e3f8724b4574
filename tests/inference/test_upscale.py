"""Enlarging pictures of any size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import UserError
from pipeline.images.picture import read_png, write_png
from pipeline.inference.files import upscale_files
from pipeline.inference.upscale import super_resolve, upscale
from pipeline.models import SRNetwork, build_network


@pytest.fixture(params=["edsr", "fsrcnn"])
def network(request: pytest.FixtureRequest) -> SRNetwork:
    torch.manual_seed(0)
    small = {"edsr": {"num_features": 8, "num_blocks": 2}, "fsrcnn": {"preset": "small"}}
    return build_network({"name": request.param, **small[request.param]}, scale=2).eval()


def test_tiles_with_enough_context_change_nothing(network: SRNetwork):
    lr = torch.rand(1, 3, 70, 91)
    whole, tiled = super_resolve(network, lr), super_resolve(network, lr, tile=24)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_self_ensemble_commutes_with_flips_and_turns(network: SRNetwork):
    lr = torch.rand(1, 3, 12, 17)
    sr = super_resolve(network, lr, self_ensemble=True)
    for turns, flip in [(1, False), (0, True), (3, True)]:
        view = torch.rot90(lr.flip(-1) if flip else lr, turns, (-2, -1))
        expected = torch.rot90(sr.flip(-1) if flip else sr, turns, (-2, -1))
        result = super_resolve(network, view, self_ensemble=True)
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(9, 5, 3), (9, 5), (1, 1, 3)])
def test_a_picture_becomes_exactly_scale_times_as_large(network: SRNetwork, shape: tuple):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    sr = upscale(network, picture)
    assert sr.shape == (2 * shape[0], 2 * shape[1], *shape[2:])
    assert sr.dtype == np.uint8


def test_sides_below_the_smallest_are_padded_with_their_mirror_image(network: SRNetwork):
    network.min_size = 8
    assert super_resolve(network, torch.rand(1, 3, 3, 20)).shape == (1, 3, 6, 40)


def test_files_and_folders_are_enlarged(network: SRNetwork, tmp_path: Path):
    for name in ("a", "b"):
        write_png(tmp_path / "in" / f"{name}.png", np.zeros((4, 6, 3), np.uint8))
    written = list(upscale_files(network, [tmp_path / "in"], tmp_path / "out"))
    assert [path.name for path in written] == ["a.png", "b.png"]
    assert read_png(written[0]).shape == (8, 12, 3)


def test_equal_names_are_refused_before_anything_is_written(network: SRNetwork, tmp_path: Path):
    for folder in ("x", "y"):
        write_png(tmp_path / folder / "a.png", np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(UserError, match="two pictures are named a"):
        list(upscale_files(network, [tmp_path / "x", tmp_path / "y"], tmp_path / "out"))
    assert not (tmp_path / "out").exists()
