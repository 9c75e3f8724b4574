"""Targets of the levels of a progressive network: MATLAB's bicubic on tensors."""

from functools import lru_cache

import torch
from torch import Tensor

from pipeline.images.resize import axis_weights


def shrink(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Shrink with the antialiased bicubic kernel of MATLAB's `imresize`, without rounding.

    Args:
        x: (N, C, H, W).
        size: New height and width, each not above the old.

    Returns:
        (N, C, *size); `x` itself where the size is the same.
    """
    height, width = x.shape[-2:]
    if (height, width) == size:
        return x
    rows = _matrix(height, size[0]).to(x)
    columns = _matrix(width, size[1]).to(x)
    return rows @ x @ columns.T


@lru_cache(maxsize=32)
def _matrix(length: int, new_length: int) -> Tensor:
    scale = new_length / length
    indices, weights = axis_weights(length, new_length, scale, "bicubic", True, "symmetric")
    matrix = torch.zeros(new_length, length, dtype=torch.float64)
    return matrix.scatter_add_(1, torch.from_numpy(indices), torch.from_numpy(weights)).float()
