"""Everything that changes while a network is trained, and how it is saved and restored."""

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from pipeline.losses import WeightedLoss, build_loss
from pipeline.models import SRNetwork
from pipeline.training.adversarial import Judge
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.config import Recipe
from pipeline.training.ema import ExponentialAverage
from pipeline.training.feed import Stream, draws
from pipeline.training.history import History
from pipeline.training.initial import start_from, transfer
from pipeline.training.levels import at_scale
from pipeline.training.phases import Phase
from pipeline.training.processes import Team, with_shared_statistics
from pipeline.training.selection import Selection
from pipeline.training.step import Arithmetic
from pipeline.training.update import Updater


class TrainingState:
    """Network, optimisers, discriminators, average and curve after `step` updates.

    Attributes:
        step: Number of updates done.
        phase: The phase that the state is in.
        network: What is trained.
        updater: Its optimiser.
        average: Moving average of its weights.
        loss: The weighted sum of the phase.
        judges: The discriminators of its adversarial terms.
        selection: The best weights so far.
        history: The curve.
    """

    def __init__(
        self, recipe: Recipe, phase: Phase, *, team: Team, initial: Path | None = None
    ) -> None:
        """Begin a phase with fresh weights, or those of the file `initial`."""
        self.recipe, self.phase, self.team = recipe, phase, team
        self.arithmetic = Arithmetic.of(recipe, team.device)
        self.step = phase.start
        self.history = History()
        self.selection = Selection(recipe.train)
        torch.manual_seed(_seed(recipe, phase))
        self._take(self._new_network(phase.scale))
        if initial is not None:
            start_from(initial, self.network)
            self._take(self.network)  # the average starts from these
        self.loss, self.judges = self._new_loss(phase)

    def enter(self, phase: Phase) -> None:
        """Go from one phase to the next, keeping what fits."""
        if phase.number == self.phase.number:
            return
        torch.manual_seed(_seed(self.recipe, phase))
        if phase.scale != self.phase.scale:
            self.selection.forget()
            if not self._grows():
                network = self._new_network(phase.scale)
                for line in transfer(self.network.state_dict(), network).lines():
                    self._say(f"phase {phase.number + 1}, x{phase.scale}: {line}")
                self._take(network)
        before = self.judges
        self.loss, self.judges = self._new_loss(phase)
        for name in self.judges.keys() & before.keys():
            self.judges[name].take_over(before[name])
        self.phase = phase

    def view(self) -> SRNetwork:
        """The network as the next step trains it."""
        return at_scale(self.network, self.phase.scale, self.phase.blend(self.step))

    def averaged(self) -> SRNetwork:
        """The network to validate, in evaluation mode: the average where there is one."""
        network = self.network
        if self.average is not None:
            network = self._new_network(self.phase.scale)
            network.load_state_dict(self.average.values)
        return at_scale(network, self.phase.scale, self.phase.blend(self.step - 1)).eval()

    def result(self) -> SRNetwork:
        """The network to save: the best one where `keep_best` asks for it."""
        network = self._new_network(self.phase.scale)
        network.load_state_dict(self.selection.weights or self._weights())
        return network.eval()

    def validated(self, scores: Mapping[str, float], *, last_phase: bool) -> None:
        """Take in a validation of `averaged()`."""
        self.selection.consider(scores, self.step, self._weights(), last=last_phase)

    def checkpoint(self) -> Checkpoint:
        """Give the whole state; the tensors are not copies."""
        tensors = _prefixed("network", self.network.state_dict())
        tensors |= _prefixed("optimizer", self.updater.tensors())
        if self.average is not None:
            tensors |= _prefixed("average", self.average.values)
        tensors |= _prefixed("best", self.selection.weights)
        for name, judge in self.judges.items():
            tensors |= _prefixed(f"discriminator.{name}", judge.tensors())
        progress = {
            "phase": self.phase.number,
            "history": self.history.state(),
            "selection": self.selection.state(),
            "loss_scale": self.updater.scale_state(),
        }
        return Checkpoint(self.step, tensors, progress)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint of the same recipe and phase."""
        tensors, progress = checkpoint.tensors, checkpoint.progress
        self.step = checkpoint.step
        self.network.load_state_dict(_stripped("network", tensors))
        self.updater.load_tensors(_stripped("optimizer", tensors))
        self.updater.load_scale_state(progress["loss_scale"])
        if self.average is not None:
            for key, value in _stripped("average", tensors).items():
                self.average.values[key].copy_(value)
        self.selection.load_state(progress["selection"], _stripped("best", tensors))
        for name, judge in self.judges.items():
            judge.load_tensors(_stripped(f"discriminator.{name}", tensors))
        self.history.load_state(progress["history"])

    def _weights(self) -> dict[str, Tensor]:
        return self.network.state_dict() if self.average is None else self.average.values

    def _grows(self) -> bool:
        """Whether one network has all scales, as levels."""
        return self.recipe.model.group() == "progressive"

    def _new_network(self, scale: int) -> SRNetwork:
        network = self.recipe.model.build(scale=self.recipe.scale if self._grows() else scale)
        self.arithmetic.place(network)
        return network

    def _take(self, network: SRNetwork) -> None:
        """Train this network from now on, with fresh moments."""
        train = self.recipe.train
        with_shared_statistics(network, self.team, what="the network")
        self.network = network
        self.updater = Updater(
            network.parameters(), train.optimizer, train.clip, scaled=train.precision == "fp16"
        )
        self.average = ExponentialAverage(network, train.ema) if train.ema is not None else None

    def _new_loss(self, phase: Phase) -> tuple[WeightedLoss, dict[str, Judge]]:
        # The target of a phase of a lower scale is smaller than the HR patch.
        side = phase.patch_size // self.recipe.scale * phase.scale
        loss = build_loss(phase.loss, num_channels=self.network.num_channels, patch_size=side)
        self.arithmetic.place(loss)
        terms = loss.adversarial.items()
        return loss, {name: Judge(name, term, self.recipe, self.team) for name, term in terms}

    def _say(self, text: str) -> None:
        if self.team.leads:
            print(text, file=sys.stderr)


def _seed(recipe: Recipe, phase: Phase) -> int:
    """Seed of the weights that are new in a phase."""
    if phase.number == 0:
        return recipe.seed
    return int(draws(recipe.seed, Stream.PHASE, phase.number, 1)[0] >> 1)


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{key}": value for key, value in tensors.items()}


def _stripped(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {k.removeprefix(start): value for k, value in tensors.items() if k.startswith(start)}
