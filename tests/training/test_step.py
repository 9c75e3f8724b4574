"""The loss of one step."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.losses import LossValue, build_loss
from pipeline.training.feed import Batch
from pipeline.training.shrink import shrink
from pipeline.training.step import check_finite, culprits_of, numbers_of, supervised_loss

LOSS = [{"name": "l1", "weight": 2.0}, {"name": "l2", "weight": 0.5}]


def test_levels_are_added_and_iterations_averaged():
    hr = torch.rand(2, 3, 16, 16)
    level, first, second = torch.rand(2, 3, 8, 8), torch.rand_like(hr), torch.rand_like(hr)
    loss = build_loss(LOSS)
    value = supervised_loss([level, first, second], hr, loss)
    low = loss(level, shrink(hr, (8, 8)))
    one, two = loss(first, hr), loss(second, hr)
    torch.testing.assert_close(value.total, low.total + (one.total + two.total) / 2)
    for name in ("l1", "l2"):
        expected = low.parts[name] + (one.parts[name] + two.parts[name]) / 2
        torch.testing.assert_close(value.parts[name], expected)
    torch.testing.assert_close(value.total, sum(value.shares.values()))


def test_a_loss_that_is_not_finite_is_named():
    sr = torch.rand(1, 3, 8, 8)
    sr[0, 0, 0, 0] = float("inf")
    value = supervised_loss([sr], torch.rand(1, 3, 8, 8), build_loss(LOSS))
    with pytest.raises(UserError, match=r"^step 7: .*l1 is inf, l2 is inf.* Set/a, Set/b;"):
        check_finite(numbers_of(value), step=7, culprits=lambda: ["Set/a", "Set/b", "Set/a"])


def test_only_the_pictures_whose_own_loss_is_not_finite_are_named():
    names = ["Set/a", "Set/b", "Set/c"]
    batch = Batch(torch.zeros(3, 3, 4, 4), torch.zeros(3, 3, 8, 8), names, 0)
    batch.lr[1] = float("nan")
    loss = build_loss([{"name": "l1"}])

    def value_of(part: Batch) -> LossValue:
        return loss(part.lr, part.hr[..., :4, :4])

    assert culprits_of(batch, value_of) == ["Set/b"]


def test_an_adversarial_term_judges_the_final_output_in_full():
    term = {
        "name": "adversarial",
        "kind": "hinge",
        "weight": 0.5,
        "discriminator": {"name": "vgg", "num_features": 4, "head": "pooled", "norm": "none"},
    }
    loss = build_loss([{"name": "l1"}, term])
    hr, first, second = (torch.rand(2, 3, 16, 16) for _ in range(3))
    value = supervised_loss([first, second], hr, loss, step=0)
    alone = loss(second, hr, step=0)
    torch.testing.assert_close(value.shares["adversarial"], alone.shares["adversarial"])
    torch.testing.assert_close(value.total, sum(value.shares.values()))
    assert torch.equal(value.seen["adversarial"].fake, second)
