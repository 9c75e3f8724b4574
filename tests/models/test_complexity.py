"""Counts agree with published tables, and with counting by hand and by PyTorch's own counter."""

from typing import get_args

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.models import NETWORK_CONFIGS, build_network, network_config
from pipeline.models.catalogue import Comparison, Counted, comparisons
from pipeline.models.complexity import (
    count_multiply_adds,
    count_parameters,
    count_weights,
    multiply_adds_720p,
    on_meta,
)

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}


def range_of(text: str) -> tuple[float, float]:
    """What a published number can stand for: half a unit of its last digit on either side."""
    unit = UNITS.get(text[-1], 1)
    digits = text.rstrip("KMG")
    half = 0.5 * 10 ** -len(digits.partition(".")[2]) if unit > 1 else 0
    return (float(digits) - half) * unit, (float(digits) + half) * unit


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row.config.model_dump()['name']}-{row.config.preset}-x{row.scale}")
        for row in comparisons()
    ],
)
def test_counts_are_the_published_ones_to_the_last_digit(row: Comparison):
    assert row.counted in get_args(Counted)
    size, cost = row.ours()
    low, high = range_of(row.parameters)
    assert low <= size <= high
    if row.multiply_adds:
        low, high = range_of(row.multiply_adds)
        assert low <= cost <= high


def test_srdensenet_is_as_near_to_the_published_counts_as_its_paper_tells():
    """Table of CARN's authors, whose implementation of it is not public."""
    network = build_network({"name": "srdensenet"}, scale=4)
    assert count_weights(network) == pytest.approx(2015e3, rel=7e-3)
    assert multiply_adds_720p(network).published == pytest.approx(389.9e9, rel=3e-3)


def test_published_numbers_are_read_with_their_rounding():
    assert range_of("57K") == (56_500, 57_500)
    assert range_of("1.37M") == pytest.approx((1_365_000, 1_375_000))
    assert range_of("694404") == (694_404, 694_404)


def test_counts_by_hand():
    network = on_meta(network_config({"name": "fsrcnn"}), scale=2)  # 56, 12, 4
    kernels = 25 * 56 + 56 * 12 + 4 * 9 * 12 * 12 + 12 * 56
    biases_and_slopes = 2 * (56 + 12 + 4 * 12 + 56) + 1
    assert count_weights(network) == kernels + 81 * 56
    assert count_parameters(network) == kernels + 81 * 56 + biases_and_slopes
    counts = count_multiply_adds(network, height=10, width=7)
    assert counts.executed == 70 * (kernels + 81 * 56)
    assert counts.published == 70 * (kernels + 4 * 81 * 56)


@pytest.mark.parametrize("name", sorted(NETWORK_CONFIGS))
def test_executed_products_are_those_of_pytorchs_counter(name: str):
    config_class = NETWORK_CONFIGS[name]
    preset = {"preset": next(iter(config_class.presets))} if config_class.presets else {}
    scale = config_class.scales[0]
    network = on_meta(network_config({"name": name, **preset}), scale=scale)
    ours, theirs = [], []
    for height in (24, 48):  # of the difference, since SPAN multiplies kernels at every call
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            network(torch.empty(1, network.num_channels, height, 32, device="meta"))
        theirs.append(counter.get_total_flops() // 2)
        ours.append(count_multiply_adds(network, height=height, width=32).executed)
    # The counter takes the weighted sum of pictures or features for a product, too.
    tolerance = {"drcn": 1e-5, "memnet": 1e-3}.get(name, 0)
    assert ours[1] - ours[0] == pytest.approx(theirs[1] - theirs[0], rel=tolerance, abs=0)


def test_a_third_of_the_width_is_counted_in_proportion():
    network = on_meta(network_config({"name": "carn"}), scale=3)
    whole = count_multiply_adds(network, height=240, width=1280).published  # three times as wide
    assert multiply_adds_720p(network).published == pytest.approx(whole / 3, rel=1e-9)


def test_shapes_have_no_values():
    network = on_meta(network_config({"name": "edsr", "preset": "full"}), scale=4)
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}
    assert not network.training
