"""A perceptual hash that finds the same photograph after cropping, flips, re-encoding, resizing.

The luma is averaged to 32x32, and the signs of its lowest 16x16 DCT coefficients are the hash
(after Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section
3.2.1; signs instead of a comparison with the median, so that mirroring a picture inverts known
bits, and the eight symmetries are compared without hashing again).

A crop to a multiple of the scale shifts what a hash sees, on small pictures by too much. So
besides the whole picture, what is left by cropping to multiples of 24 towards each corner is
hashed: for every scale that divides 24, and before or after a flip, that is the same pixels.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.images.picture import Picture

SIDE = 32
FREQUENCIES = 16
# The mean itself (frequency 0, 0) says nothing of the content.
NUM_BITS = FREQUENCIES**2 - 1
MULTIPLE = 24  # of the scales 2, 3, 4, 6, 8

THRESHOLD = 40
"""Pictures whose hashes differ in at most so many of the 255 bits are taken for the same one.

Measured on 226 photographs (T91, General100, Set5, Set14, scikit-image's), see the tests.
"""

Bits = NDArray[np.int8]
"""(5, NUM_BITS), each 1 or -1: the whole, then cropped towards each of `_CORNERS`."""

_CORNERS = list(product((0, 1), (0, 1)))  # (bottom, right)


def fingerprint(picture: Picture) -> Bits:
    """Hash a picture: the whole, and cropped towards each corner."""
    grey = np.asarray(Image.fromarray(picture).convert("L"), dtype=np.float32)
    crops = [_crop(grey, bottom, right) for bottom, right in _CORNERS]
    return np.stack([_hash(view) for view in (grey, *crops)])


def distances(first: Bits, second: Bits) -> NDArray[np.int64]:
    """Number of differing bits, at the best of the eight symmetries of a rectangle.

    Args:
        first: Hashes of N pictures, (N, 5, NUM_BITS).
        second: Hashes of M pictures, (M, 5, NUM_BITS).

    Returns:
        (N, M), 0 for the same picture.
    """
    agreement = np.full((len(first), len(second)), -np.inf, dtype=np.float32)
    left = np.ascontiguousarray(first.transpose(1, 0, 2), dtype=np.float32)
    for symmetry in product((0, 1), (0, 1), (False, True)):
        for view, bits in enumerate(_transformed(second, symmetry)):
            np.maximum(agreement, left[view] @ bits.astype(np.float32).T, out=agreement)
    return ((NUM_BITS - agreement) / 2).astype(np.int64)


def _crop(grey: NDArray[np.float32], bottom: int, right: int) -> NDArray[np.float32]:
    height, width = (side - side % MULTIPLE or side for side in grey.shape)
    top, left = bottom * (grey.shape[0] - height), right * (grey.shape[1] - width)
    return grey[top : top + height, left : left + width]


def _hash(grey: NDArray[np.float32]) -> NDArray[np.int8]:
    height, width = grey.shape
    coefficients = _basis(height) @ grey @ _basis(width).T
    return np.where(coefficients.ravel()[1:] >= 0, 1, -1).astype(np.int8)


@lru_cache(maxsize=64)
def _basis(length: int) -> NDArray[np.float32]:
    """(FREQUENCIES, length): averages over SIDE equal areas, then their DCT-II."""
    edges = np.arange(SIDE + 1) * length / SIDE
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    dct = np.cos(np.pi * np.arange(FREQUENCIES)[:, None] * (np.arange(SIDE) + 0.5) / SIDE)
    return (dct @ np.maximum(overlap, 0)).astype(np.float32) / length


def _transformed(bits: Bits, symmetry: tuple[int, int, bool]) -> Iterator[NDArray[np.int8]]:
    """The hashes that mirrored and then transposed pictures would have, a view at a time."""
    flip_down, flip_across, transpose = symmetry
    down, across = np.indices((FREQUENCIES, FREQUENCIES))
    signs = (-1) ** (down * flip_down + across * flip_across)
    order = np.arange(FREQUENCIES**2).reshape(FREQUENCIES, FREQUENCIES)
    if transpose:
        signs, order = signs.T, order.T
    columns, factors = order.ravel()[1:] - 1, signs.ravel()[1:].astype(np.int8)
    yield bits[:, 0, columns] * factors
    for corner in _CORNERS:
        bottom, right = corner[::-1] if transpose else corner
        origin = _CORNERS.index((bottom ^ flip_down, right ^ flip_across))
        yield bits[:, 1 + origin, columns] * factors
