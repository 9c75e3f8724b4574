"""One training from end to end: its lock, its pictures, its checkpoints, its outcome."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils import deterministic

from pipeline.models import SRNetwork
from pipeline.training.checkpoint import CheckpointFolder
from pipeline.training.checks import check_recipe
from pipeline.training.config import Recipe
from pipeline.training.data import load_pairs, paired_rows
from pipeline.training.key import training_key
from pipeline.training.lock import exclusive
from pipeline.training.loop import TrainingLoop
from pipeline.training.recorder import Recorder


class Trained(NamedTuple):
    """What a training gives: a network in evaluation mode, and the content of plots/train.csv."""

    network: SRNetwork
    curve: str


class Training:
    """A training that is ready to run.

    Attributes:
        key: Digest of everything that the outcome depends on.
        resumed: Whether it goes on from a checkpoint.
    """

    def __init__(self, key: str, loop: TrainingLoop) -> None:
        self.key = key
        self.resumed = loop.resumed
        self._loop = loop

    def run(self, recorder: Recorder) -> Trained:
        """Do the steps that are left.

        Args:
            recorder: Is told losses, scores and pictures.

        Raises:
            UserError: If a loss is not finite.
            Stopped: On a request to stop, after saving.
        """
        self._loop.run(recorder)
        state = self._loop.state
        return Trained(state.result(), state.history.csv())


@contextmanager
def open_training(
    recipe: Recipe, *, hr_folder: Path, lr_folder: Path, cache: Path
) -> Iterator[Training]:
    """Prepare a training, going on from the checkpoint of the same training where there is one.

    The outcome is the same to the byte, interrupted or not. Within the context the caller runs
    it and writes the outputs; then the checkpoints are removed, and their lock is released.

    Args:
        recipe: All parameters.
        hr_folder: Folder of HR pictures with its manifest.
        lr_folder: The same of LR.
        cache: Folder of decoded pictures and checkpoints.

    Raises:
        UserError: For settings or pictures that cannot work.
    """
    check_recipe(recipe)
    rows = paired_rows(hr_folder, lr_folder, scale=recipe.scale)
    key = training_key(recipe, [rows.hr, rows.lr])
    with exclusive(cache / "train" / key), reproducible(recipe.train.threads):
        train, valid = (
            load_pairs(
                rows, split, hr_folder=hr_folder, lr_folder=lr_folder, cache=cache / "images"
            )
            for split in ("train", "valid")
        )
        checkpoints = CheckpointFolder(cache / "train" / key)
        yield Training(key, TrainingLoop(recipe, train, valid, checkpoints))
        checkpoints.clear()


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Compute so that a repetition gives the same bytes."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory costs time and changes no result.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
