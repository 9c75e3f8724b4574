"""Ma's score: its features against slow definitions, and the published format of its model."""

from pathlib import Path

import numpy as np
import pyrtools
import pytest
import scipy.fft
import scipy.io
import torch
from scipy import ndimage, special, stats
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.naturalness import niqe
from pipeline.metrics.upscaling import ma, perceptual_index, published_model
from pipeline.metrics.upscaling_features import (
    frequency_features,
    frequency_pyramid,
    generalised_gaussian_shape,
    spatial_features,
    wavelet_features,
)

PAIR = {"data_range": 255.0, "border": 0}


def shape_by_definition(x: np.ndarray) -> float:
    shapes = np.arange(0.03, 10.0005, 0.001)
    ratios = np.exp(
        special.gammaln(1 / shapes) + special.gammaln(3 / shapes) - 2 * special.gammaln(2 / shapes)
    )
    target = x.var(ddof=1) / (np.abs(x - x.mean()).mean() ** 2 + 1e-7)
    return shapes[np.argmin(np.abs(ratios - target))]


def test_frequency_features_equal_the_definition(noisy: Tensor):
    luma = noisy[0, 0, :85, :91]
    x = luma.numpy() / 255
    padded = np.pad(x, ((2, 2 + -85 % 3), (2, 2 + -91 % 3)))
    shapes, variations, spreads = [], [], []
    for top in range(0, padded.shape[0] - 6, 3):
        for left in range(0, padded.shape[1] - 6, 3):
            dct = scipy.fft.dctn(padded[top : top + 7, left : left + 7], norm="ortho")
            rest = np.abs(dct.ravel()[1:])
            shapes.append(shape_by_definition(dct.ravel()[1:]))
            variations.append(rest.std(ddof=1) / (rest.mean() + 1e-7))
            along = [*dct[0, 1:], *dct[1, 2:], *dct[2, 4:], *dct[3, 5:]]
            down = [*dct[1:, 0], *dct[2:, 1], *dct[4:, 2], *dct[5:, 3]]
            middle = [dct[1, 1], *dct[2, 2:4], *dct[3, 2:5], *dct[4, 3:], *dct[5, 4:], *dct[6, 4:]]
            ratios = [
                np.std(np.abs(s), ddof=1) / (np.mean(np.abs(s)) + 1e-8)
                for s in (along, middle, down)
            ]
            spreads.append(np.var(ratios, ddof=1))
    shapes, variations, spreads = (np.sort(v) for v in (shapes, variations, spreads))
    last = int(len(shapes) * 0.9) - 1
    expected = [
        shapes[: int(np.ceil(len(shapes) * 0.1))].mean(),
        shapes.mean(),
        variations[last:].mean(),
        variations.mean(),
        spreads[last:].mean(),
        spreads.mean(),
    ]
    np.testing.assert_allclose(frequency_features(luma)[:6], expected, rtol=1e-7)


def test_spatial_features_are_singular_values_of_squares(photograph: Tensor):
    luma = photograph[0, 0, :90, :101]
    x = np.pad(luma.numpy() / 255, ((0, 0), (0, 4)))
    squares = x.reshape(18, 5, 21, 5).transpose(0, 2, 1, 3).reshape(-1, 25)
    values = spatial_features(luma)
    np.testing.assert_allclose(values[:25], np.linalg.svd(squares, compute_uv=False), rtol=1e-9)
    window = stats.norm.pdf([-1, 0, 1], scale=0.5)
    kernel = np.outer(window, window) / window.sum() ** 2
    half = ndimage.correlate(luma.numpy() / 255, kernel, mode="constant")[1::2, 1::2]
    assert values[25:50].square().sum().item() == pytest.approx((half**2).sum(), rel=1e-9)


@pytest.mark.parametrize("shape", [(128, 160), (100, 132)])
def test_the_pyramid_equals_pyrtools(shape: tuple[int, int], photograph: Tensor):
    picture = photograph[0, 0, : shape[0], : shape[1]]
    theirs = pyrtools.pyramids.SteerablePyramidFreq(picture.numpy(), height=2, order=5)
    high, bands = frequency_pyramid(picture)
    # It looks its masks up in tables, ours are exact.
    np.testing.assert_allclose(high, theirs.pyr_coeffs["residual_highpass"], atol=2e-3)
    for scale in range(2):
        for orientation in range(6):
            expected = theirs.pyr_coeffs[scale, orientation]
            np.testing.assert_allclose(bands[scale][orientation], expected, atol=2e-2)


def test_wavelet_features_of_noise_are_gaussian():
    noise = 20 * torch.randn(160, 200, generator=torch.Generator().manual_seed(0)).double() + 128
    features = wavelet_features(noise)
    assert features.shape == (45,)
    # Divided by its local energy a Gaussian band is a little flatter than Gaussian.
    assert ((features[:12] > 1.8) & (features[:12] < 3)).all()
    assert (features[18:].abs() <= 1).all()


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_the_shape_is_that_of_the_distribution(shape: float):
    values = torch.from_numpy(stats.gennorm.rvs(shape, size=(200_000, 1), random_state=0))
    assert generalised_gaussian_shape(values).item() == pytest.approx(shape, rel=0.03)
    assert generalised_gaussian_shape(values).item() == pytest.approx(
        shape_by_definition(values.numpy()), abs=1e-9
    )


@pytest.mark.usefixtures("small_forests")
def test_the_score_follows_the_trees_and_the_weights(photograph: Tensor):
    photograph = photograph[..., :110, :200]
    luma = photograph[0, 0]
    first, second, third = (
        f(luma) for f in (frequency_features, wavelet_features, spatial_features)
    )
    means = [
        np.mean([2 if first[2] <= 0.9 else 8, 2 if first[3] <= 1.0 else 8]),
        np.mean([2 if second[0] <= 1.5 else 8, 2 if second[44] <= 0.2 else 8]),
        np.mean([2 if third[0] <= 100 else 8, 2 if third[74] <= 0.5 else 8]),
    ]
    expected = 0.5 + 0.2 * means[0] + 0.3 * means[1] + 0.4 * means[2]
    assert ma(photograph, photograph, **PAIR).item() == pytest.approx(expected, abs=1e-12)
    index = (niqe(photograph, photograph, **PAIR).item() + 10 - expected) / 2
    value = perceptual_index(photograph, photograph, **PAIR).item()
    assert value == pytest.approx(index, abs=1e-12)


def test_a_missing_model_is_named(photograph: Tensor, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"data/weights/ma_model.mat: .* is missing; .* `niqe`"):
        ma(photograph, photograph, **PAIR)


def test_another_file_is_named(tmp_path: Path):
    (tmp_path / "text.mat").write_text("no model")
    with pytest.raises(UserError, match="this is not the model of Ma's score"):
        published_model(tmp_path / "text.mat")
    scipy.io.savemat(tmp_path / "other.mat", {"model": {"rf": 1, "linear": np.ones(4)}})
    with pytest.raises(UserError, match="this is not the model of Ma's score"):
        published_model(tmp_path / "other.mat")
