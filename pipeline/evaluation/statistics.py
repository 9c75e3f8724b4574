"""What a mean over few pictures is worth: intervals and paired tests."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]
RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean and its 95 % bootstrap interval; the ends are None with fewer than two values."""

    mean: float
    low: float | None
    high: float | None


class Paired(NamedTuple):
    """Mean difference over the same pictures, its interval, and a two-sided sign test."""

    difference: Interval
    wins: int
    losses: int
    p_value: float


def bootstrap_mean(values: Values) -> Interval:
    """Mean with its percentile bootstrap interval, always from the same resamples.

    Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 1979.
    """
    if len(values) < 2:
        return Interval(float(values.mean()), None, None)
    chosen = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def compare_paired(ours: Values, theirs: Values) -> Paired:
    """Compare two methods picture by picture; ties do not count in the sign test."""
    difference = ours - theirs
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    tested = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    return Paired(bootstrap_mean(difference), wins, losses, float(tested))
