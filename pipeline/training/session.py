"""One training from end to end: its lock, its pictures, its checkpoints, its outcome."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils import deterministic

from pipeline.models import SRNetwork
from pipeline.training.checkpoint import CheckpointFolder
from pipeline.training.checks import check_recipe
from pipeline.training.config import Recipe
from pipeline.training.data import StoredRows, load_pairs, paired_rows
from pipeline.training.feed import Pair
from pipeline.training.key import training_key
from pipeline.training.lock import exclusive
from pipeline.training.loop import TrainingLoop
from pipeline.training.memory import keep_freed_memory
from pipeline.training.processes import Team, team, warn
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
        leads: Whether this process records and writes; the others of the training only compute.
    """

    def __init__(self, key: str, loop: TrainingLoop) -> None:
        self.key = key
        self.resumed = loop.resumed
        self.leads = loop.team.leads
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
        return Trained(state.result().cpu(), state.history.csv())


@contextmanager
def open_training(
    recipe: Recipe, *, hr_folder: Path, lr_folder: Path, cache: Path, initial: Path | None = None
) -> Iterator[Training]:
    """Prepare a training, going on from the checkpoint of the same training where there is one.

    The outcome is the same to the byte, interrupted or not. Within the context the caller runs
    it and writes the outputs; then the checkpoints are removed, and their lock is released.
    Under torchrun every process calls this, and the first one writes.

    Args:
        recipe: All parameters.
        hr_folder: Folder of HR pictures with its manifest.
        lr_folder: The same of LR.
        cache: Folder of decoded pictures and checkpoints.
        initial: File of the weights that `train.init_from` names.

    Raises:
        UserError: For settings or pictures that cannot work.
    """
    check_recipe(recipe)
    keep_freed_memory()
    online = recipe.degradation.mode == "online"
    rows = paired_rows(hr_folder, lr_folder, scale=recipe.scale, online=online)
    key = training_key(recipe, [rows.hr, rows.lr], initial=initial)
    folder = cache / "train" / key
    with team(recipe.train) as together, reproducible(recipe.train.threads // together.size):
        _warn(recipe, together)
        with _locked(folder, together):
            train, valid = _pictures(rows, hr_folder, lr_folder, cache / "images", together)
            checkpoints = CheckpointFolder(folder)
            loop = TrainingLoop(recipe, train, valid, checkpoints, team=together, initial=initial)
            together.wait()  # until all have read the checkpoint
            yield Training(key, loop)
            if together.leads:
                checkpoints.clear()


@contextmanager
def _locked(folder: Path, together: Team) -> Iterator[None]:
    """Let one training work in a folder; its first process holds the lock for all."""
    with exclusive(folder) if together.leads else nullcontext():
        together.wait()
        yield


def _pictures(
    rows: StoredRows, hr_folder: Path, lr_folder: Path, cache: Path, together: Team
) -> list[list[Pair]]:
    with together.first_before_others():
        return [
            load_pairs(rows, split, hr_folder=hr_folder, lr_folder=lr_folder, cache=cache)
            for split in ("train", "valid")
        ]


def _warn(recipe: Recipe, together: Team) -> None:
    if recipe.train.precision != "fp32" and together.device.type == "cpu":
        text = f"train.precision: {recipe.train.precision} is for GPUs; on most processors it is "
        warn(text + "several times slower than fp32", together)


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Compute so that a repetition gives the same bytes."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what determinism needs on GPUs
    torch.set_num_threads(max(threads, 1))
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory costs time and changes no result.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
