"""The network's forward pass, through torch.compile where it is asked for."""

import copy
import sys
import time
import warnings

import torch

from pipeline.losses import WeightedLoss
from pipeline.models import SRNetwork
from pipeline.training.config import Recipe
from pipeline.training.feed import Batch
from pipeline.training.levels import UpToLevel
from pipeline.training.step import Arithmetic, Outputs, evaluate

REPEATS = 5


class Compiler:
    """Compiles each network once, and says after how many steps that pays."""

    def __init__(self, recipe: Recipe) -> None:
        self._enabled = recipe.train.compile
        self._steps = recipe.train.steps
        self._compiled: dict[SRNetwork, Outputs] = {}

    def forward_all(
        self, network: SRNetwork, loss: WeightedLoss, batch: Batch, arithmetic: Arithmetic
    ) -> Outputs:
        """Give `network.forward_all`, compiled or not.

        A level that is blended in stays as it is, since its weight changes with every step.
        """
        if not self._enabled or isinstance(network, UpToLevel):
            return network.forward_all
        if network not in self._compiled:
            self._compiled[network] = torch.compile(network.forward_all)
            self._tell_break_even(network, loss, batch, arithmetic)
        return self._compiled[network]

    def _tell_break_even(
        self, network: SRNetwork, loss: WeightedLoss, batch: Batch, arithmetic: Arithmetic
    ) -> None:
        """Measure on copies, so that the training is none the wiser."""
        with torch.random.fork_rng(devices=[]):
            twin = copy.deepcopy(network)
            plain = _seconds(twin, twin.forward_all, loss, batch, arithmetic)
            forward = torch.compile(twin.forward_all)
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fast = _seconds(twin, forward, loss, batch, arithmetic)
        # The network itself is compiled once more; the compiler's cache on disk makes that short.
        spent = time.perf_counter() - began
        text = f"torch.compile: {spent:.0f} s; forward and backward {plain * 1e3:.1f} ms -> "
        text += f"{fast * 1e3:.1f} ms"
        steps = spent / (plain - fast) if fast < plain else float("inf")
        verdict = f"breaks even after {steps:.0f} of {self._steps} steps"
        if steps > self._steps:
            verdict = "does not pay in this training; set train.compile to false"
        print(f"{text}; {verdict}", file=sys.stderr)


def _seconds(
    network: SRNetwork,
    forward: Outputs,
    loss: WeightedLoss,
    batch: Batch,
    arithmetic: Arithmetic,
) -> float:
    """The shortest of a few forward and backward passes, after one to warm up."""
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        value = evaluate(network, forward, loss, batch, arithmetic, step=None)
        torch.autograd.backward(value.total)
        network.zero_grad()
        times.append(time.perf_counter() - began)
    return min(times[1:])
