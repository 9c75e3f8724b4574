from collections import Counter

import numpy as np
import pytest
from pydantic import TypeAdapter

from pipeline.degradation.compose import AnyStep, check_chain, unfold

CHAIN = TypeAdapter(list[AnyStep])


def chain(*steps):
    return CHAIN.validate_python([{"name": s} if isinstance(s, str) else s for s in steps])


def orders(steps, count):
    return Counter(
        tuple(step.name for step in unfold(steps, np.random.default_rng(seed)))
        for seed in range(count)
    )


def test_shuffle_gives_every_order_equally_often():
    steps = chain({"name": "shuffle", "steps": [{"name": n} for n in ("jpeg", "webp", "box_blur")]})
    found = orders(steps, 1200)
    assert len(found) == 6
    assert all(count == pytest.approx(200, abs=60) for count in found.values())


def test_shuffled_resizes_keep_their_order():
    steps = chain(
        {
            "name": "shuffle",
            "steps": [
                {"name": "resize", "factor": 0.5},
                {"name": "jpeg"},
                {"name": "resize"},
                {"name": "box_blur"},
            ],
        }
    )
    for seed in range(50):
        resizes = [
            step.factor
            for step in unfold(steps, np.random.default_rng(seed))
            if step.name == "resize"
        ]
        assert resizes == [0.5, None]
    assert len(orders(steps, 300)) == 12


def test_choice_takes_each_way_as_often_as_it_says():
    options = [
        {"probability": 0.5, "steps": [{"name": "jpeg"}]},
        {"probability": 0.2, "steps": [{"name": "box_blur"}, {"name": "webp"}]},
    ]
    found = orders(chain({"name": "choice", "options": options}), 2000)
    assert found[("jpeg",)] == pytest.approx(1000, abs=100)
    assert found[("box_blur", "webp")] == pytest.approx(400, abs=80)
    assert found[()] == pytest.approx(600, abs=90)


def test_a_choice_whose_shares_sum_to_one_never_does_nothing():
    options = [{"probability": 1 / 3, "steps": [{"name": "jpeg"}]}] * 3
    assert orders(chain({"name": "choice", "options": options}), 500) == {("jpeg",): 500}


def test_probabilities_beyond_one_are_refused():
    options = [{"probability": 0.7, "steps": []}] * 2
    with pytest.raises(ValueError, match="exceed 1 together"):
        chain({"name": "choice", "options": options})


def choice_of(*factors):
    return {
        "name": "choice",
        "options": [
            {"probability": 1 / len(factors), "steps": [{"name": "resize", "factor": factor}]}
            for factor in factors
        ],
    }


@pytest.mark.parametrize(
    "steps",
    [
        ["resize"],
        [{"name": "resize", "factor": 0.25}],
        [{"name": "resize", "factor": "1/4"}],
        [{"name": "resize", "reduction": 4}],
        [{"name": "resize", "factor": 0.5}, {"name": "resize", "factor": 0.5}],
        [{"name": "resize", "factor": "2/3"}, {"name": "resize", "factor": "3/8"}],
        [{"name": "resize", "factor": [0.3, 1.5]}, "jpeg", "resize"],
        [{"name": "resize", "factor": 2, "of": "lr"}, {"name": "resize", "factor": 0.5}],
        [choice_of(0.5, "1/2"), {"name": "resize", "reduction": 2}],
        [choice_of(0.5, 0.7), "resize"],
    ],
)
def test_chains_that_lead_to_a_quarter_are_accepted(steps):
    check_chain(chain(*steps), 4)


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        (["jpeg"], "leads to 1 of HR"),
        ([{"name": "resize", "factor": 0.5}], "leads to 1/2 of HR"),
        ([{"name": "resize", "reduction": [2, 6]}], "leads to a drawn size"),
        (["resize", {"name": "resize", "factor": 0.5}], "leads to 1/8 of HR"),
        ([choice_of(0.25, 0.5)], "leads to 1/2 of HR"),
        ([{"name": "shuffle", "steps": [{"name": "jpeg"}] * 2}], "leads to 1 of HR"),
    ],
)
def test_chains_that_lead_elsewhere_are_refused(steps, found):
    with pytest.raises(ValueError, match=found) as raised:
        check_chain(chain(*steps), 4)
    assert "not to 1/4 of HR" in str(raised.value)
    assert "end it with a resize without factor" in str(raised.value)


def test_an_even_kernel_is_refused_unless_an_even_decimation_follows():
    blur = {"name": "gaussian_blur", "size": 12}
    decimate = {"name": "resize", "method": "nearest", "antialias": False}
    check_chain(chain(blur, "jpeg", decimate), 4)
    for steps, scale in (([blur, decimate], 3), ([blur, "resize"], 4), (["resize", blur], 4)):
        with pytest.raises(ValueError, match="even size shifts the picture"):
            check_chain(chain(*steps), scale)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"factor": "one half"}, "a fraction like 1/3"),
        ({"factor": 0}, r"should lie in \[1/64, 64\]"),
        ({"factor": [2, 1]}, r"\[low, high\]"),
        ({"factor": 0.5, "reduction": 2}, "exclude each other"),
        ({"of": "lr"}, "no effect without factor"),
        ({"factor": True}, "should be a number"),
    ],
)
def test_impossible_resizes_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        chain({"name": "resize", **values})
