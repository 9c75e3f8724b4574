"""Fixtures for the metrics' tests: pictures, and stand-ins for weights that are not here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import skimage.data
import torch
from torch import Tensor

from pipeline.metrics import deep_features, upscaling
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


@pytest.fixture(scope="session")
def forest_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in the published format: three forests of two trees, and a linear combination.

    Each tree asks once, whether its feature is at most a threshold, and gives 2 or 8.
    """

    def forest(features: list[int], thresholds: list[float]) -> dict[str, Any]:
        count = len(features)
        return {
            "lDau": np.array([[2] * count, [0] * count, [0] * count], np.int32),
            "rDau": np.array([[3] * count, [0] * count, [0] * count], np.int32),
            "nodestatus": np.array([[-3] * count, [-1] * count, [-1] * count], np.int8),
            "mbest": np.array([features, [0] * count, [0] * count], np.int32),
            "upper": np.array([thresholds, [0.0] * count, [0.0] * count]),
            "avnode": np.array([[5.0] * count, [2.0] * count, [8.0] * count]),
            "coef": np.zeros(2),
            "ntree": count,
        }

    forests = np.empty((3, 1), object)
    forests[0, 0] = forest([3, 4], [0.9, 1.0])
    forests[1, 0] = forest([1, 45], [1.5, 0.2])
    forests[2, 0] = forest([1, 75], [100.0, 0.5])
    path = tmp_path_factory.mktemp("weights") / "ma_model.mat"
    linear = np.array([[0.5], [0.2], [0.3], [0.4]])
    scipy.io.savemat(path, {"model": {"rf": forests, "linear": linear}})
    return path


@pytest.fixture
def small_forests(forest_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ma's score work on small forests; the published ones are not part of the project."""
    monkeypatch.setattr(upscaling, "MODEL_FILE", forest_file)
