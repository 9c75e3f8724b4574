"""MATLAB's `imresize`, in every pixel, and the same interpolation without rounding.

One axis after the other, the one that shrinks more first, height where both shrink alike; weights
normalised per output pixel. On 8-bit pictures each pass is rounded half up to uint8. Bicubic is
Keys' kernel with a = -0.5 (Keys, "Cubic Convolution Interpolation for Digital Image Processing",
IEEE TASSP 1981); kernels are widened by 1/scale when shrinking with antialiasing.

Pixels are areas: output pixel i has its centre at (i + 0.5) / scale - 0.5 of the input, so the
pictures' outlines coincide and nothing is shifted. The one exception is `nearest` without
antialiasing at an even reduction: it must take one of the pixels beside the centre, and takes the
right (lower) one, half an input pixel off, as MATLAB does.

How it is fast: a pass is a banded matrix times the picture, done in blocks of output pixels that
stay in cache, as float32 products. How it stays exact: where the weights are multiples of a power
of two (x2, x4, x8) float32 holds every partial sum without error; elsewhere the few sums that lie
too close to a half to be sure of their rounding are computed again in double precision, tap by
tap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]
Border = Literal["symmetric", "replicate"]

_BLOCK = 8  # output pixels a product: its inputs, as float32, stay in the second-level cache


def imresize(
    image: NDArray[np.uint8],
    scale: float | Fraction,
    *,
    method: Method = "bicubic",
    antialias: bool = True,
    border: Border = "symmetric",
) -> NDArray[np.uint8]:
    """Resize an 8-bit picture as MATLAB does.

    Args:
        image: (H, W) or (H, W, C).
        scale: Factor of both sides, such as 0.25 or 4 or Fraction(2, 3); the result has
            ceil(side * scale) pixels.
        method: Interpolation kernel. `lanczos` has three lobes; `area` averages the input over
            the area of the output pixel; `nearest` with antialiasing is MATLAB's box.
        antialias: Widen the kernel when shrinking.
        border: `symmetric` as today's MATLAB, `replicate` as the older one whose LR pictures
            many published sets still carry.

    Returns:
        uint8 picture of the new size.

    Raises:
        ValueError: If the picture is not uint8, or `scale` is not positive.
    """
    if image.dtype != np.uint8:
        raise ValueError(f"imresize takes uint8, not {image.dtype}; see imresize_float")
    return _resize_picture(image, scale, method, antialias, border)


def imresize_float(
    image: NDArray[np.float64],
    scale: float | Fraction,
    *,
    method: Method = "bicubic",
    antialias: bool = True,
    border: Border = "symmetric",
) -> NDArray[np.float64]:
    """Resize in double precision, without rounding and without clamping.

    Args:
        image: (H, W) or (H, W, C), any range.
        scale: As for `imresize`, and so are the others.
        method: Interpolation kernel.
        antialias: Widen the kernel when shrinking.
        border: What lies outside the picture.

    Returns:
        float64 array of the new size.
    """
    return _resize_picture(image.astype(np.float64), scale, method, antialias, border)


def resize_planes(
    planes: NDArray[Any],
    size: tuple[int, int],
    *,
    method: Method = "bicubic",
    antialias: bool = True,
    border: Border = "symmetric",
) -> NDArray[Any]:
    """Resize a stack of planes to a size; outlines coincide, whatever the ratio.

    A plane's result does not depend on the others in the stack.

    Args:
        planes: (P, H, W): uint8, rounded after each axis, or float64, never rounded.
        size: New height and width.
        method: Interpolation kernel.
        antialias: Widen the kernel when shrinking.
        border: What lies outside the picture.

    Returns:
        (P, *size), of the same type.
    """
    scales = [new / old for new, old in zip(size, planes.shape[1:], strict=True)]
    return _resize(planes, size, scales, 1, method, antialias, border)


def axis_weights(
    length: int, new_length: int, scale: float, method: Method, antialias: bool, border: Border
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Source pixels and their weights for each output pixel along one axis.

    Returns:
        Indices and weights, both (new_length, taps); each row of weights sums to one.
    """
    stretch = scale if antialias and scale < 1 else 1.0
    kernel, support = _KERNELS[method]
    width = (1.0 + max(stretch, 1 / scale) if method == "area" else support) / stretch
    centre = (np.arange(new_length) + 0.5) / scale - 0.5
    first = np.floor(centre - width / 2)
    positions = first[:, None] + np.arange(math.ceil(width) + 2)[None, :]
    distance = centre[:, None] - positions
    if method == "area":
        weights = overlap(distance, 1 / (scale if scale > 1 else stretch))
    else:
        weights = stretch * kernel(stretch * distance)
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.any(weights != 0, axis=0)
    return _fold(positions[:, used].astype(np.int64), length, border), weights[:, used]


def _fold(positions: NDArray[np.int64], length: int, border: Border) -> NDArray[np.int64]:
    if border == "replicate":
        return np.clip(positions, 0, length - 1)
    wrapped = positions % (2 * length)
    return np.where(wrapped < length, wrapped, 2 * length - 1 - wrapped)


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = -0.5, zero outside [-2, 2]."""
    distance = np.abs(x)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, np.where(distance <= 2, far, 0.0))


def triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation's kernel, zero outside [-1, 1]."""
    return np.maximum(1 - np.abs(x), 0.0)


def box(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """One in [-0.5, 0.5): of two pixels at the same distance it takes the right one."""
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def lanczos3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lanczos' windowed sinc with three lobes, zero outside [-3, 3]."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


def overlap(distance: NDArray[np.float64], footprint: float) -> NDArray[np.float64]:
    """Length that a pixel of width 1 shares with an interval `footprint` wide, by distance."""
    shared = (1 + footprint) / 2 - np.abs(distance)
    return np.clip(shared, 0.0, min(1.0, footprint))


_KERNELS = {
    "nearest": (box, 1.0),
    "bilinear": (triangle, 2.0),
    "bicubic": (cubic, 4.0),
    "lanczos": (lanczos3, 6.0),
    "area": (triangle, 2.0),  # its kernel depends on the scale: `overlap`
}


@dataclass(frozen=True)
class _Block:
    """The outputs [first, last) of an axis as a matrix on the inputs [start, stop)."""

    first: int
    last: int
    start: int
    stop: int
    matrix: NDArray[np.float64]


@dataclass(frozen=True)
class _Axis:
    """Everything about one axis that does not depend on the picture."""

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]
    blocks: list[_Block]
    doubt: float  # float32 sums closer than this to a half are not sure; 0 where they are exact


@lru_cache(maxsize=64)
def _axis(
    length: int,
    new_length: int,
    scale: float,
    method: Method,
    antialias: bool,
    border: Border,
    interleave: int,
) -> _Axis:
    indices, weights = axis_weights(length, new_length, scale, method, antialias, border)
    blocks = []
    for first in range(0, new_length, _BLOCK):
        rows = slice(first, min(first + _BLOCK, new_length))
        start, stop = int(indices[rows].min()), int(indices[rows].max()) + 1
        matrix = np.zeros((rows.stop - first, stop - start))
        np.add.at(matrix, (np.arange(len(matrix))[:, None], indices[rows] - start), weights[rows])
        blocks.append(_Block(first, rows.stop, start, stop, _fold_channels(matrix, interleave)))
    return _Axis(indices, weights, blocks, _doubt(weights))


def _fold_channels(matrix: NDArray[np.float64], interleave: int) -> NDArray[np.float64]:
    """Let a matrix on pixels work on pixels whose channels lie side by side."""
    if interleave == 1:
        return matrix
    return np.kron(matrix, np.eye(interleave)).astype(np.float64, copy=False)


def _doubt(weights: NDArray[np.float64]) -> float:
    """Largest error of a float32 sum of weights times values in [-128, 127].

    Zero where the weights are multiples of 2**-16 and all partial sums fit in 24 bits.
    """
    total = float(np.abs(weights).sum(axis=1).max())
    scaled = weights * 2.0**16
    if np.array_equal(scaled, np.rint(scaled)) and total * 2**16 * 128 < 2**24:
        return 0.0
    # One rounding a weight, a product and a sum each (Higham, "Accuracy and Stability of
    # Numerical Algorithms", section 3.1), two more for the offset; doubled to be safe.
    return 2 * (weights.shape[1] + 4) * 2.0**-24 * total * 256


def _resize_picture(
    image: NDArray[Any],
    scale: float | Fraction,
    method: Method,
    antialias: bool,
    border: Border,
) -> NDArray[Any]:
    if scale <= 0:
        raise ValueError(f"scale must be positive, not {scale}")
    height, width = (output_length(side, scale) for side in image.shape[:2])
    channels = image.shape[2] if image.ndim == 3 else 1
    # One plane with the channels side by side in a row: no transposition either way.
    plane = np.ascontiguousarray(image).reshape(1, image.shape[0], -1)
    scales = [float(scale), float(scale)]
    result = _resize(plane, (height, width), scales, channels, method, antialias, border)
    return result.reshape(height, width, *image.shape[2:])


def output_length(length: int, scale: float | Fraction) -> int:
    """MATLAB's ceil(length * scale), free of the floating-point error of the product."""
    simple = Fraction(scale).limit_denominator(10_000)
    exact = simple if math.isclose(simple, scale, rel_tol=1e-12) else Fraction(scale)
    return math.ceil(length * exact)


def _resize(
    planes: NDArray[Any],
    size: Sequence[int],
    scales: Sequence[float],
    interleave: int,
    method: Method,
    antialias: bool,
    border: Border,
) -> NDArray[Any]:
    for axis in sorted((0, 1), key=lambda axis: scales[axis]):
        channels = interleave if axis == 1 else 1
        length = planes.shape[axis + 1] // channels
        plan = _axis(length, size[axis], scales[axis], method, antialias, border, channels)
        planes = _pass(planes, plan, axis, channels)
    return planes


def _pass(planes: NDArray[Any], plan: _Axis, axis: int, interleave: int) -> NDArray[Any]:
    """Apply a plan along the height (axis 0) or the width (axis 1) of (P, H, W * interleave)."""
    shape = list(planes.shape)
    shape[axis + 1] = len(plan.indices) * interleave
    result = np.empty(shape, planes.dtype)
    for block in plan.blocks:
        inputs = slice(block.start * interleave, block.stop * interleave)
        outputs = slice(block.first * interleave, block.last * interleave)
        source = planes[:, inputs] if axis == 0 else planes[:, :, inputs]
        target = result[:, outputs] if axis == 0 else result[:, :, outputs]
        if planes.dtype == np.uint8:
            _rounded_product(source, target, block, plan, axis, interleave)
        else:
            target[...] = _product(block.matrix, source, axis)
    return result


def _product(matrix: NDArray[Any], source: NDArray[Any], axis: int) -> NDArray[Any]:
    return matrix @ source if axis == 0 else source @ matrix.T


def _rounded_product(
    source: NDArray[np.uint8],
    target: NDArray[np.uint8],
    block: _Block,
    plan: _Axis,
    axis: int,
    interleave: int,
) -> None:
    # Around zero the sums are smaller, so that x8 still fits into 24 bits.
    centred = source.astype(np.float32)
    centred -= 128
    sums = _product(block.matrix.astype(np.float32), centred, axis)
    sums += 128.5
    if plan.doubt:
        doubtful = np.abs(sums - np.rint(sums)) < plan.doubt
    np.clip(sums, 0, 255, out=sums)
    target[...] = sums  # conversion cuts the fraction off: with the half added, rounds half up
    if plan.doubt and doubtful.any():
        places = np.nonzero(doubtful)
        target[places] = _exact(source, places, block, plan, axis, interleave)


def _exact(
    source: NDArray[np.uint8],
    places: tuple[NDArray[np.int64], ...],
    block: _Block,
    plan: _Axis,
    axis: int,
    interleave: int,
) -> NDArray[np.uint8]:
    """Values at some places of a block, in double precision and in MATLAB's order of taps."""
    plane, row, column = places
    output = row if axis == 0 else column // interleave
    total = np.zeros(len(plane))
    for tap in range(plan.weights.shape[1]):
        position = plan.indices[block.first + output, tap] - block.start
        if axis == 0:
            value = source[plane, position, column]
        else:
            value = source[plane, row, position * interleave + column % interleave]
        total += plan.weights[block.first + output, tap] * value
    return np.clip(np.floor(total + 0.5), 0, 255).astype(np.uint8)
