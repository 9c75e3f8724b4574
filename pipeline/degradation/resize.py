"""Resizing as a step of a degradation."""

import math
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BeforeValidator, model_validator
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Range, Setting, round_to_8_bits, within
from pipeline.images.resize import Border, Method, imresize, imresize_float, resize_planes

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
        method: Interpolation kernel, see `pipeline.images.resize.imresize`.
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
    """Accept nothing, 0.5, "1/3", or a list of two of them in ascending order."""
    if value is None:
        return None
    ends = value if isinstance(value, list) else [value]
    try:
        factors = [_one_factor(end) for end in ends]
    except (TypeError, ValueError, ZeroDivisionError):
        factors = []
    if len(factors) != (2 if isinstance(value, list) else 1) or factors != sorted(factors):
        raise ValueError(f"should be a number, a fraction like 1/3, or [low, high], not {value!r}")
    if not all(Fraction(1, 64) <= factor <= 64 for factor in factors):
        raise ValueError(f"should lie in [1/64, 64], not {value!r}")
    return [float(factor) for factor in factors] if isinstance(value, list) else value


def _one_factor(value: Any) -> Fraction | float:
    if isinstance(value, bool):
        raise TypeError("true and false are no factors")
    return Fraction(value) if isinstance(value, str) else float(value)


class Resize(Operator):
    """Change the size by a factor, or to what the LR picture shall have.

    Defaults are MATLAB's `imresize` on 8-bit pictures.
    """

    name: Literal["resize"] = "resize"
    method: Method = "bicubic"
    # Without either, the step leads to HR / scale, whatever has been resized before.
    factor: Annotated[float | str | list[float] | None, BeforeValidator(_factor)] = None
    reduction: Annotated[Range | None, within(1, 64)] = None  # 1 / factor
    of: Literal["input", "lr"] = "input"  # what is multiplied: this step's input, or the LR size
    antialias: bool = True
    rounded: bool = True  # to 8 bits before, between and after the axes

    @model_validator(mode="after")
    def _one_factor(self) -> "Resize":
        if self.factor is not None and self.reduction is not None:
            raise ValueError("factor and reduction exclude each other: give one")
        if self.goes_to_lr and self.of == "lr":
            raise ValueError("of: lr has no effect without factor or reduction")
        return self

    @property
    def goes_to_lr(self) -> bool:
        """Whether the step leads to the size of the LR picture by definition."""
        return self.factor is None and self.reduction is None

    @property
    def fixed_factor(self) -> Fraction | None:
        """The factor, exactly; nothing where it is drawn or follows from the scale."""
        if isinstance(self.reduction, float):
            return 1 / Fraction(self.reduction).limit_denominator(10_000)
        if self.factor is None or isinstance(self.factor, list):
            return None
        return Fraction(self.factor).limit_denominator(10_000)

    @property
    def may_change_shape_by_picture(self) -> bool:
        """See `Operator.may_change_shape_by_picture`."""
        return not self.goes_to_lr and self.fixed_factor is None

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
        if self.goes_to_lr:
            return setting.lr_size
        factor = self.fixed_factor or self._drawn_factor(draws)
        sides = images.shape[2:] if self.of == "input" else setting.lr_size
        height, width = (
            _new_side(side, factor, lr_side)
            for side, lr_side in zip(sides, setting.lr_size, strict=True)
        )
        return height, width

    def _drawn_factor(self, draws: Draws) -> Fraction:
        if isinstance(self.factor, list):
            [factor] = draws.uniform(self.factor)
            return Fraction(factor)
        assert self.reduction is not None
        [reduction] = draws.uniform(self.reduction)
        return 1 / Fraction(reduction)


def _new_side(side: int, factor: Fraction, lr_side: int) -> int:
    """Round half up; what is less than a pixel off the LR picture's side, as after several
    rounded factors, is that side. Outlines coincide whatever the rounding.
    """
    exact = side * factor
    return lr_side if abs(exact - lr_side) < 1 else max(1, math.floor(exact + Fraction(1, 2)))
