"""Weighted means over windows, the step that SSIM and its relatives spend their time in.

A separable filter is two products with banded matrices: blocks of 48 outputs against the
48 + size - 1 inputs they need. Most of the band is zeros, yet on a CPU a small dense product runs
near the machine's peak in double precision, several times faster than its convolutions do. It is
differentiable as it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

# Outputs of one product along either side; 48 was the fastest of 16 to 128.
_BLOCK = 48
# Window positions of a tile: its four or five maps, in double precision, fill the second-level
# cache.
_ROWS, _COLUMNS = 48, 512


@dataclass(frozen=True)
class Window:
    """A separable window of weights, and how far it moves between two outputs.

    Attributes:
        weights: Weights along one side, with the sum 1; the window is their outer product.
        stride: Step in pixels, the same along both sides.
    """

    weights: tuple[float, ...]
    stride: int = 1

    @property
    def size(self) -> int:
        """Pixels along one side."""
        return len(self.weights)

    def outputs(self, length: int) -> int:
        """Number of positions where the window lies inside `length` pixels."""
        return (length - self.size) // self.stride + 1


@lru_cache
def gaussian_window(size: int, sigma: float, stride: int = 1) -> Window:
    """Gaussian window, sampled at pixel centres and normalised, as MATLAB's `fspecial` has it."""
    position = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-position.square() / (2 * sigma**2))
    return Window(tuple((weights / weights.sum()).tolist()), stride)


@lru_cache
def uniform_window(size: int, stride: int) -> Window:
    """Window of equal weights; blocks side by side where the stride is the size."""
    return Window((1.0 / size,) * size, stride)


def tiles(x: Tensor, y: Tensor, window: Window) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut two pictures into overlapping tiles, so small that maps of them stay in cache.

    Args:
        x: (..., H, W).
        y: Same shape.
        window: The tiles' window positions together are those of the whole pictures.

    Yields:
        A tile of each, in double precision.
    """
    for rows in _spans(window, x.shape[-2], _ROWS):
        for columns in _spans(window, x.shape[-1], _COLUMNS):
            yield x[..., rows, columns].double(), y[..., rows, columns].double()


def row_blocks(x: Tensor, y: Tensor, window: Window) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut two pictures into overlapping blocks of whole rows; see `tiles`."""
    for rows in _spans(window, x.shape[-2], _ROWS):
        yield x[..., rows, :].double(), y[..., rows, :].double()


def _spans(window: Window, length: int, positions: int) -> Iterator[slice]:
    """Pixels that each so many window positions look at, along one side."""
    for start in range(0, window.outputs(length), positions):
        count = min(positions, window.outputs(length) - start)
        first = start * window.stride
        yield slice(first, first + (count - 1) * window.stride + window.size)


def window_means(x: Tensor, window: Window) -> Tensor:
    """Weighted mean over each window that lies inside the picture.

    Args:
        x: (..., H, W), floating point.
        window: See `Window`.

    Returns:
        (..., H', W') with the window's number of positions along each side; the type of `x`.
    """
    rows, columns = (window.outputs(length) for length in x.shape[-2:])
    vertical = torch.cat([_band(window, x, n) @ part for n, part in _parts(x, window, rows)], -2)
    # Row-major pictures: the product along the width takes the transposed matrix, not a copy.
    if vertical.requires_grad:
        return torch.cat(
            [p @ _band(window, x, n).mT for n, p in _parts(vertical, window, columns, along=-1)], -1
        )
    flat = vertical.view(-1, vertical.shape[-1])
    result = x.new_empty(len(flat), columns)
    start = 0
    for count, part in _parts(flat, window, columns, along=-1):
        # Into its place at once, without joining the pieces afterwards.
        torch.mm(part, _band(window, x, count).mT, out=result[:, start : start + count])
        start += count
    return result.view(*vertical.shape[:-1], columns)


def _parts(x: Tensor, window: Window, outputs: int, along: int = -2) -> list[tuple[int, Tensor]]:
    """Cut `x` into overlapping parts, each with the number of outputs that it gives."""
    parts = []
    for start in range(0, outputs, _BLOCK):
        count = min(_BLOCK, outputs - start)
        length = (count - 1) * window.stride + window.size
        parts.append((count, x.narrow(along, start * window.stride, length)))
    return parts


def _band(window: Window, like: Tensor, outputs: int) -> Tensor:
    return _cached_band(window, outputs, like.dtype, like.device)


@lru_cache(maxsize=512)
def _cached_band(window: Window, outputs: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(outputs, inputs) matrix whose row i holds the window, moved by i strides."""
    inputs = (outputs - 1) * window.stride + window.size
    # Kept for other callers: it must not become a tensor that autograd refuses.
    with torch.inference_mode(False):
        matrix = torch.zeros(outputs, inputs, dtype=torch.float64)
        weights = torch.tensor(window.weights, dtype=torch.float64)
        for row in range(outputs):
            start = row * window.stride
            matrix[row, start : start + window.size] = weights
        return matrix.to(dtype=dtype, device=device)
