"""The steerable pyramid with filters `sp5`, as far as VIF and IFC look at it.

Of six orientations a level they use two, the derivatives along the width and the height; the
high-pass and low-pass residuals are not needed. Borders are mirrored about the edge pixels
(`reflect1` of the authors' toolbox), sizes halve rounding up.

References:
    Simoncelli and Freeman, "The Steerable Pyramid", ICIP 1995; Karasaridis and Simoncelli, "A
    Filter Design Technique for Steerable Pyramid Image Transforms", ICASSP 1996. Coefficients:
    `sp5Filters` of the authors' matlabPyrTools; pyrtools has the same.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

NUM_LEVELS = 4
# The toolbox wants 9 pixels, its low-pass filter's side, left at every level.
SMALLEST_SIDE = 9 * 2 ** (NUM_LEVELS - 1)

# Columns of output of one matrix product; from 8 to 24 it makes no difference.
_BLOCK = 16

# Top left quarters with the middle row and column: both filters are even along both axes.
_LOW_FIRST = (
    (0.00341614, -0.01551246, -0.03848215),
    (-0.01551246, 0.05586982, 0.1592557),
    (-0.03848215, 0.1592557, 0.40304148),
)
_LOW = (
    (0.00085404, -0.00244917, -0.00387812, -0.00944432, -0.00962054),
    (-0.00244917, -0.00523281, -0.00661117, 0.0041060, 0.01002988),
    (-0.00387812, -0.00661117, 0.01396746, 0.03277038, 0.03981393),
    (-0.00944432, 0.0041060, 0.03277038, 0.06426333, 0.08169618),
    (-0.00962054, 0.01002988, 0.03981393, 0.08169618, 0.1009654),
)
# Even along the height, odd along the width, whose middle column is zero.
_BAND = (
    (0.00277643, -0.00986904, -0.01021852),
    (0.00496194, -0.00893064, -0.03075356),
    (0.01026699, 0.01189859, -0.08226445),
    (0.01455399, 0.02755155, -0.11732297),
)


def oriented_bands(x: Tensor) -> list[Tensor]:
    """Two oriented bands of each level, from fine to coarse.

    Args:
        x: Picture, (H, W), double precision, each side at least `SMALLEST_SIDE`.

    Returns:
        For each level (2, H', W'): the derivative along the width, then along the height.
    """
    low = correlate(x, _low_first())[0]
    levels = []
    for level in range(NUM_LEVELS):
        levels.append(correlate(low, _bands()))
        if level < NUM_LEVELS - 1:
            low = correlate(low, _low(), stride=2)[0]
    return levels


def correlate(x: Tensor, filters: Tensor, stride: int = 1) -> Tensor:
    """Correlate a picture with square filters, mirrored at the edge pixels.

    Each row of the filters is a banded matrix, and the result the sum of the products of shifted
    rows with them: see `windows` for why.

    Args:
        x: (H, W).
        filters: (F, K, K) with K odd, of the same type.
        stride: Keeps every so many pixels, the first included.

    Returns:
        (F, ceil(H / stride), ceil(W / stride)).
    """
    num_filters, size, _ = filters.shape
    rows, columns = ((length - 1) // stride + 1 for length in x.shape)
    padded = functional.pad(x[None, None], (size // 2,) * 4, mode="reflect")[0, 0]
    span = (rows - 1) * stride + 1
    result = x.new_empty(num_filters, rows, columns)
    matrices = _banded(filters, min(_BLOCK, columns), stride)
    for start in range(0, columns, _BLOCK):
        count = min(_BLOCK, columns - start)
        slab = padded.narrow(1, start * stride, (count - 1) * stride + size)
        total = x.new_zeros(rows, num_filters * count)
        for row in range(size):
            matrix = matrices[row, : slab.shape[1], :, :count].reshape(slab.shape[1], -1)
            total.addmm_(slab[row : row + span : stride], matrix)
        result[..., start : start + count] = total.view(rows, num_filters, count).transpose(0, 1)
    return result


def _banded(filters: Tensor, outputs: int, stride: int) -> Tensor:
    """(K, inputs, F, outputs): for each row of the filters, what an input adds to an output."""
    num_filters, size, _ = filters.shape
    matrices = filters.new_zeros(size, (outputs - 1) * stride + size, num_filters, outputs)
    for output in range(outputs):
        start = output * stride
        matrices[:, start : start + size, :, output] = filters.permute(1, 2, 0)
    return matrices


@lru_cache
def _low_first() -> Tensor:
    return _even(_LOW_FIRST)[None]


@lru_cache
def _low() -> Tensor:
    return 2 * _even(_LOW)[None]


@lru_cache
def _bands() -> Tensor:
    left = torch.tensor(_BAND, dtype=torch.float64)
    left = torch.cat([left, left[:-1].flip(0)])
    along_width = torch.cat([left, torch.zeros(len(left), 1, dtype=left.dtype), -left.flip(1)], 1)
    return torch.stack([along_width, -along_width.mT])


def _even(quarter: tuple[tuple[float, ...], ...]) -> Tensor:
    top_left = torch.tensor(quarter, dtype=torch.float64)
    top = torch.cat([top_left, top_left[:, :-1].flip(1)], 1)
    return torch.cat([top, top[:-1].flip(0)])
