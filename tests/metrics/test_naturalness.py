"""NIQE against MATLAB's value, a slow transcription of its definition, and known distributions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage, special, stats
from torch import Tensor

from pipeline.images.decode import decode
from pipeline.images.resize import imresize_float
from pipeline.metrics import naturalness
from pipeline.metrics.naturalness import block_features, fit, niqe


@pytest.fixture(scope="module")
def baboon(reference: Path) -> Tensor:
    """The top left of Set14's baboon, 480 pixels wide as published, (1, 3, 480, 492)."""
    (path,) = (reference / "data" / "Set14").glob("baboon.*")
    picture = decode(path).picture[:480, :492]
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None]


def test_it_equals_matlab(baboon: Tensor):
    assert niqe(baboon, baboon, data_range=255.0, border=0).item() == pytest.approx(
        5.7296, abs=6e-5
    )


# Why two implementations of NIQE disagree: what stands at the half size decides.
@pytest.mark.parametrize(
    ("name", "halve", "value"),
    [
        ("rounded to 8 bits", lambda x: np.floor(imresize_float(x, 0.5) + 0.5), 5.7146),
        ("replicated border", lambda x: imresize_float(x, 0.5, border="replicate"), 5.7191),
        ("bicubic without antialiasing", lambda x: imresize_float(x, 0.5, antialias=False), 6.9701),
        ("mean of 2x2", lambda x: imresize_float(x, 0.5, method="area"), 5.9584),
        ("every second pixel", lambda x: x[::2, ::2].copy(), 7.8720),
    ],
)
def test_the_resizer_decides(
    name: str, halve, value: float, baboon: Tensor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(naturalness, "imresize_float", lambda x, _: halve(x))
    other = niqe(baboon, baboon, data_range=255.0, border=0).item()
    assert other == pytest.approx(value, abs=1e-3)
    assert abs(other - 5.7296) > 0.01


def fit_by_definition(block: NDArray[np.float64]) -> tuple[float, float, float]:
    shapes = np.arange(0.2, 10.0005, 0.001)
    ratios = special.gamma(2 / shapes) ** 2 / (
        special.gamma(1 / shapes) * special.gamma(3 / shapes)
    )
    left, right = (np.sqrt(np.mean(b**2)) for b in (block[block < 0], block[block > 0]))
    ratio = left / right
    target = np.mean(np.abs(block)) ** 2 / np.mean(block**2)
    target *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = shapes[np.argmin((ratios - target) ** 2)]
    scale = np.sqrt(special.gamma(1 / shape) / special.gamma(3 / shape))
    return shape, left * scale, right * scale


def features_by_definition(x: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    window = stats.norm.pdf(np.arange(-3, 4), scale=7 / 6)
    kernel = np.outer(window, window) / window.sum() ** 2
    mean = ndimage.correlate(x, kernel, mode="nearest")
    deviation = np.sqrt(np.abs(ndimage.correlate(x * x, kernel, mode="nearest") - mean**2))
    normalised = (x - mean) / (deviation + 1)
    rows = []
    for top in range(0, x.shape[0], side):
        for left in range(0, x.shape[1], side):
            block = normalised[top : top + side, left : left + side]
            shape, spread_left, spread_right = fit_by_definition(block)
            row = [shape, (spread_left + spread_right) / 2]
            for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                shape, spread_left, spread_right = fit_by_definition(
                    block * np.roll(block, shift, (0, 1))
                )
                factor = special.gamma(2 / shape) / special.gamma(1 / shape)
                row += [shape, (spread_right - spread_left) * factor, spread_left, spread_right]
            rows.append(row)
    return np.array(rows)


def test_features_equal_the_definition(noisy: Tensor):
    # With noise, since in flat places the definition takes the sign of rounding errors.
    luma = noisy[0, 0, :192, :288]
    half = imresize_float(luma.numpy(), 0.5)
    expected = np.hstack(
        [features_by_definition(luma.numpy(), 96), features_by_definition(half, 48)]
    )
    np.testing.assert_allclose(block_features(luma).numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0, 4.0])
def test_the_fit_finds_the_distribution_that_values_are_from(shape: float):
    values = stats.gennorm.rvs(shape, scale=3.0, size=(2, 400, 400), random_state=0)
    found, left, right, mean = fit(torch.from_numpy(values))
    np.testing.assert_allclose(found, shape, rtol=0.03)
    np.testing.assert_allclose(torch.cat([left, right]), 3.0, rtol=0.03)
    np.testing.assert_allclose(mean, 0.0, atol=0.05)


def test_flat_blocks_count_for_nothing(photograph: Tensor):
    luma = photograph[..., :192, :288]
    flat = torch.cat([luma, torch.full_like(luma[..., :96], 255.0)], -1)
    usable = ~block_features(flat[0, 0]).isnan().any(1)
    assert usable.tolist() == [True, True, True, False] * 2
    assert niqe(flat, flat, data_range=255.0, border=0).isfinite().all()


@pytest.mark.parametrize("value", [0.0, 128.0, 255.0])
def test_a_flat_picture_is_refused(value: float):
    flat = torch.full((1, 1, 192, 192), value)
    with pytest.raises(ValueError, match="needs two blocks of 96x96 pixels that are not flat"):
        niqe(flat, flat, data_range=255.0, border=0)


def test_one_block_is_not_enough(photograph: Tensor):
    one = photograph[..., :96, :191]
    with pytest.raises(ValueError, match="this picture of 191x96 has 1"):
        niqe(one, one, data_range=255.0, border=0)


def test_rows_and_columns_after_the_last_block_are_left_out(photograph: Tensor):
    pair = {"hr": photograph, "data_range": 255.0, "border": 0}
    assert torch.equal(niqe(photograph, **pair), niqe(photograph[..., :288], **pair))


def test_pictures_are_judged_as_8_bit(photograph: Tensor):
    pair = {"hr": photograph, "data_range": 255.0, "border": 0}
    assert torch.equal(niqe(photograph + 0.4, **pair), niqe(photograph, **pair))
