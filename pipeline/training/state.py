"""Everything that changes while a network is trained, and how it is saved and restored."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, optim

from pipeline.models import SRNetwork
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.config import Recipe
from pipeline.training.ema import ExponentialAverage
from pipeline.training.history import History


class TrainingState:
    """Network, optimiser, average and curve of a training after `step` updates."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.step = 0
        self.network: SRNetwork = recipe.model.build(scale=recipe.scale)
        in_layout(self.network, recipe)
        self.optimizer = recipe.train.optimizer.build(self.network.parameters())
        decay = recipe.train.ema
        self.average = ExponentialAverage(self.network, decay) if decay is not None else None
        self.history = History()

    def result(self) -> SRNetwork:
        """The network to validate and save, in evaluation mode: the average where there is one."""
        if self.average is None:
            return self.network.eval()
        network = self.recipe.model.build(scale=self.recipe.scale)
        network.load_state_dict(self.average.values)
        in_layout(network, self.recipe)
        return network.eval()

    def checkpoint(self) -> Checkpoint:
        """Give the whole state; the tensors are not copies."""
        tensors = _prefixed("network", self.network.state_dict())
        tensors |= _prefixed("optimizer", _moments(self.optimizer))
        if self.average is not None:
            tensors |= _prefixed("average", self.average.values)
        return Checkpoint(self.step, tensors, {"history": self.history.state()})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint of the same recipe."""
        self.step = checkpoint.step
        self.network.load_state_dict(_stripped("network", checkpoint.tensors))
        _load_moments(self.optimizer, _stripped("optimizer", checkpoint.tensors))
        if self.average is not None:
            for key, value in _stripped("average", checkpoint.tensors).items():
                self.average.values[key].copy_(value)
        self.history.load_state(checkpoint.progress["history"])


def memory_format(recipe: Recipe) -> torch.memory_format:
    """The layout of tensors that the recipe asks for."""
    if recipe.train.memory_format == "channels_last":
        return torch.channels_last
    return torch.contiguous_format


def in_layout(network: torch.nn.Module, recipe: Recipe) -> None:
    """Bring the weights into the recipe's layout, in place."""
    network.to(memory_format=memory_format(recipe))  # type: ignore[call-overload]


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{key}": value for key, value in tensors.items()}


def _stripped(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {k.removeprefix(start): value for k, value in tensors.items() if k.startswith(start)}


def _moments(optimizer: optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's tensors by the number of their parameter; its settings are the recipe's."""
    return {
        f"{number}/{key}": value
        for number, moments in optimizer.state_dict()["state"].items()
        for key, value in moments.items()
        if isinstance(value, Tensor)
    }


@torch.no_grad()
def _load_moments(optimizer: optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        number, key = name.split("/", 1)
        parameter = parameters[int(number)]
        # In the parameter's memory layout, in which the optimiser made it.
        same_layout = value.shape == parameter.shape
        moment = torch.empty_like(parameter).copy_(value) if same_layout else value
        state.setdefault(int(number), {})[key] = moment
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
