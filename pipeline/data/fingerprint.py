"""A perceptual hash that finds the same photograph after cropping, flips and re-encoding.

The luma is averaged to 32x32, and the signs of its lowest DCT coefficients are the hash (after
Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1;
signs instead of comparing with the median, so that a mirrored picture has the same hash with
known bits inverted, and the eight symmetries are compared without hashing again).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.images import Picture

SIDE = 32
FREQUENCIES = 10
# The mean itself (frequency 0, 0) says nothing of the content.
NUM_BITS = FREQUENCIES**2 - 1
THRESHOLD = 14
"""Pictures whose hashes differ in at most so many of the 99 bits are taken for the same one."""

Bits = NDArray[np.int8]
"""(NUM_BITS,), each 1 or -1."""


def fingerprint(picture: Picture) -> Bits:
    """Hash a picture: the signs of its low DCT frequencies, row by row without the first."""
    small = (
        Image.fromarray(picture)
        .convert("L")
        .convert("F")
        .resize((SIDE, SIDE), Image.Resampling.BOX)
    )
    coefficients = _DCT @ np.asarray(small, dtype=np.float64) @ _DCT.T
    return np.where(coefficients.ravel()[1:] >= 0, 1, -1).astype(np.int8)


def distances(first: NDArray[np.int8], second: NDArray[np.int8]) -> NDArray[np.int64]:
    """Number of differing bits, at the best of the eight symmetries of a rectangle.

    Args:
        first: Hashes, (N, NUM_BITS).
        second: Hashes, (M, NUM_BITS).

    Returns:
        (N, M), 0 for the same picture.
    """
    left = first.astype(np.float32)
    best = np.full((len(first), len(second)), -np.inf, dtype=np.float32)
    for signs, order in _symmetries():
        np.maximum(best, left @ (second[:, order] * signs).astype(np.float32).T, out=best)
    return ((NUM_BITS - best) / 2).astype(np.int64)


def _dct_rows() -> NDArray[np.float64]:
    """The first rows of the DCT-II matrix, not scaled: only signs are used."""
    frequency = np.arange(FREQUENCIES)[:, None]
    return np.cos(np.pi * frequency * (np.arange(SIDE) + 0.5) / SIDE)


def _symmetries() -> list[tuple[NDArray[np.int8], NDArray[np.int64]]]:
    """What mirroring and transposing do to the bits: signs, and the order they come in."""
    down, across = np.indices((FREQUENCIES, FREQUENCIES))
    grid = np.arange(FREQUENCIES**2).reshape(FREQUENCIES, FREQUENCIES)
    signs = [(-1) ** (down * v + across * h) for v in (0, 1) for h in (0, 1)]
    orders = [grid, grid.T]
    return [
        (sign.ravel()[1:].astype(np.int8), order.ravel()[1:] - 1)
        for sign in signs
        for order in orders
    ]


_DCT = _dct_rows()
