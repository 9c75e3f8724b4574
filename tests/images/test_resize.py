import math
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipeline.images import resize
from pipeline.images.picture import crop_to_multiple, read_png
from pipeline.images.resize import axis_weights, imresize, imresize_float, resize_planes

METHODS = ["nearest", "bilinear", "bicubic", "lanczos", "area"]
BORDERS = ["symmetric", "replicate"]
FACTORS = [Fraction(1, n) for n in (2, 3, 4, 6, 8)] + [
    Fraction(2, 3),
    Fraction(7, 10),
    Fraction(3, 2),
    Fraction(2),
    Fraction(3),
    Fraction(4),
]

pictures = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([None, 1, 3])).flatmap(
    lambda size: arrays(np.uint8, tuple(side for side in size if side is not None))
)
methods = st.sampled_from(METHODS)
borders = st.sampled_from(BORDERS)
factors = st.fractions(Fraction(1, 8), Fraction(4), max_denominator=12)


def plain_double(image, scale, method, antialias, border):
    """MATLAB's arithmetic as it is written down: double precision, tap after tap."""
    for axis in (0, 1):
        length = image.shape[axis]
        new_length = resize.output_length(length, scale)
        indices, weights = axis_weights(length, new_length, float(scale), method, antialias, border)
        moved = np.moveaxis(image, axis, 0)
        total = np.zeros((new_length, *moved.shape[1:]))
        for tap in range(indices.shape[1]):
            column = weights[:, tap].reshape(-1, *[1] * (moved.ndim - 1))
            total += column * moved[indices[:, tap]]
        image = np.moveaxis(np.clip(np.floor(total + 0.5), 0, 255).astype(np.uint8), 0, axis)
    return image


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("border", "name"), [("replicate", "Set5"), ("replicate", "Set14"), ("symmetric", "Set5")]
)
def test_lr_equals_matlabs_files_in_every_pixel(reference, border, name, scale):
    files = sorted((reference / "data/matlab_lr" / border / name / f"x{scale}").glob("*.png"))
    assert len(files) == {"Set5": 5, "Set14": 14}[name]
    for file in files:
        hr = crop_to_multiple(read_png(reference / "data" / name / file.name), scale)
        lr, expected = imresize(hr, 1 / scale, border=border), read_png(file)
        if expected.ndim > lr.ndim:  # a greyscale picture that MATLAB's users stored as RGB
            lr = np.repeat(lr[:, :, None], 3, axis=2)
        np.testing.assert_array_equal(lr, expected, err_msg=file.name)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("scale", FACTORS, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_fast_arithmetic_equals_plain_double_precision_in_every_pixel(method, scale, border):
    generator = np.random.default_rng(5)
    for antialias in (True, False):
        for values in ([0, 255], [0, 1, 2, 3], range(256)):
            image = generator.choice(np.array(values, np.uint8), (61, 47, 3))
            np.testing.assert_array_equal(
                imresize(image, scale, method=method, antialias=antialias, border=border),
                plain_double(image, scale, method, antialias, border),
            )


@settings(max_examples=150, deadline=None)
@given(pictures, factors, methods, st.booleans(), borders)
def test_any_picture_equals_plain_double_precision(image, scale, method, antialias, border):
    np.testing.assert_array_equal(
        imresize(image, scale, method=method, antialias=antialias, border=border),
        plain_double(image, scale, method, antialias, border),
    )


def test_sums_that_float32_cannot_round_surely_do_occur_at_x6():
    indices, weights = axis_weights(300, 50, 1 / 6, "bicubic", True, "symmetric")
    image = np.random.default_rng(0).integers(0, 256, (300, 500))
    sums = (weights[:, :, None] * image[indices]).sum(axis=1)
    ties = np.abs(sums - np.floor(sums) - 0.5) < 1e-9
    assert ties.any()
    assert resize._doubt(weights) > 1e-9


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_float32_is_exact_for_reductions_by_powers_of_two(scale):
    weights = axis_weights(64, 64 // scale, 1 / scale, "bicubic", True, "symmetric")[1]
    assert resize._doubt(weights) == 0


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1, 3), Fraction(5, 2)], ids=str)
@pytest.mark.parametrize(
    ("method", "filter_"),
    [
        ("bilinear", Image.Resampling.BILINEAR),
        ("bicubic", Image.Resampling.BICUBIC),
        ("lanczos", Image.Resampling.LANCZOS),
    ],
)
def test_pillows_floating_point_resize_agrees_away_from_the_borders(method, filter_, scale):
    plane = _photograph(120, 96)[:, :, 1].astype(np.float64)
    ours = imresize_float(plane, scale, method=method)
    image = Image.fromarray(plane.astype(np.float32))
    theirs = np.asarray(image.resize((ours.shape[1], ours.shape[0]), filter_))
    margin = math.ceil(4 * max(1, scale))
    inner = slice(margin, -margin)
    np.testing.assert_allclose(ours[inner, inner], theirs[inner, inner], atol=1e-3)


@pytest.mark.parametrize("size", [(60, 45), (30, 30), (50, 36)])
def test_area_is_opencvs_area_to_one_level(size):
    image = _photograph(120, 90)
    ours = resize_planes(image.transpose(2, 0, 1), size, method="area").transpose(1, 2, 0)
    theirs = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_nearest_by_an_odd_factor_takes_the_middle_pixel():
    image = _photograph(60, 45)
    taken = imresize(image, Fraction(1, 3), method="nearest", antialias=False)
    np.testing.assert_array_equal(taken, image[1::3, 1::3])


def test_nearest_by_an_even_factor_takes_the_lower_right_of_the_middle_pixels():
    image = _photograph(60, 48)
    taken = imresize(image, Fraction(1, 4), method="nearest", antialias=False)
    np.testing.assert_array_equal(taken, image[2::4, 2::4])


@settings(max_examples=60, deadline=None)
@given(pictures, factors)
def test_output_sides_are_rounded_up(image, scale):
    expected = tuple(math.ceil(side * scale) for side in image.shape[:2])
    assert imresize(image, scale).shape == (*expected, *image.shape[2:])
    assert imresize(image, float(scale)).shape == (*expected, *image.shape[2:])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 255), factors, methods, st.booleans(), borders)
def test_constants_stay_constant(value, scale, method, antialias, border):
    image = np.full((13, 17), value, np.uint8)
    options = {"method": method, "antialias": antialias, "border": border}
    assert (imresize(image, scale, **options) == value).all()
    np.testing.assert_allclose(imresize_float(image, scale, **options), value, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(pictures, methods, st.booleans(), borders)
def test_factor_one_is_the_identity(image, method, antialias, border):
    options = {"method": method, "antialias": antialias, "border": border}
    np.testing.assert_array_equal(imresize(image, 1, **options), image)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), factors, methods, st.booleans(), st.floats(-3, 3))
def test_resizing_in_double_precision_is_linear(seed, scale, method, antialias, factor):
    one, other = np.random.default_rng(seed).normal(size=(2, 15, 12))
    options = {"method": method, "antialias": antialias}
    np.testing.assert_allclose(
        imresize_float(one + factor * other, scale, **options),
        imresize_float(one, scale, **options) + factor * imresize_float(other, scale, **options),
        atol=1e-9,
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 200),
    st.integers(1, 200),
    methods,
    st.booleans(),
    borders,
)
def test_weights_of_every_output_pixel_sum_to_one(length, new_length, method, antialias, border):
    indices, weights = axis_weights(
        length, new_length, new_length / length, method, antialias, border
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    assert indices.min() >= 0
    assert indices.max() < length


@pytest.mark.parametrize("scale", FACTORS, ids=str)
@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos", "area"])
def test_lr_is_not_shifted_against_hr(method, scale):
    # On a ramp each value is its place: output pixel i lies at (i + 1/2) / scale - 1/2.
    ramp = np.tile(np.arange(240.0), (120, 1))
    resized = imresize_float(ramp, scale, method=method)
    place = (np.arange(resized.shape[1]) + 0.5) / float(scale) - 0.5
    inner = slice(math.ceil(4 * max(1, scale)), -math.ceil(4 * max(1, scale)))
    # Kernels sampled at other than whole fractions, Lanczos' above all, reproduce a ramp on average
    # only, and area enlarges to a staircase.
    tolerance = 0.5 if method == "area" else 0.03
    error = resized[10, inner] - place[inner]
    assert np.abs(error).max() <= tolerance
    assert abs(error.mean()) < 5e-3


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos", "area"])
@pytest.mark.parametrize("scale", FACTORS, ids=str)
def test_mirrored_pictures_give_mirrored_results(method, scale):
    image = np.random.default_rng(1).normal(size=(120, 240))
    flipped = imresize_float(image[::-1, ::-1], scale, method=method)
    np.testing.assert_allclose(
        flipped, imresize_float(image, scale, method=method)[::-1, ::-1], atol=1e-9
    )


def test_a_stack_of_planes_gives_what_each_plane_gives():
    planes = np.random.default_rng(2).normal(size=(5, 33, 29))
    together = resize_planes(planes, (20, 40))
    for plane, result in zip(planes, together, strict=True):
        np.testing.assert_array_equal(resize_planes(plane[None], (20, 40))[0], result)


def test_pictures_in_other_types_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"uint8, not float64; see imresize_float"):
        imresize(np.zeros((4, 4)), 0.5)


@pytest.mark.parametrize("scale", [0, -0.5])
def test_factors_that_are_not_positive_are_refused(scale):
    with pytest.raises(ValueError, match="scale must be positive"):
        imresize(np.zeros((4, 4), np.uint8), scale)


def _photograph(height: int, width: int) -> np.ndarray:
    from skimage import data

    file = Path(data.__file__).parent / "astronaut.png"
    return read_png(file)[100 : 100 + height, 180 : 180 + width]
