"""The laboratory: every combination either builds, runs and trains, or says why not.

Fast tests take a sample in which every pair of choices that goes together occurs; slow ones take
the full product.
"""

import random
from collections.abc import Sequence
from itertools import combinations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import UserError
from pipeline.models import SRNetwork, network_config
from pipeline.models.laboratory.design import RULES, Design, designs, reason_against
from tests.models.test_learning import losses

SCALES = (2, 3, 4, 8)
VALID = [design for design in designs() if reason_against(design) is None]
INVALID = [design for design in designs() if reason_against(design) is not None]


def name_of(design: Design) -> str:
    return "-".join(design)


def pairs(design: Design) -> set[tuple[tuple[int, str], ...]]:
    return set(combinations(enumerate(design), 2))


def covering(among: Sequence[Design], candidates: int = 40) -> list[Design]:
    """Pick designs, greedily, until every pair of choices that occurs has been picked."""
    generator = random.Random(0)
    missing = set().union(*map(pairs, among))
    picked: list[Design] = []
    while missing:
        fits = [d for d in generator.sample(among, candidates) if pairs(d) & missing]
        fits = fits or [next(d for d in among if pairs(d) & missing)]
        picked.append(max(fits, key=lambda design: len(pairs(design) & missing)))
        missing -= pairs(picked[-1])
    return picked


SAMPLE = covering(VALID)
BY_PLACEMENT_AND_BLOCK = list({(d.placement, d.block): d for d in reversed(SAMPLE)}.values())


def build(design: Design, scale: int, num_blocks: int = 1) -> SRNetwork:
    torch.manual_seed(0)
    values = {"name": "laboratory", "num_features": 16, "num_blocks": num_blocks}
    return network_config(values | design._asdict()).build(scale=scale)


def low_resolution(network: SRNetwork, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, network.num_channels, height, width, generator=generator)


def check(design: Design, scale: int) -> SRNetwork:
    """Run once, whatever the size, and send a gradient back."""
    network = build(design, scale)
    *levels, sr = network.forward_all(low_resolution(network, 3, 5))
    assert sr.shape == (1, 3, 3 * scale, 5 * scale)
    assert sr.isfinite().all()
    assert [level.shape[-1] for level in levels] == [10 * 2**index for index in range(len(levels))]
    return network


def scales_of(design: Design) -> list[int]:
    return [scale for scale in SCALES if reason_against(design, scale=scale) is None]


@pytest.mark.parametrize("design", SAMPLE, ids=name_of)
def test_choices_that_go_together_build_and_run_at_every_scale(design: Design):
    for scale in scales_of(design):
        check(design, scale)


@pytest.mark.parametrize("design", SAMPLE, ids=name_of)
def test_gradient_reaches_every_parameter(design: Design):
    network = build(design, 2, num_blocks=2).eval()  # evaluation: see the contract's test
    outputs = network.forward_all(low_resolution(network, 7, 6))
    loss = sum((sr * torch.randn_like(sr)).mean() for sr in outputs)
    assert isinstance(loss, Tensor)
    loss.backward()
    unreached = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert unreached == []


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_every_valid_combination_builds_and_runs(scale: int):
    turn = SCALES.index(scale)
    with torch.no_grad():
        for index, design in enumerate(VALID):  # each at one of its scales; the sample is at all
            scales = scales_of(design)
            if index % len(SCALES) == turn:
                check(design, scale if scale in scales else 2)


@pytest.mark.parametrize("design", BY_PLACEMENT_AND_BLOCK, ids=name_of)
def test_every_block_trains_wherever_it_enlarges(design: Design):
    first, *others = losses(build(design, 2, num_blocks=2).train(), steps=25)
    assert min(others) < 0.75 * first


@pytest.mark.slow
@pytest.mark.parametrize("design", SAMPLE, ids=name_of)
def test_loss_of_a_fixed_batch_falls_by_half(design: Design):
    first, *others = losses(build(design, 2, num_blocks=2).train(), steps=250)
    assert min(others) < first / 2


@pytest.mark.slow
@pytest.mark.parametrize("design", BY_PLACEMENT_AND_BLOCK, ids=name_of)
def test_every_block_exports_with_dynamic_height_and_width(design: Design):
    network = build(design, 2).eval()
    dynamic = {2: torch.export.Dim("height", min=2), 3: torch.export.Dim("width", min=2)}
    example = low_resolution(network, 9, 10)
    exported = torch.export.export(network, (example,), dynamic_shapes=(dynamic,)).module()
    for height, width in [(2, 2), (13, 6), (8, 17)]:
        lr = low_resolution(network, height, width)
        torch.testing.assert_close(exported(lr), network(lr), rtol=1e-4, atol=1e-5)


def test_valid_and_invalid_combinations_make_up_the_product():
    assert len(VALID) + len(INVALID) == 4 * 10 * 4 * 4 * 6 * 6
    assert len(set(VALID)) == len(VALID)


@pytest.mark.parametrize("design", random.Random(0).sample(INVALID, 20), ids=name_of)
def test_an_invalid_combination_says_why_in_one_sentence(design: Design):
    with pytest.raises(UserError) as caught:
        network_config({"name": "laboratory", **design._asdict()})
    assert reason_against(design) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason.split(":")[0])
def test_every_rule_is_needed_and_names_what_is_allowed(rule):
    others = [other for other in RULES if other is not rule]
    only = [
        (design, scale)
        for design in designs()
        for scale in (None, 3)
        if rule.forbids(design, scale) and not any(o.forbids(design, scale) for o in others)
    ]
    assert only
    assert " takes " in rule.reason.split(":")[1]


def test_progressive_networks_refuse_scales_that_are_no_power_of_two():
    config = network_config({"name": "laboratory", "placement": "progressive"})
    with pytest.raises(ValueError, match="powers of two"):
        config.build(scale=3)


def test_global_skip_starts_at_the_interpolated_picture():
    design = Design("post", "plain", "global", "sub_pixel", "none", "relu")
    network = build(design, 2)
    tails = [module for name, module in network.named_modules() if name.endswith("tail")]
    for tail in tails:
        assert isinstance(tail, nn.Conv2d)
        nn.init.zeros_(tail.weight)
        assert tail.bias is not None
        nn.init.zeros_(tail.bias)
    lr = low_resolution(network, 8, 8)
    inside = (..., slice(4, -4), slice(4, -4))
    cubic = functional.interpolate(lr, scale_factor=2, mode="bicubic", align_corners=False)
    # PyTorch's kernel has a = -0.75, MATLAB's a = -0.5: close, not equal.
    assert (network(lr) - cubic)[inside].abs().max() < 0.1
    assert torch.equal(network(lr), network.interpolate(lr))
