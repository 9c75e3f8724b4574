"""Trainings in processes of their own, which a test can kill at a chosen moment.

The processes are forked from a server that has imported torch once.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pipeline.models.files import save_model
from pipeline.stage import run_stage
from pipeline.training import checkpoint, loop
from pipeline.training.recorder import NullRecorder
from pipeline.training.session import open_training
from tests.training.stores import small_recipe

_server = multiprocessing.get_context("forkserver")
# torch.optim loads the compiler when first used, which takes seconds.
_server.set_forkserver_preload([__name__, "torch._dynamo"])


def start(folder: Path, output: str, *, prepare: Any = None, **recipe: Any) -> Any:
    """Start a training of the stores in `folder`.

    Args:
        folder: Holds `hr`, `lr` and the cache; the outputs go to its folder `output`.
        output: See there; standard error goes to `<output>.err`.
        prepare: Called first in the process, for example to plan its death.
        recipe: For `small_recipe`.
    """
    process = _server.Process(target=_train, args=(folder, output, prepare, recipe))
    process.start()
    return process


def train(folder: Path, output: str, *, prepare: Any = None, **recipe: Any) -> int:
    """Run a training to its end and give its exit status, negative for a signal."""
    process = start(folder, output, prepare=prepare, **recipe)
    process.join(120)
    assert process.exitcode is not None
    return int(process.exitcode)


def _train(
    folder: Path, output: str, prepare: Callable[[], None] | None, recipe: dict[str, Any]
) -> None:
    sys.stderr = open(folder / f"{output}.err", "a", buffering=1, encoding="utf-8")  # noqa: SIM115
    if prepare is not None:
        prepare()
    run_stage(lambda: _body(folder, output, recipe))


def _body(folder: Path, output: str, values: dict[str, Any]) -> None:
    recipe = small_recipe(**values)
    target = folder / output
    with open_training(
        recipe, hr_folder=folder / "hr", lr_folder=folder / "lr", cache=folder / "cache"
    ) as training:
        trained = training.run(NullRecorder())
        save_model(target / "model.safetensors", trained.network, recipe.model, scale=recipe.scale)
        (target / "train.csv").write_text(trained.curve)
        _after_outputs()


def _after_outputs() -> None:
    """Where `die_after_outputs` strikes."""


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DieAtStep:
    """Kill the process when it starts the update of a step, counted from 0."""

    def __init__(self, step: int, number: int = signal.SIGKILL) -> None:
        self.step, self.number = step, number

    def __call__(self) -> None:
        update = loop.TrainingLoop._update

        def dying(self_: loop.TrainingLoop, *arguments: Any) -> Any:
            if self_.state.step == self.step:
                self_.checkpoints.wait()
                os.kill(os.getpid(), self.number)
            return update(self_, *arguments)

        loop.TrainingLoop._update = dying  # type: ignore[method-assign]


class DieInWrite:
    """Kill the process in the middle of the n-th write of a checkpoint's file, counted from 0.

    Each checkpoint is two files: even numbers are tensors, odd ones the JSON.
    """

    def __init__(self, write: int, fraction: float) -> None:
        self.write, self.fraction = write, fraction

    def __call__(self) -> None:
        whole, count = checkpoint._write_synced, 0

        def dying(path: Path, content: bytes) -> None:
            nonlocal count
            if count == self.write:
                part = path.with_name(f".{path.name}.part")
                part.write_bytes(content[: int(self.fraction * len(content))])
                kill_self()
            count += 1
            whole(path, content)

        checkpoint._write_synced = dying


def die_after_outputs() -> None:
    globals()["_after_outputs"] = kill_self


class BreakLossAtStep:
    """Make the loss NaN at a step, counted from 0."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self) -> None:
        update = loop.TrainingLoop._update

        def broken(self_: loop.TrainingLoop, *arguments: Any) -> Any:
            if self_.state.step == self.step:
                with torch.no_grad():
                    next(self_.state.network.parameters()).fill_(float("nan"))
            return update(self_, *arguments)

        loop.TrainingLoop._update = broken  # type: ignore[method-assign]


class SlowSteps:
    """Make every step last some seconds longer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> None:
        update = loop.TrainingLoop._update

        def slow(self_: loop.TrainingLoop, *arguments: Any) -> Any:
            time.sleep(self.seconds)
            return update(self_, *arguments)

        loop.TrainingLoop._update = slow  # type: ignore[method-assign]


if __name__ == "__main__":
    _train(Path(sys.argv[1]), sys.argv[2], SlowSteps(float(sys.argv[3])), {})
