"""Each network learns: the loss of a fixed batch falls by half within a stated number of steps."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional

from pipeline.images.colour import rgb_to_luma
from pipeline.images.resize import imresize
from pipeline.models import NETWORK_CONFIGS, SRNetwork, network_config
from tests.models.test_contract import SMALL

# Steps of Adam at 1e-3, for the networks as small as the contract's tests take them ...
STEPS: Mapping[str, int] = dict.fromkeys(NETWORK_CONFIGS, 60)
# ... and for the smallest published preset at 3e-4, whose widths ask for smaller steps.
# The last two begin at nearest-neighbour or bicubic, where much of the loss is gone already.
PUBLISHED_STEPS: Mapping[str, int] = dict.fromkeys(NETWORK_CONFIGS, 60) | {
    "srvgg": 160,
    "prosr": 400,
}


@cache
def patches(scale: int, side: int = 12) -> tuple[Tensor, Tensor]:
    """Two patches of a photograph, LR and HR, RGB in [0, 1]."""
    photograph, hr_side = data.astronaut(), scale * side
    hr = [photograph[y : y + hr_side, x : x + hr_side] for y, x in ((20, 160), (100, 180))]
    lr = [imresize(patch, 1 / scale) for patch in hr]
    first, second = (torch.from_numpy(np.stack(kind)).permute(0, 3, 1, 2) for kind in (lr, hr))
    return first.float() / 255, second.float() / 255


def losses(network: SRNetwork, steps: int, learning_rate: float = 1e-3) -> list[float]:
    """L1 over all outputs, before each step of Adam and after the last."""
    lr, hr = patches(network.scale)
    if network.colour == "luma":
        lr, hr = rgb_to_luma(lr), rgb_to_luma(hr)
    lr = lr.contiguous(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    values = []
    for _ in range(steps + 1):
        outputs = network.forward_all(lr)
        targets = [functional.adaptive_avg_pool2d(hr, sr.shape[-1]) for sr in outputs]
        pairs = zip(outputs, targets, strict=True)
        loss = sum((functional.l1_loss(sr, target) for sr, target in pairs), torch.zeros(()))
        values.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return values


def build(values: Mapping[str, Any]) -> SRNetwork:
    torch.manual_seed(0)
    config = network_config(values)
    return config.build(scale=config.scales[0]).train()


@pytest.mark.parametrize("name", NETWORK_CONFIGS)
def test_loss_of_a_fixed_batch_falls_by_half(name: str):
    first, *others = losses(build({"name": name, **SMALL.get(name, {})}), STEPS[name])
    assert min(others[-5:]) < first / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORK_CONFIGS)
def test_loss_of_the_published_network_falls_by_half(name: str):
    presets = NETWORK_CONFIGS[name].presets
    values = {"name": name} | ({"preset": smallest(name)} if presets else {})
    first, *others = losses(build(values), PUBLISHED_STEPS[name], learning_rate=3e-4)
    assert min(others[-5:]) < first / 2


def smallest(name: str) -> str:
    def size(preset: str) -> int:
        config = network_config({"name": name, "preset": preset})
        with torch.device("meta"):
            network = config.build(scale=config.scales[0])
        return sum(parameter.numel() for parameter in network.parameters())

    return min(NETWORK_CONFIGS[name].presets, key=size)
