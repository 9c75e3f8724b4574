"""Ma's score, learned from people's judgement of upscaled pictures, and PIRM's perceptual index.

The model is a file of its authors (`model.mat` of github.com/chaoma99/sr-metric, also in PIRM's
release), which is not redistributed: put it at `data/weights/ma_model.mat`. It holds a random
forest for each of three kinds of features, and how to add the forests up.

References:
    Ma et al., "Learning a No-Reference Quality Metric for Single-Image Super-Resolution", CVIU
    2017; Blau et al., "The 2018 PIRM Challenge on Perceptual Image Super-Resolution", ECCVW 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.base import checked
from pipeline.metrics.colour import rounded_luma
from pipeline.metrics.naturalness import niqe
from pipeline.metrics.upscaling_features import (
    SMALLEST_SIDE,
    frequency_features,
    spatial_features,
    wavelet_features,
)
from pipeline.models.extractors import WEIGHTS_FOLDER

MODEL_FILE = WEIGHTS_FOLDER / "ma_model.mat"
_TERMINAL = -1  # status of a leaf
_NUM_FEATURES = (18, 45, 75)


@dataclass(frozen=True)
class Forest:
    """Regression trees as R's and MATLAB's `randomForest` store them, arrays (nodes, trees)."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    status: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    correction: tuple[float, float]

    def predict(self, features: NDArray[np.float64]) -> float:
        """Mean of the trees for one vector of features."""
        trees = np.arange(self.left.shape[1])
        nodes = np.zeros_like(trees)
        while (inner := self.status[nodes, trees] != _TERMINAL).any():
            tree, node = trees[inner], nodes[inner]
            goes_left = features[self.feature[node, tree]] <= self.threshold[node, tree]
            nodes[inner] = np.where(goes_left, self.left[node, tree], self.right[node, tree])
        offset, slope = self.correction
        return offset + slope * float(self.value[nodes, trees].mean())


@dataclass(frozen=True)
class MaModel:
    """Three forests, and the weights of a constant and their predictions."""

    forests: tuple[Forest, ...]
    weights: NDArray[np.float64]

    def predict(self, features: Sequence[NDArray[np.float64]]) -> float:
        """Score of a picture from its three vectors of features."""
        pairs = zip(self.forests, features, strict=True)
        return float(self.weights @ [1.0, *(forest.predict(x) for forest, x in pairs)])


def ma(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Ma's score, (N,): about 0 to 10, higher is better.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range]; luma, or RGB whose BT.601 luma is
            taken, as PIRM does. It is judged as an 8-bit picture, rounded.
        hr: Ignored.
        data_range: Largest possible intensity.
        border: Pixels to cut off each side.

    Raises:
        ValueError: If a picture is smaller than 84 pixels a side.
        UserError: If the model's file is missing or broken.
    """
    sr = checked(
        sr, data_range=data_range, border=border, smallest=SMALLEST_SIDE, metric="Ma's score"
    )
    lumas = rounded_luma(sr, data_range=data_range)
    model = published_model(MODEL_FILE)
    features = (frequency_features, wavelet_features, spatial_features)
    scores = [model.predict([f(luma).cpu().numpy() for f in features]) for luma in lumas]
    return torch.tensor(scores, dtype=torch.float64, device=sr.device)


def perceptual_index(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """PIRM's perceptual index, (NIQE + 10 - Ma) / 2, (N,): lower is better; see `ma`."""
    naturalness = niqe(sr, hr, data_range=data_range, border=border)
    return (naturalness + 10 - ma(sr, hr, data_range=data_range, border=border)) / 2


@lru_cache
def published_model(path: Path) -> MaModel:
    """Read the authors' file.

    Raises:
        UserError: If it is missing or not such a model.
    """
    from scipy.io import loadmat

    if not path.is_file():
        raise UserError(
            f"{path}: the model of Ma's score is missing; its authors publish it as model.mat at "
            "https://github.com/chaoma99/sr-metric. Put it there, or use `niqe` instead of `pi`"
        )
    try:
        model = loadmat(path, squeeze_me=True, struct_as_record=False)["model"]
        forests = tuple(_forest(stored) for stored in model.rf)
        weights = np.asarray(model.linear, dtype=np.float64)
    except Exception as error:  # broken files raise almost anything
        raise UserError(f"{path}: this is not the model of Ma's score ({error})") from None
    largest = [int(forest.feature.max()) + 1 for forest in forests]
    fits = len(forests) == 3 and all(n <= m for n, m in zip(largest, _NUM_FEATURES, strict=True))
    if weights.shape != (4,) or not fits:
        raise UserError(f"{path}: this is not the model of Ma's score (its sizes are others)")
    return MaModel(forests, weights)


def _forest(stored: Any) -> Forest:
    """Take a `regRF_train` model; indices start at one there."""

    def nodes(name: str) -> NDArray[np.float64]:
        array = np.asarray(getattr(stored, name), dtype=np.float64)
        return array if array.ndim == 2 else array[:, None]

    left, right, feature = (nodes(name).astype(np.int64) - 1 for name in ("lDau", "rDau", "mbest"))
    correction = np.atleast_1d(np.asarray(getattr(stored, "coef", 0.0), dtype=np.float64))
    used = (float(correction[0]), float(correction[1])) if correction.any() else (0.0, 1.0)
    status, threshold = nodes("nodestatus").astype(np.int64), nodes("upper")
    return Forest(left, right, status, feature, threshold, nodes("avnode"), used)
