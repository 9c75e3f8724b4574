"""The training loop: batches in, updates, and what is due between them."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import torch

from pipeline.degradation.config import OnlineDegradation
from pipeline.errors import UserError
from pipeline.losses import LossValue, Seen
from pipeline.training.checkpoint import CheckpointFolder
from pipeline.training.checks import large_enough
from pipeline.training.compiled import Compiler
from pipeline.training.config import Recipe
from pipeline.training.feed import Batch, Layout, Pair, PatchFeed
from pipeline.training.interruption import Interruption
from pipeline.training.phases import Phase, phases_of
from pipeline.training.processes import Team
from pipeline.training.progress import Progress
from pipeline.training.recorder import NullRecorder, Recorder
from pipeline.training.state import TrainingState
from pipeline.training.step import (
    check_finite,
    culprits_of,
    evaluate,
    joined,
    numbers_of,
    parts_of,
)
from pipeline.training.validation import (
    ValidationPicture,
    centre,
    comparisons,
    scores,
    super_resolve,
    target,
)


class TrainingLoop:
    """One training, from its last checkpoint to its last step."""

    def __init__(
        self,
        recipe: Recipe,
        train_pairs: list[Pair],
        valid_pairs: list[Pair],
        checkpoints: CheckpointFolder,
        *,
        team: Team | None = None,
        initial: Path | None = None,
    ) -> None:
        self.recipe, self.config, self.team = recipe, recipe.train, team or Team()
        self.checkpoints = checkpoints
        self.recorder: Recorder = NullRecorder()
        self.phases = phases_of(recipe)
        self.valid = _validation_pictures(recipe, valid_pairs)
        self.compiler = Compiler(recipe)
        checkpoint = checkpoints.last()
        self.resumed = checkpoint is not None
        first = self.phases[checkpoint.progress["phase"] if checkpoint else 0]
        start = None if checkpoint else initial
        self.state = TrainingState(recipe, first, team=self.team, initial=start)
        self.pairs, self.layout = self._laid_out(train_pairs)
        if checkpoint is not None:
            self.state.restore(checkpoint)
            self._say(f"going on from the checkpoint of step {checkpoint.step}")

    def run(self, recorder: Recorder) -> None:
        """Do the steps that are left."""
        for _ in self.steps(recorder):
            pass

    def steps(self, recorder: Recorder) -> Iterator[int]:
        """Do the steps that are left, and yield how many are done after each."""
        self.recorder = recorder
        with Interruption() as self.interruption, self._progress() as self.progress:
            for phase in self.phases[self.state.phase.number :]:
                self.state.enter(phase)
                for batches in self._batches(phase):
                    self._one_step(batches)
                    yield self.state.step
        self.checkpoints.wait()

    def _one_step(self, batches: list[Batch]) -> None:
        """Update, and do what is due after it."""
        state = self.state
        numbers = self._update(batches)
        stop = numbers.pop("stop") > 0
        state.history.add(numbers)
        if state.step % self.config.log_every == 0:
            speed = {"images_per_second": self.progress.images_per_second(state.phase.batch_size)}
            self.recorder.log_scalars(state.step, numbers | speed)
        if self._row_is_due():
            self.progress.validated(self._close_row())
        self.progress.advance(state.step, numbers["loss"], state.phase.batch_size)
        if stop or self._checkpoint_is_due():
            self._save()
        if stop:
            self.checkpoints.wait()
            self._say(f"stopped after step {state.step}; it is saved")
            self.interruption.stop()

    def _update(self, batches: list[Batch]) -> dict[str, float]:
        """One step: the network's update, then those of the discriminators.

        Returns:
            What to log, averaged over the processes; `stop` is above 0 where one is to stop.
        """
        state = self.state
        # Networks and losses with random parts draw the same numbers at the same step.
        state.arithmetic.seed(batches[0].seed)
        if not state.network.training:
            state.network.train()
        numbers, seen = self._update_network(batches[0])
        for number, batch in enumerate(batches[: state.phase.batches_per_step if seen else 0]):
            seen = seen if number == 0 else self._seen(batch)
            for name, judge in state.judges.items():
                if name in seen and number < judge.term.config.steps:
                    numbers |= judge.update(
                        seen[name], state.phase, step=state.step, number=number, names=batch.names
                    )
        state.step += 1
        if state.average is not None:
            state.average.update(state.network, state.step)
        return numbers

    def _update_network(self, batch: Batch) -> tuple[dict[str, float], dict[str, Seen]]:
        state, updater, view = self.state, self.state.updater, self.state.view()
        forward = self.compiler.forward_all(view, state.loss, batch, state.arithmetic)
        value_of = partial(
            evaluate, view, forward, state.loss, arithmetic=state.arithmetic, step=state.step
        )
        updater.clear()
        count = self.config.accumulation
        values = []
        for part in parts_of(batch, count):
            values.append(value_of(part))
            updater.backward(values[-1].total if count == 1 else values[-1].total / count)
        each = [numbers_of(value) for value in values]
        numbers = {name: sum(one[name] for one in each) / count for name in each[0]}
        numbers["stop"] = float(self.interruption.requested())
        numbers = self.team.average(updater.gradients(), numbers)
        norm = updater.measure()
        if not updater.scaled:
            numbers["gradient_norm"] = norm.item()
        check_finite(numbers, step=state.step + 1, culprits=lambda: self._culprits(batch, value_of))
        numbers["gradient_norm"] = norm.item()
        rate = state.phase.rate(state.step)
        updater.step(rate, norm)
        return numbers | {"learning_rate": rate}, joined([value.seen for value in values])

    def _culprits(self, batch: Batch, value_of: Callable[[Batch], LossValue]) -> list[str]:
        """The pictures to blame, of all processes; all pictures where none is it alone."""
        found = self.team.joined(culprits_of(batch, value_of))
        return found or self.team.joined(batch.names)

    @torch.no_grad()
    def _seen(self, batch: Batch) -> dict[str, Seen]:
        """What the discriminators see of a batch that is theirs alone."""
        state, view = self.state, self.state.view()
        value = evaluate(
            view, view.forward_all, state.loss, batch, state.arithmetic, step=state.step
        )
        return value.seen

    def _batches(self, phase: Phase) -> Iterator[list[Batch]]:
        """The batches of each step that is left of a phase."""
        degrade = OnlineDegradation(phase.online, scale=self.recipe.scale) if phase.online else None
        feed = PatchFeed(
            large_enough(self.pairs, self.recipe, phase),
            layout=self.layout,
            scale=self.recipe.scale,
            patch_size=phase.patch_size,
            batch_size=phase.batch_size,
            seed=self.recipe.seed,
            augment=self.config.augment,
            degrade=degrade,
            rank=self.team.rank,
            world_size=self.team.size,
        )
        count = phase.batches_per_step
        first, last = self.state.step * count, phase.stop * count
        batches = feed.batches(first, last, threads=self.config.feed_threads)
        while not self.state.selection.ended and (group := list(islice(batches, count))):
            yield group

    def _laid_out(self, pairs: list[Pair]) -> tuple[list[Pair], Layout]:
        """The pictures as the network sees them soonest: luma once, not at every step."""
        if self.state.network.colour == "rgb":
            contiguous = self.config.memory_format == "contiguous"
            return pairs, "planar" if contiguous else "channels_last"
        if all(pair.held() for pair in pairs):
            return [pair.as_luma() for pair in pairs], "luma"
        return pairs, "planar"  # from which luma is summed in a third of the time

    def _save(self) -> None:
        if self.team.leads:
            self.checkpoints.save(self.state.checkpoint())

    def _checkpoint_is_due(self) -> bool:
        step = self.state.step
        ends = step == self.config.steps or self.state.selection.ended
        return ends or step % self.config.checkpoint_every == 0

    def _progress(self) -> Progress:
        return Progress(
            start=self.state.step,
            steps=self.config.steps,
            line_every=self._row_interval(),
            shown=self.team.leads,
        )

    def _row_interval(self) -> int:
        validation = self.config.validation
        return self.config.log_every if validation is None else validation.every

    def _row_is_due(self) -> bool:
        return self.state.step % self._row_interval() == 0 or self.state.step == self.config.steps

    def _close_row(self) -> dict[str, float]:
        """End a row of the curve, with validation where it is asked for."""
        state, validated = self.state, {}
        if self.config.validation is not None:
            validated = self.team.told_by_first(self._validate() if self.team.leads else None)
            last = state.phase.number == len(self.phases) - 1
            state.validated(validated, last_phase=last)
        prefixed = {f"valid/{name}": value for name, value in validated.items()}
        prefixed |= state.selection.told()
        state.history.close_row(state.step, prefixed)
        self.recorder.log_scalars(state.step, prefixed)
        return validated

    def _validate(self) -> dict[str, float]:
        assert self.config.validation is not None
        network = self.state.averaged()
        pictures = [target(picture, network.scale, self.recipe.scale) for picture in self.valid]
        results = [super_resolve(network, picture) for picture in pictures]
        for name, picture in comparisons(pictures, results, scale=network.scale):
            self.recorder.log_picture(self.state.step, f"valid/{name}", picture)
        return scores(pictures, results, self.config.validation.metrics, border=network.scale)

    def _say(self, text: str) -> None:
        if self.team.leads:
            print(text, file=sys.stderr)


def _validation_pictures(recipe: Recipe, pairs: list[Pair]) -> list[ValidationPicture]:
    validation = recipe.train.validation
    if validation is None:
        return []
    if not pairs:
        raise UserError(
            "data.valid: the split has no pictures; give it some, or set train.validation to null"
        )
    chosen = pairs[: validation.pictures]
    return [centre(pair, scale=recipe.scale, crop=validation.crop) for pair in chosen]
