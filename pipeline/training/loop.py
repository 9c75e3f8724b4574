"""The training loop: batches in, updates, and what is due between them."""

import sys

import torch

from pipeline.data.feed import Batch, Pair, PatchFeed, Stream, draws
from pipeline.errors import UserError
from pipeline.losses import LossValue, WeightedLoss, build_loss
from pipeline.training.checkpoint import CheckpointFolder
from pipeline.training.checks import large_enough
from pipeline.training.config import Recipe
from pipeline.training.interruption import Interruption
from pipeline.training.progress import Progress
from pipeline.training.recorder import NullRecorder, Recorder
from pipeline.training.state import TrainingState, memory_format
from pipeline.training.step import check_finite, forward_loss
from pipeline.training.validation import (
    ValidationPicture,
    centre,
    comparisons,
    scores,
    super_resolve,
)


class TrainingLoop:
    """One training, from its last checkpoint to its last step."""

    def __init__(
        self,
        recipe: Recipe,
        train_pairs: list[Pair],
        valid_pairs: list[Pair],
        checkpoints: CheckpointFolder,
    ) -> None:
        self.recipe, self.config = recipe, recipe.train
        self.checkpoints = checkpoints
        self.recorder: Recorder = NullRecorder()
        self.loss: WeightedLoss = build_loss(recipe.loss)
        self.feed = PatchFeed(
            large_enough(train_pairs, recipe),
            scale=recipe.scale,
            patch_size=self.config.patch_size,
            batch_size=self.config.batch_size,
            seed=recipe.seed,
            augment=self.config.augment,
        )
        self.valid = _validation_pictures(recipe, valid_pairs)
        self.state = TrainingState(recipe)
        checkpoint = checkpoints.last()
        self.resumed = checkpoint is not None
        if checkpoint is not None:
            self.state.restore(checkpoint)
            print(f"going on from the checkpoint of step {checkpoint.step}", file=sys.stderr)

    def run(self, recorder: Recorder) -> None:
        """Do the steps that are left."""
        self.recorder = recorder
        state, config = self.state, self.config
        batches = self.feed.batches(state.step, config.steps, threads=config.feed_threads)
        with Interruption() as interruption, self._progress() as progress:
            for batch in batches:
                value = self._update(batch)
                self._record(value)
                if self._row_is_due():
                    progress.validated(self._close_row())
                progress.advance(state.step, value.total.item())
                stop = interruption.requested()
                if stop or state.step % config.checkpoint_every == 0 or state.step == config.steps:
                    self.checkpoints.save(state.checkpoint())
                if stop:
                    self.checkpoints.wait()
                    print(f"stopped after step {state.step}; it is saved", file=sys.stderr)
                    interruption.stop()
        self.checkpoints.wait()

    def _progress(self) -> Progress:
        return Progress(
            start=self.state.step,
            steps=self.config.steps,
            batch_size=self.config.batch_size,
            line_every=self._row_interval(),
        )

    def _update(self, batch: Batch) -> LossValue:
        """One step of the optimiser."""
        state = self.state
        # Networks and losses with random parts draw the same numbers at the same step.
        torch.manual_seed(int(draws(self.recipe.seed, Stream.STEP, state.step, 1)[0]))
        for group in state.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        state.network.train()
        state.optimizer.zero_grad(set_to_none=True)
        value = forward_loss(state.network, self.loss, batch, memory_format(self.recipe))
        check_finite(value, step=state.step + 1, names=batch.names)
        torch.autograd.backward(value.total)
        state.optimizer.step()
        state.step += 1
        if state.average is not None:
            state.average.update(state.network, state.step)
        return value

    def _learning_rate(self) -> float:
        factor = self.config.schedule.factor(self.state.step, self.config.steps)
        return self.config.optimizer.learning_rate * factor

    def _record(self, value: LossValue) -> None:
        numbers = {"loss": value.total.item()}
        numbers |= {f"loss/{name}": part.item() for name, part in value.parts.items()}
        self.state.history.add(numbers)
        if self.state.step % self.config.log_every == 0:
            self.recorder.log_scalars(self.state.step, numbers)

    def _row_interval(self) -> int:
        validation = self.config.validation
        return self.config.log_every if validation is None else validation.every

    def _row_is_due(self) -> bool:
        return self.state.step % self._row_interval() == 0 or self.state.step == self.config.steps

    def _close_row(self) -> dict[str, float]:
        """End a row of the curve, with validation where it is asked for."""
        validated = self._validate() if self.config.validation is not None else {}
        prefixed = {f"valid/{name}": value for name, value in validated.items()}
        self.state.history.close_row(self.state.step, prefixed)
        self.recorder.log_scalars(self.state.step, prefixed)
        return validated

    def _validate(self) -> dict[str, float]:
        assert self.config.validation is not None
        network, scale = self.state.result(), self.recipe.scale
        results = [super_resolve(network, picture) for picture in self.valid]
        for name, picture in comparisons(self.valid, results, scale=scale):
            self.recorder.log_picture(self.state.step, f"valid/{name}", picture)
        return scores(self.valid, results, self.config.validation.metrics, border=scale)


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
