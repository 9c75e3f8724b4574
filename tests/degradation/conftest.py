"""A photograph that every degradation test can take pieces of."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.images.picture import read_png


@pytest.fixture(scope="session")
def photograph():
    """RGB, 240 x 240, with edges, skin and fine texture."""
    from skimage import data

    return read_png(Path(data.__file__).parent / "astronaut.png")[:240, 120:360].copy()


@pytest.fixture(scope="session")
def batch(photograph):
    """Four different patches as a batch, (4, 3, 48, 48), in 8-bit units."""
    patches = [photograph[i : i + 48, i : i + 48].transpose(2, 0, 1) for i in (0, 50, 100, 150)]
    return torch.from_numpy(np.stack(patches).astype(np.float32))
