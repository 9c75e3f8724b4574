"""Resizing as a step of a degradation."""

from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BeforeValidator
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Range, Setting, round_to_8_bits
from pipeline.resize import Border, Method, imresize, imresize_float, resize_planes

__all__ = ["Resize", "imresize", "imresize_float", "resize"]


def resize(
    images: Tensor,
    size: tuple[int, int],
    *,
    method: Method,
    antialias: bool,
    border: Border,
    rounded: bool,
) -> Tensor:
    """Resize a batch; the outlines of input and output coincide.

    Args:
        images: float32 (N, C, H, W), 0 to 255.
        size: New height and width.
        method: Interpolation kernel, see `pipeline.resize.imresize`.
        antialias: Widen the kernel when shrinking.
        border: What lies outside a picture.
        rounded: Round to 8 bits before, between and after the axes, as MATLAB does on 8-bit
            pictures; else nothing is rounded.

    Returns:
        float32 (N, C, *size).
    """
    values = round_to_8_bits(images) if rounded else images.double()
    planes = values.reshape(-1, *images.shape[2:]).numpy()
    resized = resize_planes(planes, size, method=method, antialias=antialias, border=border)
    tensor = torch.from_numpy(resized.astype(np.float32))
    return tensor.reshape(*images.shape[:2], *size)


def _factor(value: Any) -> Any:
    """Accept 0.5, "1/3", or a list of two of them in ascending order."""
    ends = value if isinstance(value, list) else [value]
    try:
        factors = [Fraction(end) if isinstance(end, str) else float(end) for end in ends]
    except (TypeError, ValueError, ZeroDivisionError):
        factors = []
    if len(factors) != (2 if isinstance(value, list) else 1) or factors != sorted(factors):
        raise ValueError(f"should be a number, a fraction like 1/3, or [low, high], not {value!r}")
    if not all(Fraction(1, 64) <= factor <= 64 for factor in factors):
        raise ValueError(f"should lie in [1/64, 64], not {value!r}")
    return [float(factor) for factor in factors] if isinstance(value, list) else value


class Resize(Operator):
    """Change the size by a factor, or to what the LR picture shall have.

    Defaults are MATLAB's `imresize` on 8-bit pictures.
    """

    name: Literal["resize"] = "resize"
    method: Method = "bicubic"
    # Of both sides; without it, whatever leads to HR / scale.
    factor: Annotated[float | str | list[float] | None, BeforeValidator(_factor)] = None
    antialias: bool = True
    rounded: bool = True  # to 8 bits before, between and after the axes

    @property
    def fixed_factor(self) -> Fraction | None:
        """The factor, exactly; nothing where it is drawn or follows from the scale."""
        if self.factor is None or isinstance(self.factor, list):
            return None
        return Fraction(self.factor).limit_denominator(10_000)

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`; a drawn factor needs a batch of one."""
        return resize(
            images,
            self._size(images, draws, setting),
            method=self.method,
            antialias=self.antialias,
            border=setting.border,
            rounded=self.rounded,
        )

    def _size(self, images: Tensor, draws: Draws, setting: Setting) -> tuple[int, int]:
        if self.factor is None:
            return setting.lr_size
        factor: Fraction | float | None = self.fixed_factor
        if factor is None:
            interval: Range = self.factor  # type: ignore[assignment]
            (factor,) = draws.uniform(interval)
        height, width = (max(1, int(side * factor + 0.5)) for side in images.shape[2:])
        return height, width
