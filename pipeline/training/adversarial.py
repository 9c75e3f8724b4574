"""The other half of a GAN: discriminators and how they are trained beside the network."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline.losses import Adversarial, Seen
from pipeline.training.config import DiscriminatorTraining, Recipe
from pipeline.training.feed import Stream, draws, uniform
from pipeline.training.phases import Phase
from pipeline.training.processes import Team, with_shared_statistics
from pipeline.training.step import check_finite
from pipeline.training.update import Updater

MAX_UPDATES = 1000  # of a discriminator in one step, so that each has random numbers of its own


class Judge:
    """A discriminator in training.

    Attributes:
        name: Of its term in the loss.
        term: The term.
        updater: What updates the discriminator.
    """

    def __init__(self, name: str, term: Adversarial, recipe: Recipe, team: Team) -> None:
        self.name, self.term, self._recipe, self._team = name, term, recipe, team
        train = recipe.train
        self._settings = train.discriminators.get(name, DiscriminatorTraining())
        term.discriminator = with_shared_statistics(  # type: ignore[assignment]
            term.discriminator, team, what=f"the discriminator of {name!r}"
        )
        self.updater = Updater(
            term.discriminator.parameters(),
            self._settings.optimizer or train.optimizer,
            self._settings.clip,
        )

    def rate(self, phase: Phase, step: int) -> float:
        """Learning rate at a step: its own, or the network's."""
        own = self._settings
        base = own.optimizer.learning_rate if own.optimizer else phase.learning_rate
        if own.schedule is not None:
            return base * own.schedule.factor(step, self._recipe.train.steps)
        return base * phase.rate(step) / phase.learning_rate

    def update(
        self, seen: Seen, phase: Phase, *, step: int, number: int, names: list[str]
    ) -> dict[str, float]:
        """Update the discriminator once.

        Args:
            seen: What it judges.
            phase: The phase of training.
            step: The step, from 0.
            number: Which of its updates in this step, from 0.
            names: Of the pictures.

        Returns:
            What to log.

        Raises:
            UserError: If its loss or gradient is not finite.
        """
        self.updater.clear()
        fractions = self._fractions(phase, step * MAX_UPDATES + number)
        value = self.term.discriminator_value(*seen, fractions=fractions)
        self.updater.backward(value.total)
        prefix = f"discriminator/{self.name}"
        numbers = {f"{prefix}/{name}": part.item() for name, part in value.parts.items()}
        numbers = self._team.average(self.updater.gradients(), numbers)
        norm = self.updater.measure()
        numbers[f"{prefix}/gradient_norm"] = norm.item()
        check_finite(numbers, step=step + 1, culprits=lambda: self._team.joined(names))
        rate = self.rate(phase, step)
        self.updater.step(rate, norm)
        return numbers | {f"learning_rate/{self.name}": rate}

    def _fractions(self, phase: Phase, counter: int) -> Tensor | None:
        """Where the gradient penalty looks, for this process's part of the batch."""
        if self.term.config.gradient_penalty == 0:
            return None
        words = draws(self._recipe.seed, Stream.PENALTY, counter, phase.batch_size)
        share = phase.batch_size // self._team.size
        mine = words[self._team.rank * share : (self._team.rank + 1) * share]
        return torch.from_numpy(uniform(mine)).to(torch.float32)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and moments."""
        weights = {f"weights/{k}": v for k, v in self.term.discriminator.state_dict().items()}
        return weights | {f"moments/{k}": v for k, v in self.updater.tensors().items()}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to `tensors()` of an equal judge."""
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "moments": {}}
        for name, value in tensors.items():
            kind, key = name.split("/", 1)
            parts[kind][key] = value
        self.term.discriminator.load_state_dict(parts["weights"])
        self.updater.load_tensors(parts["moments"])

    def take_over(self, before: "Judge") -> None:
        """Go on with the discriminator of an earlier phase, where it is of the same design."""
        mine, theirs = self.term.discriminator.state_dict(), before.term.discriminator.state_dict()
        shapes = [{key: value.shape for key, value in s.items()} for s in (mine, theirs)]
        if shapes[0] == shapes[1]:
            self.load_tensors(before.tensors())
