"""MATLAB's `imresize`, in every pixel.

One axis after the other, height first where both shrink alike, each pass in double precision
with weights normalised per output pixel, rounded half up to uint8 after *each* pass. Bicubic is
Keys' kernel with a = -0.5 (Keys, "Cubic Convolution Interpolation for Digital Image Processing",
IEEE TASSP 1981), widened by 1/scale when shrinking with antialiasing.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["bicubic", "bilinear"]
Border = Literal["symmetric", "replicate"]


def imresize(
    image: NDArray[np.uint8],
    scale: float,
    *,
    method: Method = "bicubic",
    antialias: bool = True,
    border: Border = "symmetric",
) -> NDArray[np.uint8]:
    """Resize an 8-bit picture as MATLAB does.

    Args:
        image: (H, W) or (H, W, C).
        scale: Factor of both sides, such as 0.25 or 4; the result has ceil(side * scale) pixels.
        method: Interpolation kernel.
        antialias: Widen the kernel when shrinking.
        border: `symmetric` as today's MATLAB, `replicate` as the older one whose LR pictures
            many published sets still carry.

    Returns:
        uint8 picture of the new size.
    """
    for axis in (0, 1):
        length = image.shape[axis]
        indices, weights = axis_weights(
            length, math.ceil(length * scale), scale, method, antialias, border
        )
        image = _apply(image, indices, weights, axis)
    return image


def axis_weights(
    length: int, new_length: int, scale: float, method: Method, antialias: bool, border: Border
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Source pixels and their weights for each output pixel along one axis.

    Returns:
        Indices and weights, both (new_length, taps); each row of weights sums to one.
    """
    kernel, support = _KERNELS[method]
    stretch = scale if antialias and scale < 1 else 1.0
    width = support / stretch
    centre = (np.arange(new_length) + 0.5) / scale - 0.5
    first = np.floor(centre - width / 2)
    positions = first[:, None] + np.arange(math.ceil(width) + 2)[None, :]
    weights = stretch * kernel(stretch * (centre[:, None] - positions))
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.any(weights != 0, axis=0)
    return _fold(positions[:, used].astype(np.int64), length, border), weights[:, used]


def _fold(positions: NDArray[np.int64], length: int, border: Border) -> NDArray[np.int64]:
    if border == "replicate":
        return np.clip(positions, 0, length - 1)
    wrapped = positions % (2 * length)
    return np.where(wrapped < length, wrapped, 2 * length - 1 - wrapped)


def _apply(
    image: NDArray[np.uint8], indices: NDArray[np.int64], weights: NDArray[np.float64], axis: int
) -> NDArray[np.uint8]:
    moved = np.moveaxis(image, axis, 0)
    total = np.zeros((len(indices), *moved.shape[1:]))
    for tap in range(indices.shape[1]):
        column = weights[:, tap].reshape(-1, *[1] * (moved.ndim - 1))
        total += column * moved[indices[:, tap]]
    rounded = np.clip(np.floor(total + 0.5), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(rounded, 0, axis))


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = -0.5, zero outside [-2, 2]."""
    distance = np.abs(x)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, np.where(distance <= 2, far, 0.0))


def triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation's kernel, zero outside [-1, 1]."""
    return np.maximum(1 - np.abs(x), 0.0)


_KERNELS = {"bicubic": (cubic, 4.0), "bilinear": (triangle, 2.0)}
