"""What holds for every metric: shapes, crops, ranges, direction, and what is refused."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy import ndimage
from torch import Tensor

from pipeline.metrics import METRICS

# Learned from people's judgements of upscaled pictures: no direction is certain for them.
LEARNED = {"ma", "pi"}
WITHOUT_REFERENCE = [name for name, metric in METRICS.items() if not metric.needs_reference]
WITH_REFERENCE = [name for name in METRICS if name not in WITHOUT_REFERENCE]

pytestmark = pytest.mark.usefixtures("random_lpips", "small_forests")


def score(name: str, sr: Tensor, hr: Tensor, *, data_range: float = 255.0, border: int = 0):
    return METRICS[name].function(sr, hr, data_range=data_range, border=border)


@pytest.fixture(scope="module")
def colour() -> tuple[Tensor, Tensor]:
    """Two RGB pictures and their distorted versions, (2, 3, 200, 210)."""
    import skimage.data

    astronaut = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    hr = torch.stack([astronaut[:, :200, 120:330], astronaut[:, 200:400, 100:310]]).double()
    noise = torch.randn(hr.shape, generator=torch.Generator().manual_seed(1))
    return (hr + torch.tensor([5.0, 15.0]).view(2, 1, 1, 1) * noise).round().clamp(0, 255), hr


@pytest.mark.parametrize("name", METRICS)
def test_one_value_per_picture_the_same_alone_and_in_a_batch(
    name: str, colour: tuple[Tensor, Tensor]
):
    sr, hr = colour
    together = score(name, sr, hr)
    alone = torch.cat([score(name, sr[i : i + 1], hr[i : i + 1]) for i in range(2)])
    assert together.shape == (2,)
    assert together.dtype == torch.float64
    assert torch.equal(together, alone)
    assert together.isfinite().all()
    assert together[0] != together[1]


@pytest.mark.parametrize("name", METRICS)
def test_a_border_is_the_same_as_a_crop(name: str, photograph: Tensor, noisy: Tensor):
    inner = (..., slice(5, -5), slice(5, -5))
    with_border = score(name, noisy, photograph, border=5)
    assert torch.equal(with_border, score(name, noisy[inner], photograph[inner]))
    if name != "ma":  # two trees that ask one question each do not see every change
        assert not torch.equal(with_border, score(name, noisy, photograph))


@pytest.mark.parametrize("name", METRICS)
def test_the_range_is_only_a_unit(name: str, photograph: Tensor, noisy: Tensor):
    full = score(name, noisy, photograph).item()
    unit = score(name, noisy / 255, photograph / 255, data_range=1.0).item()
    # Errors have the unit of the intensities; a constant of IFC's release has not.
    factor = {"mse": 255.0**2, "rmse": 255.0}.get(name, 1.0)
    assert unit * factor == pytest.approx(full, rel=1e-3 if name == "ifc" else 1e-5)


@pytest.mark.parametrize("name", METRICS)
def test_single_precision_pictures_give_the_same_value(
    name: str, photograph: Tensor, noisy: Tensor
):
    double = score(name, noisy, photograph)
    assert torch.equal(score(name, noisy.float(), photograph.float()), double)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_identical_pictures_have_the_ideal_value(name: str, photograph: Tensor):
    value = score(name, photograph, photograph.clone()).item()
    if name == "psnr":
        assert value == math.inf
    elif name == "ifc":  # has no upper bound
        assert value > 40
    else:
        ideal = 1.0 if METRICS[name].higher_is_better else 0.0
        assert value == pytest.approx(ideal, abs=1e-10)


@pytest.mark.parametrize("name", WITHOUT_REFERENCE)
def test_without_reference_the_reference_is_not_looked_at(
    name: str, photograph: Tensor, noisy: Tensor
):
    first, second = (score(name, noisy, hr) for hr in (photograph, torch.zeros_like(photograph)))
    assert torch.equal(first, second)


def blurred(x: Tensor, sigma: float) -> Tensor:
    return torch.from_numpy(ndimage.gaussian_filter(x.numpy(), (0, 0, sigma, sigma)))


def noised(x: Tensor, sigma: float) -> Tensor:
    return x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(2)).double()


# NIQE takes some noise for texture; from a deviation of 10 on it counts as a distortion.
@pytest.mark.parametrize(
    ("distort", "amounts"),
    [(blurred, (0.7, 1.0, 1.5, 2.2, 3.0)), (noised, (10.0, 15.0, 25.0, 40.0))],
)
@pytest.mark.parametrize("name", [name for name in METRICS if name not in LEARNED])
def test_more_distortion_is_worse(
    name: str,
    distort: Callable[[Tensor, float], Tensor],
    amounts: tuple[float, ...],
    photograph: Tensor,
):
    sign = 1 if METRICS[name].higher_is_better else -1
    values = [
        sign * score(name, distort(photograph, amount).clamp(0, 255), photograph).item()
        for amount in amounts
    ]
    undistorted = sign * score(name, photograph, photograph).item()
    assert undistorted > values[0]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("flip", [(2,), (3,), (2, 3)])
@pytest.mark.parametrize("name", [n for n in WITH_REFERENCE if n != "lpips"])
def test_mirrored_pictures_score_alike(
    name: str, flip: tuple[int, ...], photograph: Tensor, noisy: Tensor
):
    # Sides that halve and divide by three and eight evenly: the blocks of a scale stay the same.
    sr, hr = noisy[..., :288, :288], photograph[..., :288, :288]
    plain, mirrored = score(name, sr, hr), score(name, sr.flip(flip), hr.flip(flip))
    # Subsampling and blocks start at the top left, so those that have them differ a little.
    tolerance = {"ms_ssim": 1e-3, "vif": 3e-3, "vif_pixel": 3e-3, "ifc": 3e-3}.get(name, 1e-9)
    assert mirrored.item() == pytest.approx(plain.item(), rel=tolerance)


@pytest.mark.parametrize("name", METRICS)
def test_domain_errors_are_named(name: str, photograph: Tensor):
    smaller = photograph[..., :-1]
    if name in WITH_REFERENCE:
        with pytest.raises(ValueError, match=r"shapes differ: \(1, 1, 288, 299\) and"):
            score(name, smaller, photograph)
    with pytest.raises(ValueError, match=r"pictures must be \(N, C, H, W\), not \(288, 300\)"):
        score(name, photograph[0, 0], photograph[0, 0])
    for data_range in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="data_range must be positive"):
            score(name, photograph, photograph, data_range=data_range)
    with pytest.raises(ValueError, match="border must be 0 or more pixels, not -1"):
        score(name, photograph, photograph, border=-1)
    with pytest.raises(ValueError, match="a border of 144 leaves nothing of a picture of 300x288"):
        score(name, photograph, photograph, border=144)


SMALLEST = {
    "ssim": 11,
    "mssim": 11,
    "ms_ssim": 161,
    "ifc": 72,
    "vif": 72,
    "vif_pixel": 41,
    "gmsd": 6,
    "niqe": 96,
    "ma": 84,
    "pi": 96,
}


@pytest.mark.parametrize(("name", "side"), SMALLEST.items())
def test_pictures_that_are_too_small_are_named(name: str, side: int, photograph: Tensor):
    def first(size: int) -> Tensor:
        return photograph[..., :size, :]

    assert score(name, first(side), first(side)).shape == (1,)
    message = rf"needs pictures of at least {side}x{side} pixels .* has 300x{side - 1}"
    with pytest.raises(ValueError, match=message):
        score(name, first(side - 1), first(side - 1))


@pytest.mark.parametrize("name", ["vif", "vif_pixel"])
def test_vif_of_a_flat_reference_is_refused(name: str, photograph: Tensor):
    with pytest.raises(ValueError, match="not defined for a flat reference"):
        score(name, photograph, torch.full_like(photograph, 128.0))


@pytest.mark.parametrize("name", WITHOUT_REFERENCE)
def test_without_reference_colour_counts_as_its_luma(name: str, colour: tuple[Tensor, Tensor]):
    from pipeline.images.colour import luma

    sr = colour[0][:1]
    plane = torch.from_numpy(luma(sr[0].permute(1, 2, 0).to(torch.uint8).numpy()))[None, None]
    assert score(name, sr, sr).item() == pytest.approx(score(name, plane, plane).item(), rel=1e-3)
    with pytest.raises(ValueError, match="luma or RGB, 1 or 3 channels, not 2"):
        score(name, sr[:, :2], sr[:, :2])
