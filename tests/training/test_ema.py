"""The moving average against its closed form."""

import torch
from torch import nn

from pipeline.training.ema import ExponentialAverage


def test_the_average_follows_its_recursion_and_copies_buffers():
    network = nn.BatchNorm1d(3)
    average = ExponentialAverage(network, 0.7)
    expected = network.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            network.weight.fill_(float(step))
            network.running_mean.fill_(float(step))
        average.update(network, step)
        decay = min(0.7, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    torch.testing.assert_close(average.values["weight"], expected)
    assert average.values["running_mean"].tolist() == [29.0] * 3


def test_a_weight_that_two_layers_share_is_averaged_under_both_names():
    layer = nn.Linear(2, 2)
    network = nn.ModuleDict({"one": layer, "two": layer})
    average = ExponentialAverage(network, 0.5)
    with torch.no_grad():
        layer.weight.fill_(5.0)
    average.update(network, 1)
    assert torch.equal(average.values["one.weight"], average.values["two.weight"])
    assert not torch.equal(average.values["one.weight"], layer.weight)
