"""A training that was killed at any moment ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.training.driver import (
    BreakLossAtStep,
    DieAtStep,
    DieInWrite,
    SlowSteps,
    die_after_outputs,
    start,
    train,
)
from tests.training.stores import write_stores

OUTPUTS = ("model.safetensors", "train.csv")


def outcome(folder: Path, output: str) -> dict[str, bytes]:
    return {name: (folder / output / name).read_bytes() for name in OUTPUTS}


def steps_resumed(folder: Path, output: str) -> list[int]:
    lines = said(folder, output).splitlines()
    return [int(line.split()[-1]) for line in lines if line.startswith("going on")]


def said(folder: Path, output: str) -> str:
    path = folder / f"{output}.err"
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outcome of the training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    write_stores(folder)
    assert train(folder, "whole") == 0
    return outcome(folder, "whole")


@pytest.mark.parametrize(
    ("moment", "resumed_at"),
    [
        (DieAtStep(2), []),
        (DieAtStep(5), [3]),
        (DieAtStep(8), [6]),
        (DieInWrite(0, 0.5), []),
        (DieInWrite(1, 0.0), []),
        (DieInWrite(2, 0.0), [3]),
        (DieInWrite(2, 0.9), [3]),
        (DieInWrite(3, 0.5), [3]),
        (DieInWrite(7, 0.5), [9]),
        (die_after_outputs, [12]),
    ],
    ids=lambda value: repr(getattr(value, "__dict__", value)),
)
def test_a_killed_training_gives_the_same_bytes(
    folder: Path, whole: dict[str, bytes], moment: Any, resumed_at: list[int]
):
    assert train(folder, "killed", prepare=moment) == -signal.SIGKILL
    assert train(folder, "killed") == 0
    assert steps_resumed(folder, "killed") == resumed_at
    assert outcome(folder, "killed") == whole


def test_a_training_survives_being_killed_again_and_again(folder: Path, whole: dict[str, bytes]):
    for step in (4, 7, 11):
        assert train(folder, "killed", prepare=DieAtStep(step)) == -signal.SIGKILL
    assert train(folder, "killed") == 0
    assert steps_resumed(folder, "killed") == [3, 6, 9]
    assert outcome(folder, "killed") == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_saves_and_exits_as_a_shell_expects(
    folder: Path, whole: dict[str, bytes], number: int
):
    assert train(folder, "stopped", prepare=DieAtStep(4, number)) == 128 + number
    assert train(folder, "stopped") == 0
    assert steps_resumed(folder, "stopped") == [5]  # the step was finished first
    assert outcome(folder, "stopped") == whole


def test_another_parameter_never_resumes(folder: Path):
    assert train(folder, "first", prepare=DieAtStep(8)) == -signal.SIGKILL
    assert train(folder, "second", seed=4) == 0
    assert steps_resumed(folder, "second") == []


@pytest.mark.parametrize(
    "setting", [{"checkpoint_every": 5}, {"feed_threads": 3}, {"log_every": 7}]
)
def test_settings_without_influence_resume_to_the_same_bytes(
    folder: Path, whole: dict[str, bytes], setting: dict[str, int]
):
    assert train(folder, "killed", prepare=DieAtStep(8)) == -signal.SIGKILL
    assert train(folder, "killed", **setting) == 0
    assert steps_resumed(folder, "killed") == [6]
    assert outcome(folder, "killed") == whole


def test_a_finished_training_leaves_no_checkpoint(folder: Path):
    assert train(folder, "done") == 0
    assert [path.name for path in (folder / "cache" / "train").rglob("step-*")] == []


def test_a_loss_that_is_not_finite_stops_before_the_step(folder: Path, whole: dict[str, bytes]):
    assert train(folder, "broken", prepare=BreakLossAtStep(7)) == 1
    message = said(folder, "broken")
    assert "error: step 8: the loss is not finite (l1 is nan) on the pictures made/" in message
    assert not (folder / "broken").exists()
    # The last good checkpoint is kept, and good.
    assert train(folder, "mended") == 0
    assert steps_resumed(folder, "mended") == [6]
    assert outcome(folder, "mended") == whole


def test_a_second_process_waits_for_the_first_and_goes_on_from_its_checkpoint(
    folder: Path, whole: dict[str, bytes]
):
    first = start(folder, "first", prepare=SlowSteps(0.3))
    wait_for(lambda: list((folder / "cache" / "train").rglob("step-*.json")))
    second = start(folder, "second")
    wait_for(lambda: "waiting for process" in said(folder, "second"))
    os.kill(first.pid, signal.SIGTERM)
    first.join(60)
    second.join(60)
    assert (first.exitcode, second.exitcode) == (143, 0)
    assert len(steps_resumed(folder, "second")) == 1
    assert outcome(folder, "second") == whole


@pytest.mark.slow
def test_an_orphan_of_a_killed_dvc_saves_and_ends(folder: Path, whole: dict[str, bytes]):
    # DVC's place is taken by a process that sets DVC_STAGE for its child and not for itself.
    stage = f"{sys.executable} -m tests.training.driver {folder} orphan 0.3"
    fake_dvc = f"""
import os, subprocess
subprocess.run(["sh", "-c", "{stage}; true"], env=os.environ | {{"DVC_STAGE": "train"}})
"""
    environment = {key: value for key, value in os.environ.items() if key != "DVC_STAGE"}
    dvc = subprocess.Popen([sys.executable, "-c", fake_dvc], env=environment)
    wait_for(lambda: list((folder / "cache" / "train").rglob("step-*.json")))
    dvc.kill()
    dvc.wait()
    wait_for(lambda: "stopped after step" in said(folder, "orphan"))
    assert train(folder, "orphan") == 0
    assert len(steps_resumed(folder, "orphan")) == 1
    assert outcome(folder, "orphan") == whole


def wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
