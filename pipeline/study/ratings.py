"""Statistics of grades: means with intervals, and which observers to leave out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Grades = NDArray[np.float64]
"""(observers, stimuli); NaN where an observer did not judge a stimulus."""

CONFIDENCE = 0.95


class Mean(NamedTuple):
    """A mean over observers with its 95 % interval; NaN where there are too few of them."""

    mean: float
    low: float
    high: float
    answers: int


class Screening(NamedTuple):
    """What BT.500 counts for each observer.

    Attributes:
        above: P, how many grades lie far above the others'.
        below: Q, how many lie far below.
        rejected: Whether the observer is left out.
    """

    above: NDArray[np.int64]
    below: NDArray[np.int64]
    rejected: NDArray[np.bool_]


def mean_interval(values: Grades) -> Mean:
    """Mean of independent values with Student's interval.

    ITU-R BT.500 takes the normal distribution's 1.96, its limit for many observers; with fewer
    than thirty that is too narrow.

    Args:
        values: (N,), one value an observer; NaN is left out.
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return Mean(float(known.mean()) if len(known) else np.nan, np.nan, np.nan, len(known))
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(known) - 1)
    half = float(quantile * known.std(ddof=1) / np.sqrt(len(known)))
    mean = float(known.mean())
    return Mean(mean, mean - half, mean + half, len(known))


def screen_observers(grades: Grades) -> Screening:
    """Find observers whose grades scatter on both sides of everybody else's.

    A stimulus' grades count as normal if their kurtosis lies in [2, 4]; then a grade is far off
    from 2 standard deviations on, otherwise from sqrt(20). An observer is rejected if more than
    5 % of the grades are far off and they are not mainly on one side (|P - Q| / (P + Q) < 0.3):
    who is merely strict or lenient stays. To be applied once, as the Recommendation says.

    A stimulus that everybody gives the same grade tells nobody apart and is not counted in P and
    Q; by the letter, every grade would be far off both ways.

    Args:
        grades: (observers, stimuli).

    References:
        ITU-R BT.500, screening of observers for single-stimulus methods (BT.500-13, Annex 2,
        section 2.3.1; BT.500-14, part 1).
    """
    judged = ~np.isnan(grades)
    count = judged.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(judged, grades, 0).sum(axis=0) / count
        offset = np.where(judged, grades - mean, 0)
        second, fourth = ((offset**power).sum(axis=0) / count for power in (2, 4))
        kurtosis = fourth / second**2
        deviation = np.sqrt(second * count / (count - 1))
    normal = (kurtosis >= 2) & (kurtosis <= 4)
    limit = np.where(normal, 2.0, np.sqrt(20.0)) * deviation
    telling = judged & (second > 0)
    above = (telling & (offset >= limit)).sum(axis=1)
    below = (telling & (offset <= -limit)).sum(axis=1)
    far = above + below
    often = far > 0.05 * judged.sum(axis=1)
    both_sides = np.abs(above - below) < 0.3 * far
    return Screening(above, below, often & both_sides)
