"""Fixtures for the metrics' tests: pictures, and stand-ins for weights that are not here."""

from collections.abc import Iterator

import numpy as np
import pytest
import skimage.data
import torch
from torch import Tensor

from pipeline.metrics import deep_features
from pipeline.models.extractors.alexnet import AlexNet


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The pictures are small: more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def photograph() -> Tensor:
    """A photograph, (1, 1, 288, 300), whole numbers in 0..255."""
    return torch.from_numpy(skimage.data.camera()[64:352, 96:396].astype(np.float64))[None, None]


@pytest.fixture(scope="session")
def noisy(photograph: Tensor) -> Tensor:
    """The photograph with noise, rounded."""
    noise = torch.randn(photograph.shape, generator=torch.Generator().manual_seed(0))
    return (photograph + 12 * noise).round().clamp(0, 255)


@pytest.fixture
def random_lpips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let LPIPS work on a random backbone, since the pretrained one is not part of the project."""
    torch.manual_seed(0)
    backbone = AlexNet().freeze()
    layers = ("relu1", "relu2", "relu3", "relu4", "relu5")
    heads = {layer: torch.rand(backbone.layers[layer].channels) for layer in layers}
    monkeypatch.setattr(deep_features, "_pretrained", lambda _: (backbone, heads))


@pytest.fixture
def small_forests() -> None:
    pass
