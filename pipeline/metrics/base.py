"""The contract of a metric."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

MetricFunction = Callable[..., Tensor]
"""`function(sr, hr, *, data_range, border) -> (N,)`, float64.

`sr` and `hr` are (N, C, H, W) in [0, data_range]; `border` pixels are cropped on each side first.
There is no default for range or border. Metrics without reference take `hr` and ignore it, so
that callers never branch.
"""


@dataclass(frozen=True)
class Metric:
    """A metric and what a reader of its values must know.

    Attributes:
        function: See `MetricFunction`.
        higher_is_better: Direction.
        unit: Such as `dB`; empty for pure numbers.
        needs_reference: Whether the HR picture is used.
    """

    function: MetricFunction
    higher_is_better: bool
    unit: str
    needs_reference: bool
