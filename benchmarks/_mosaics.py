"""Large pictures for benchmarks, put together from the photographs of scikit-image."""

from pathlib import Path

import numpy as np

from pipeline.data.decode import decode
from pipeline.data.sources import Places
from pipeline.data.sources.embedded import EmbeddedConfig
from pipeline.images import Picture, as_rgb

HEIGHT, WIDTH = 1356, 2040  # the usual size in DIV2K
_TILE = 226  # a sixth of the height; nine fill the width, the last one cut


def photographs(folder: Path) -> list[Picture]:
    """The training photographs, RGB, (H, W, 3), each at least a tile high and wide."""
    EmbeddedConfig().collect(folder, split="train", places=Places.of_checkout())
    pictures = [as_rgb(decode(path).picture) for path in sorted(folder.iterdir())]
    return [picture for picture in pictures if min(picture.shape[:2]) >= _TILE]


def mosaic(pictures: list[Picture], number: int) -> Picture:
    """A picture of HEIGHT x WIDTH whose tiles are cut at random; the number is the seed."""
    generator = np.random.default_rng(number)
    columns = -(-WIDTH // _TILE)
    rows = []
    for _ in range(HEIGHT // _TILE):
        tiles = []
        for _ in range(columns):
            picture = pictures[generator.integers(len(pictures))]
            top, left = (generator.integers(side - _TILE + 1) for side in picture.shape[:2])
            tiles.append(picture[top : top + _TILE, left : left + _TILE])
        rows.append(np.concatenate(tiles, axis=1)[:, :WIDTH])
    return np.concatenate(rows)
