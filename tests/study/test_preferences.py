"""Shares and the Bradley-Terry model against closed forms and a general optimiser."""

import numpy as np
import pytest
from scipy import optimize

from pipeline.study.preferences import bradley_terry, resample_observers, shares, wilson_share


def test_wilsons_interval_is_its_closed_form():
    wins, count, z = 17, 24, 1.959964
    centre = (wins + z**2 / 2) / (count + z**2)
    half = z / (count + z**2) * (wins * (count - wins) / count + z**2 / 4) ** 0.5
    share = wilson_share(wins, count)
    assert share == pytest.approx((wins / count, centre - half, centre + half), abs=1e-6)


def test_of_two_methods_the_difference_of_worths_is_the_log_odds():
    worth = bradley_terry(np.array([[0.0, 17], [7, 0]]))
    assert worth[0] - worth[1] == pytest.approx(np.log(17.5 / 7.5), abs=1e-9)
    assert worth.sum() == pytest.approx(0, abs=1e-12)


def test_worths_are_the_maximum_of_the_likelihood():
    wins = np.array([[0.0, 9, 14, 3], [5, 0, 8, 2], [1, 4, 0, 3], [6, 0, 11, 0]])

    def loss(value: np.ndarray) -> float:
        odds = np.log1p(np.exp(value[None, :] - value[:, None]))
        return float(((wins + 0.5 * (wins + wins.T > 0)) * odds).sum()) + value.sum() ** 2

    best = optimize.minimize(loss, np.zeros(4), tol=1e-12)
    assert bradley_terry(wins) == pytest.approx(best.x - best.x.mean(), abs=1e-4)


def test_a_circle_of_preferences_has_no_best():
    wins = np.array([[0.0, 6, 2], [2, 0, 6], [6, 2, 0]])
    assert bradley_terry(wins) == pytest.approx([0, 0, 0], abs=1e-9)


def test_a_method_that_always_won_has_a_finite_worth():
    worth = bradley_terry(np.array([[0.0, 40, 40], [0, 0, 20], [0, 20, 0]]))
    # The others are equal, so each pair's difference is its log odds, with half a win added.
    assert worth == pytest.approx(np.log(40.5 / 0.5) * np.array([2, -1, -1]) / 3, abs=1e-9)


def test_true_worths_are_found_again_within_their_intervals():
    random = np.random.default_rng(1)
    true = np.array([1.0, 0.2, -1.2])
    wins = np.zeros((200, 3, 3))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        won = random.binomial(6, 1 / (1 + np.exp(true[j] - true[i])), 200)
        wins[:, i, j], wins[:, j, i] = won, 6 - won
    share, worth = resample_observers(wins)
    assert worth.value == pytest.approx(true, abs=0.15)
    assert (worth.low < true).all()
    assert (true < worth.high).all()
    assert (worth.high - worth.low < 0.4).all()
    assert share.value == pytest.approx(shares(wins.sum(axis=0)))


def test_one_observer_has_no_interval():
    share, worth = resample_observers(np.array([[[0.0, 3], [1, 0]]]))
    assert share.value == pytest.approx([0.75, 0.25])
    assert np.isnan(worth.low).all()
