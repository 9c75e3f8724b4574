"""Means and screening against hand-computed examples and scipy."""

import numpy as np
import pytest
from scipy import stats

from pipeline.study.ratings import mean_interval, screen_observers

# Ten grades with the last one far above: mean 2.6, sum of squares 10.4, of fourth powers 40.352.
# Kurtosis (40.352 / 10) / (10.4 / 10)^2 = 3.731, in [2, 4]; deviation sqrt(10.4 / 9) = 1.0750;
# so the limit is 2.1499, and 5 - 2.6 = 2.4 is beyond it while 1 - 2.6 = -1.6 is not.
UP = [1, 2, 2, 2, 2, 3, 3, 3, 3, 5]
DOWN = [6 - grade for grade in UP]
LAST = 9


def grades(*stimuli: list[int]) -> np.ndarray:
    return np.array(stimuli, dtype=float).T


def test_the_example_has_the_moments_computed_by_hand():
    assert np.mean(UP) == pytest.approx(2.6)
    assert stats.kurtosis(UP, fisher=False) == pytest.approx(4.0352 / 1.04**2)
    assert np.std(UP, ddof=1) == pytest.approx((10.4 / 9) ** 0.5)


def test_an_observer_far_off_on_both_sides_is_rejected():
    found = screen_observers(grades(UP, DOWN, UP, DOWN))
    assert found.above[LAST] == 2
    assert found.below[LAST] == 2
    assert found.rejected.tolist() == [False] * 9 + [True]
    assert found.above[:LAST].sum() == found.below[:LAST].sum() == 0


def test_an_observer_who_is_merely_lenient_stays():
    found = screen_observers(grades(UP, UP, UP, UP))
    assert found.above[LAST] == 4
    assert not found.rejected.any()


@pytest.mark.parametrize(("up", "down", "rejected"), [(7, 4, True), (13, 7, False)])
def test_the_imbalance_that_saves_an_observer_is_three_tenths(up: int, down: int, rejected: bool):
    # |7 - 4| / 11 = 0.27 and |13 - 7| / 20 = 0.3
    found = screen_observers(grades(*[UP] * up, *[DOWN] * down))
    assert found.rejected[LAST] == rejected


@pytest.mark.parametrize(("usual", "rejected"), [(38, False), (37, True)])
def test_more_than_a_twentieth_has_to_be_far_off(usual: int, rejected: bool):
    # 2 of 40 are 5 %, which is not more than 5 %; 2 of 39 are.
    plain = [2, 3, 2, 3, 2, 3, 2, 3, 2, 3]
    found = screen_observers(grades(UP, DOWN, *[plain] * usual))
    assert (found.above[LAST], found.below[LAST]) == (1, 1)
    assert found.rejected[LAST] == rejected


@pytest.mark.parametrize(("others", "far"), [(24, 1), (18, 0)])
def test_where_grades_are_not_normal_the_limit_is_the_root_of_twenty(others: int, far: int):
    # With n grades of which one differs by d: d (n - 1) / n against sqrt(20) d / sqrt(n), so that
    # the one is far off from (n - 1) >= sqrt(20 n) on: n = 25 gives 24 > 22.4, n = 19 18 < 19.5.
    found = screen_observers(grades([3] * others + [5]))
    assert found.above[-1] == far
    assert found.below.sum() == 0


def test_a_stimulus_that_all_grade_alike_counts_for_nobody():
    found = screen_observers(grades([4] * 10, [4] * 10))
    assert found.above.sum() == found.below.sum() == 0
    assert not found.rejected.any()


def test_missing_grades_change_nothing_for_others():
    full = screen_observers(grades(UP, DOWN, UP, DOWN))
    missing = np.vstack([grades(UP, DOWN, UP, DOWN), np.full((1, 4), np.nan)])
    found = screen_observers(missing)
    assert found.rejected.tolist() == [*full.rejected.tolist(), False]
    assert found.above.tolist() == [*full.above.tolist(), 0]


def test_the_interval_is_students():
    values = np.array([3.0, 4, 4, 5, 2, 3, 4])
    mean = mean_interval(np.append(values, np.nan))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean.low, mean.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert mean.answers == 7
    # By hand: mean 25/7, variance (95 - 625/7) / 6, t(6) = 2.4469.
    half = 2.4469 * ((95 - 625 / 7) / 6 / 7) ** 0.5
    assert mean.high - mean.mean == pytest.approx(half, abs=1e-4)


def test_with_many_observers_it_is_the_interval_of_the_recommendation():
    values = np.random.default_rng(0).integers(1, 6, 4000).astype(float)
    mean = mean_interval(values)
    assert mean.high - mean.mean == pytest.approx(1.96 * values.std(ddof=1) / 4000**0.5, rel=1e-3)


@pytest.mark.parametrize("values", [[], [4.0]])
def test_fewer_than_two_grades_have_no_interval(values: list[float]):
    mean = mean_interval(np.array(values))
    assert np.isnan(mean.low)
    assert mean.answers == len(values)
