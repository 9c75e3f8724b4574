import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.degradation import kernels
from pipeline.degradation.blur import GaussianBlur, KernelBlur, filter_images, read_kernel
from pipeline.errors import UserError

sizes = st.integers(0, 12).map(lambda half: 2 * half + 1)
sigmas = st.floats(0.01, 20)
angles = st.floats(-360, 360)


def moments(kernel):
    place = np.arange(len(kernel)) - (len(kernel) - 1) / 2
    x, y = np.meshgrid(place, place)
    return (kernel * x * x).sum(), (kernel * y * y).sum(), (kernel * x * y).sum()


@settings(max_examples=100, deadline=None)
@given(sizes, sigmas, sigmas, angles, st.floats(0.1, 8))
def test_elliptic_kernels_sum_to_one_and_are_symmetric(size, sigma, sigma_y, angle, beta):
    squares = kernels.elliptic_squares(size, sigma, sigma_y, angle)
    for kernel in (
        kernels.gaussian(squares),
        kernels.generalised_gaussian(squares, beta),
        kernels.plateau(squares, beta),
    ):
        assert kernel.sum() == pytest.approx(1, abs=1e-9)
        assert (kernel >= 0).all()
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 20), st.floats(1, 40), angles)
def test_disks_and_lines_sum_to_one(radius, length, angle):
    for kernel in (kernels.disk(radius), kernels.motion(length, angle)):
        assert kernel.sum() == pytest.approx(1, abs=1e-9)
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)


@pytest.mark.parametrize(("size", "sigma"), [(7, 1.6), (3, 0.5), (21, 3.0)])
def test_isotropic_gaussians_are_opencvs_and_fspecials(size, sigma):
    # MATLAB's fspecial samples exp(-(x**2 + y**2) / (2 sigma**2)) and normalises: separable.
    kernel = kernels.gaussian(kernels.elliptic_squares(size, sigma, sigma, 0))
    row = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)
    np.testing.assert_allclose(kernel, row @ row.T, atol=1e-12)
    # The documented fspecial('gaussian', 3, 0.5).
    if size == 3:
        np.testing.assert_allclose(kernel[0], [0.0113, 0.0838, 0.0113], atol=5e-5)
        assert kernel[1, 1] == pytest.approx(0.6193, abs=5e-5)


def test_axes_and_rotation_of_an_anisotropic_gaussian_are_its_moments():
    kernel = kernels.gaussian(kernels.elliptic_squares(61, 4.0, 2.0, 30.0))
    xx, yy, xy = moments(kernel)
    covariance = np.array([[xx, xy], [xy, yy]])
    variances, axes = np.linalg.eigh(covariance)
    np.testing.assert_allclose(variances, [4, 16], rtol=1e-3)
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1])) % 180
    assert angle == pytest.approx(30, abs=0.1)


def test_generalised_gaussian_has_the_published_values():
    squares = kernels.elliptic_squares(9, 1.5, 1.5, 0)
    kernel = kernels.generalised_gaussian(squares, 0.5)
    assert kernel[4, 7] / kernel[4, 4] == pytest.approx(np.exp(-0.5 * (3 / 1.5)))
    np.testing.assert_allclose(
        kernels.generalised_gaussian(squares, 1.0), kernels.gaussian(squares)
    )


def test_plateau_has_the_published_values():
    kernel = kernels.plateau(kernels.elliptic_squares(9, 1.5, 1.5, 0), 2.0)
    assert kernel[4, 7] / kernel[4, 4] == pytest.approx(1 / (1 + (3 / 1.5) ** 4))


@pytest.mark.parametrize("cutoff", [np.pi / 3, np.pi / 2])
def test_sinc_passes_below_its_cutoff_and_stops_above(cutoff):
    kernel = kernels.sinc(101, cutoff)
    place = np.arange(101) - 50

    def response(frequency):
        return (kernel.sum(axis=0) * np.cos(frequency * place)).sum()

    assert response(0.6 * cutoff) == pytest.approx(1, abs=0.1)
    assert response(1.5 * cutoff) == pytest.approx(0, abs=0.1)
    assert kernel.min() < 0  # it rings


def test_disk_covers_its_area():
    kernel = kernels.disk(5.0)
    assert len(kernel) == 11
    assert 1 / kernel[5, 5] == pytest.approx(np.pi * 25, rel=0.005)
    xx, yy, _ = moments(kernel)
    # A disk's second moment is r**2 / 4; pixels add their own, 1/12.
    assert xx == pytest.approx(25 / 4 + 1 / 12, rel=0.02)
    assert yy == pytest.approx(xx)


@pytest.mark.parametrize(("angle", "axis"), [(0, 0), (90, 1), (180, 0)])
def test_straight_motion_is_a_mean_along_its_axis(angle, axis):
    line = kernels.motion(9.0, angle).sum(axis=axis)
    np.testing.assert_allclose(line[line > 1e-9], 1 / 9, atol=1e-9)
    assert (line > 1e-9).sum() == 9


def test_positive_angles_turn_towards_the_lower_side():
    kernel = kernels.motion(9.0, 45.0)
    assert kernel[-3, -3] > 0
    assert kernel[-3, 2] == 0


@pytest.mark.parametrize(("border", "mode"), [("symmetric", "reflect"), ("replicate", "nearest")])
def test_filtering_is_scipys_correlation(batch, border, mode):
    kernel = np.random.default_rng(0).random((5, 5))
    kernel /= kernel.sum()
    filtered = filter_images(batch, np.stack([kernel] * 4), border=border).numpy()
    for image, result in zip(batch.double().numpy(), filtered, strict=True):
        expected = np.stack([ndimage.correlate(plane, kernel, mode=mode) for plane in image])
        np.testing.assert_allclose(result, expected, atol=2e-3)


def test_filtering_is_linear(batch):
    kernel = np.stack([kernels.motion(7.0, 20.0)] * 2)
    one, other = batch[:2], batch[2:]
    np.testing.assert_allclose(
        filter_images(one + 2 * other, kernel, border="symmetric"),
        filter_images(one, kernel, border="symmetric")
        + 2 * filter_images(other, kernel, border="symmetric"),
        atol=5e-3,
    )


def test_a_kernel_file_is_scaled_to_sum_to_one(tmp_path):
    np.save(tmp_path / "kernel.npy", np.ones((3, 3)))
    (tmp_path / "kernel.txt").write_text("1 1 1\n1 1 1\n1 1 1\n")
    for name in ("kernel.npy", "kernel.txt"):
        np.testing.assert_allclose(read_kernel(str(tmp_path / name)), 1 / 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n3 4\n", "square and of odd size"),
        ("1 2 3\n", "square and of odd size"),
        ("0 0 0\n0 0 0\n0 0 0\n", "positive sum"),
        ("one\n", "no kernel"),
        (None, "there is no such file"),
    ],
)
def test_a_file_that_is_no_kernel_is_named(tmp_path, text, message):
    file = tmp_path / "k.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message) as raised:
        KernelBlur(file=str(file)).largest_size()
    assert str(file) in str(raised.value)


def test_a_pickled_kernel_is_refused(tmp_path):
    np.save(tmp_path / "k.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="no kernel"):
        read_kernel(str(tmp_path / "k.npy"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": [7, 10]}, "two odd numbers"),
        ({"size": 0}, "whole number from 1 to 101"),
        ({"sigma": [3, 1]}, "low end first"),
        ({"sigma": -1}, "should lie in"),
        ({"rotation": 30}, "no effect without sigma_y"),
    ],
)
def test_impossible_blurs_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        GaussianBlur(**values)
