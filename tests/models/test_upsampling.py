"""Enlarging layers: what they compute at the start, and MATLAB's bicubic."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.images.resize import axis_weights, imresize
from pipeline.models.upsampling import Bicubic, ResizeConv, SubPixel, Transposed, factors

SCALES = [2, 3, 4, 8]
SIZES = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 17), (12, 5)]


def imresize_double(image: np.ndarray, scale: int) -> np.ndarray:
    """MATLAB's imresize of a double picture (H, W): nothing is rounded."""
    for axis in (0, 1):
        length = image.shape[axis]
        indices, weights = axis_weights(length, length * scale, scale, "bicubic", True, "symmetric")
        moved = np.moveaxis(image, axis, 0)
        image = np.moveaxis(np.einsum("ot,ot...->o...", weights, moved[indices]), 0, axis)
    return image


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", SIZES)
def test_bicubic_is_imresize_in_double_precision_whatever_the_size(
    scale: int, size: tuple[int, int]
):
    pictures = np.random.default_rng(0).random((2, 3, *size))
    expected = np.array([[imresize_double(c, scale) for c in picture] for picture in pictures])
    enlarged = Bicubic(scale)(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(enlarged, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("scale", SCALES)
def test_bicubic_in_single_precision_is_imresize_of_the_8_bit_picture_up_to_its_roundings(
    scale: int,
):
    picture = np.random.default_rng(1).integers(0, 256, (13, 10, 3), dtype=np.uint8)
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    enlarged = Bicubic(scale)(batch)[0].permute(1, 2, 0).clamp(0, 255).numpy()
    # imresize rounds and clamps after each axis: 0.5 of the first pass, times the kernel's gain
    # of at most 1.25, and 0.5 of the second.
    inside = np.abs(enlarged - imresize(picture, scale).astype(float))
    assert np.median(inside) < 0.5
    gentle = (picture // 4 + 96).astype(np.uint8)  # overshoots stay in range, nothing is clamped
    enlarged = Bicubic(scale)(torch.from_numpy(gentle).permute(2, 0, 1)[None].float())[0]
    difference = enlarged.permute(1, 2, 0).numpy() - imresize(gentle, scale).astype(float)
    assert np.abs(difference).max() < 0.5 * 1.25 + 0.5 + 1e-3


@pytest.mark.parametrize("scale", SCALES)
def test_bicubic_exports_with_dynamic_height_and_width(scale: int):
    layer = Bicubic(scale)
    dynamic = {2: torch.export.Dim("height", min=2), 3: torch.export.Dim("width", min=2)}
    exported = torch.export.export(layer, (torch.rand(2, 3, 6, 5),), dynamic_shapes=(dynamic,))
    other = torch.rand(2, 3, 11, 4)
    torch.testing.assert_close(exported.module()(other), layer(other))


def test_scales_are_enlarged_in_steps_of_two_where_they_can_be():
    assert {scale: factors(scale) for scale in SCALES} == {
        2: [2],
        3: [3],
        4: [2, 2],
        8: [2, 2, 2],
    }


@pytest.mark.parametrize("scale", [2, 3])
def test_sub_pixel_starts_as_nearest_neighbour_of_a_convolution(scale: int):
    layer = SubPixel(5, scale)
    conv = layer.stages[0]
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    x = torch.rand(2, 5, 6, 7)
    small = functional.conv2d(x, conv.weight[:: scale**2], conv.bias[:: scale**2], padding=1)
    torch.testing.assert_close(
        layer(x), functional.interpolate(small, scale_factor=scale, mode="nearest")
    )


@pytest.mark.parametrize("scale", SCALES)
def test_sub_pixel_starts_with_blocks_of_equal_pixels_at_every_scale(scale: int):
    enlarged = SubPixel(4, scale)(torch.rand(1, 4, 5, 6))
    # Later steps convolve the blocks of the first; the last step's blocks are 2 x 2 (or 3 x 3).
    block = factors(scale)[-1]
    assert torch.equal(
        enlarged,
        functional.interpolate(enlarged[..., ::block, ::block], scale_factor=block, mode="nearest"),
    )


@pytest.mark.parametrize("scale", [2, 3])
def test_transposed_convolution_starts_as_bilinear_interpolation(scale: int):
    x = torch.rand(2, 3, 7, 8)
    expected = functional.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
    inside = (..., slice(scale, -scale), slice(scale, -scale))  # the border sees zeros outside
    torch.testing.assert_close(Transposed(3, scale)(x)[inside], expected[inside])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("upsampler", [SubPixel, Transposed, ResizeConv])
def test_flat_features_stay_flat_at_the_start(upsampler: type[nn.Module], scale: int):
    enlarged: Tensor = upsampler(4, scale)(torch.full((1, 4, 9, 9), 0.7))
    inside = enlarged[..., 3 * scale : -3 * scale, 3 * scale : -3 * scale]
    spread = inside.amax(dim=(2, 3)) - inside.amin(dim=(2, 3))
    assert spread.max() < 1e-6


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("upsampler", [SubPixel, Transposed, ResizeConv, None])
def test_output_is_exactly_scale_times_the_input(
    upsampler: type[nn.Module] | None, scale: int, size: tuple[int, int]
):
    layer = Bicubic(scale) if upsampler is None else upsampler(4, scale)
    assert layer(torch.rand(2, 4, *size)).shape == (2, 4, scale * size[0], scale * size[1])
