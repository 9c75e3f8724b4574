"""The contract of a metric, and the checks that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pipeline.schema import StrictConfig

MetricFunction = Callable[..., Tensor]
"""`function(sr, hr, *, data_range, border) -> (N,)`, float64.

`sr` and `hr` are (N, C, H, W) in [0, data_range]; `border` pixels are cropped on each side first.
There is no default for range or border. Metrics without reference take `hr` and ignore it, so
that callers never branch. What `options` of a metric names are keywords with a default besides.
"""


class NoOptions(StrictConfig):
    """Options of a metric that has none."""


@dataclass(frozen=True)
class Metric:
    """A metric and what a reader of its values must know.

    Attributes:
        function: See `MetricFunction`.
        higher_is_better: Direction.
        unit: Such as `dB`; empty for pure numbers.
        needs_reference: Whether the HR picture is used.
        options: What can be chosen; its fields are keywords of the function, with the same
            defaults.
    """

    function: MetricFunction
    higher_is_better: bool
    unit: str
    needs_reference: bool
    options: type[StrictConfig] = NoOptions


def crop(x: Tensor, border: int) -> Tensor:
    """Cut `border` pixels off each side.

    Raises:
        ValueError: If the border is negative or nothing would be left.
    """
    height, width = x.shape[-2:]
    if border < 0:
        raise ValueError(f"border must be 0 or more pixels, not {border}")
    if min(height, width) <= 2 * border:
        raise ValueError(f"a border of {border} leaves nothing of a picture of {width}x{height}")
    return x[..., border : height - border, border : width - border]


def checked_pair(
    sr: Tensor, hr: Tensor, *, data_range: float, border: int, smallest: int = 1, metric: str = ""
) -> tuple[Tensor, Tensor]:
    """Check what every metric with a reference asks of its input, and crop the borders.

    Args:
        sr: Picture to judge, (N, C, H, W).
        hr: Reference, same shape.
        data_range: Largest possible intensity, such as 255.
        border: Pixels to cut off each side.
        smallest: Shortest side that the metric is defined for, after the cut.
        metric: Its name, for the message.

    Returns:
        Both pictures, cropped, of unchanged type.

    Raises:
        ValueError: If the shapes differ or are not (N, C, H, W), the range is not positive, or
            the picture is too small.
    """
    if sr.shape != hr.shape:
        raise ValueError(f"shapes differ: {tuple(sr.shape)} and {tuple(hr.shape)}")
    return (
        checked(sr, data_range=data_range, border=border, smallest=smallest, metric=metric),
        crop(hr, border),
    )


def checked(
    sr: Tensor, *, data_range: float, border: int, smallest: int = 1, metric: str = ""
) -> Tensor:
    """Check what every metric asks of one picture, and crop its borders; see `checked_pair`."""
    if sr.ndim != 4:
        raise ValueError(f"pictures must be (N, C, H, W), not {tuple(sr.shape)}")
    if not data_range > 0:
        raise ValueError(f"data_range must be positive, not {data_range}")
    cropped = crop(sr, border)
    height, width = cropped.shape[-2:]
    if min(height, width) < smallest:
        raise ValueError(
            f"{metric} needs pictures of at least {smallest}x{smallest} pixels inside the border; "
            f"this one has {width}x{height}"
        )
    return cropped
