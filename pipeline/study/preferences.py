"""Statistics of paired comparisons: shares with intervals, and the Bradley-Terry model."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Wins = NDArray[np.float64]
"""(methods, methods): how often the row's method was preferred to the column's."""

_RESAMPLES = 2000


class Share(NamedTuple):
    """A share of wins with its 95 % interval; NaN without comparisons."""

    share: float
    low: float
    high: float


class Worths(NamedTuple):
    """Values of methods with 95 % intervals, each (methods,)."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def wilson_share(wins: int, count: int) -> Share:
    """Share of wins with Wilson's score interval.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if count == 0:
        return Share(np.nan, np.nan, np.nan)
    interval = stats.binomtest(wins, count).proportion_ci(method="wilson")
    return Share(wins / count, float(interval.low), float(interval.high))


def bradley_terry(wins: Wins) -> NDArray[np.float64]:
    """Log-worths of methods: i is preferred to j with probability 1 / (1 + exp(v_j - v_i)).

    Half a win is added to both sides of every compared pair, so that a method that always won
    has a finite worth (Haldane's correction of the log-odds).

    Args:
        wins: (M, M).

    Returns:
        (M,), of mean zero; maximum likelihood, by Newton's method.

    References:
        Bradley and Terry, "Rank analysis of incomplete block designs I", Biometrika 1952.
    """
    compared = (wins + wins.T) > 0
    won = wins + 0.5 * compared
    total = won + won.T
    value = np.zeros(len(wins))
    for _ in range(100):
        chance = 1 / (1 + np.exp(value[None, :] - value[:, None]))
        slope = (won - total * chance).sum(axis=1)
        curvature = total * chance * (1 - chance)
        hessian = np.diag(curvature.sum(axis=1)) - curvature
        step = np.linalg.pinv(hessian) @ slope  # pinv: a constant added to all changes nothing
        value = value + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    return value - value.mean()


def shares(wins: Wins) -> NDArray[np.float64]:
    """Share of its comparisons that each method won, (M,)."""
    count = (wins + wins.T).sum(axis=1)
    return np.divide(wins.sum(axis=1), count, out=np.full(len(wins), np.nan), where=count > 0)


def resample_observers(wins: NDArray[np.float64]) -> tuple[Worths, Worths]:
    """Shares and log-worths with intervals over observers, whose answers hang together.

    Percentile bootstrap over whole observers, always the same resamples.

    Args:
        wins: (observers, M, M).

    Returns:
        Shares, log-worths.
    """
    total = wins.sum(axis=0)
    if len(wins) < 2:
        unknown = np.full(len(total), np.nan)
        found = (shares(total), bradley_terry(total))
        return Worths(found[0], unknown, unknown), Worths(found[1], unknown, unknown)
    chosen = np.random.default_rng(0).integers(len(wins), size=(_RESAMPLES, len(wins)))
    weights = np.stack([np.bincount(row, minlength=len(wins)) for row in chosen])
    drawn = np.tensordot(weights.astype(np.float64), wins, axes=1)
    return (
        _with_interval(shares(total), np.stack([shares(sample) for sample in drawn])),
        _with_interval(bradley_terry(total), np.stack([bradley_terry(s) for s in drawn])),
    )


def _with_interval(value: NDArray[np.float64], samples: NDArray[np.float64]) -> Worths:
    low, high = np.nanpercentile(samples, [2.5, 97.5], axis=0)
    return Worths(value, low, high)
