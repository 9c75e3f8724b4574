"""Clipping against its definitions."""

import pytest
import torch
from torch import nn

from pipeline.training.clipping import AdjustableClipConfig, NormClipConfig, ValueClipConfig


def gradients() -> list[torch.Tensor]:
    return [torch.tensor([3.0, -0.1]), torch.tensor([[4.0]])]


def norm(of: list[torch.Tensor]) -> torch.Tensor:
    return nn.utils.get_total_norm(of)


@pytest.mark.parametrize("limit", [0.5, 2.0, 100.0])
def test_the_norm_is_that_of_pytorch(limit: float):
    parameters = [nn.Parameter(torch.zeros_like(g)) for g in gradients()]
    for parameter, gradient in zip(parameters, gradients(), strict=True):
        parameter.grad = gradient
    nn.utils.clip_grad_norm_(parameters, limit)
    mine = gradients()
    NormClipConfig(limit=limit).clip(mine, norm=norm(mine), rate=0.1)
    for one, parameter in zip(mine, parameters, strict=True):
        torch.testing.assert_close(one, parameter.grad)


def test_values_are_brought_into_the_interval():
    mine = gradients()
    ValueClipConfig(limit=1.0).clip(mine, norm=norm(mine), rate=0.1)
    assert [g.flatten().tolist() for g in mine] == [[1.0, pytest.approx(-0.1)], [1.0]]


@pytest.mark.parametrize("rate", [0.1, 0.001])
def test_no_step_of_sgd_is_longer_than_theta(rate: float):
    mine = gradients()
    AdjustableClipConfig(theta=0.01).clip(mine, norm=norm(mine), rate=rate)
    assert max(g.abs().max().item() for g in mine) * rate == pytest.approx(min(0.01, 4 * rate))


def test_a_rate_of_zero_clips_nothing():
    mine = gradients()
    AdjustableClipConfig(theta=0.01).clip(mine, norm=norm(mine), rate=0.0)
    assert torch.equal(mine[1], gradients()[1])
