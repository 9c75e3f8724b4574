"""Schedules against PyTorch's, step by step."""

from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler

from pipeline.training.schedule import (
    ConstantConfig,
    CosineConfig,
    MultiStepConfig,
    OneCycleConfig,
    ScheduleConfig,
    StepConfig,
)

STEPS = 40
Build = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]


@pytest.mark.parametrize(
    ("config", "build"),
    [
        (ConstantConfig(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        (StepConfig(every=7, gamma=0.3), lambda o: lr_scheduler.StepLR(o, 7, 0.3)),
        (
            MultiStepConfig(at=[5, 11, 30], gamma=0.5),
            lambda o: lr_scheduler.MultiStepLR(o, [5, 11, 30], 0.5),
        ),
        (
            CosineConfig(floor=0.1),
            lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.1 * 0.5),
        ),
        (
            OneCycleConfig(),
            lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=STEPS, cycle_momentum=False),
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_learning_rate_of_every_step_is_that_of_pytorch(config: ScheduleConfig, build: Build):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = build(optimizer)
    for step in range(STEPS):
        expected = optimizer.param_groups[0]["lr"]
        assert 0.5 * config.factor(step, STEPS) == pytest.approx(expected, rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_warm_up_rises_in_a_straight_line_to_the_full_rate():
    config = ConstantConfig(warmup_steps=4)
    factors = [config.factor(step, STEPS) for step in range(6)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_of_hardly_any_steps_is_defined(steps: int):
    assert all(0 <= OneCycleConfig().factor(step, steps) <= 1 for step in range(steps))
