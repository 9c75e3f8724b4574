"""Pixel losses against closed forms."""

import pytest
import torch

from pipeline.losses import build_loss

HR = torch.full((2, 3, 4, 5), 0.5)


@pytest.mark.parametrize(
    ("term", "difference", "expected"),
    [
        ({"name": "l1"}, 0.2, 0.2),
        ({"name": "l1"}, -0.2, 0.2),
        ({"name": "l2"}, 0.2, 0.04),
        ({"name": "smooth_l1", "beta": 0.5}, 0.2, 0.04),  # 0.2^2 / (2 * 0.5)
        ({"name": "smooth_l1", "beta": 0.1}, 0.2, 0.15),  # 0.2 - 0.1 / 2
        ({"name": "charbonnier", "epsilon": 0.3}, 0.4, 0.5),  # 3-4-5 triangle
    ],
)
def test_a_constant_difference_gives_the_closed_form(
    term: dict, difference: float, expected: float
):
    assert build_loss([term])(HR + difference, HR).total.item() == pytest.approx(expected, rel=1e-5)


def test_charbonnier_tends_to_l1_and_bounds_it_from_above():
    sr, hr = torch.rand(2, 1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    l1 = build_loss([{"name": "l1"}])(sr, hr).total
    sharp = build_loss([{"name": "charbonnier", "epsilon": 1e-6}])(sr, hr).total
    blunt = build_loss([{"name": "charbonnier", "epsilon": 0.1}])(sr, hr).total
    assert blunt > l1
    torch.testing.assert_close(sharp, l1)
