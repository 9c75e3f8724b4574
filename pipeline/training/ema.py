"""The exponential moving average of the weights."""

import torch
from torch import Tensor, nn


class ExponentialAverage:
    """Averages the weights of a network over its steps; buffers are copied.

    The decay rises with the steps, min(decay, (1 + t) / (10 + t)), so that the first weights are
    forgotten soon; the rule of TensorFlow's ExponentialMovingAverage with `num_updates`.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {key: value.detach().clone() for key, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        names = dict(network.named_parameters(remove_duplicate=False))
        averages: list[Tensor] = [self.values[name] for name in names]
        torch._foreach_lerp_(averages, list(names.values()), 1 - decay)
        for name, buffer in network.state_dict().items():
            if name not in names:
                self.values[name].copy_(buffer)
