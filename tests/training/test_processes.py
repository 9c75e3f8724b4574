"""Several real processes under torchrun: the same result, again and again, and after a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pipeline.errors import UserError
from pipeline.training.launch import launch, must_launch
from pipeline.training.processes import Team, team, with_shared_statistics
from tests.training.driver import train
from tests.training.recipes import VGG, adversarial
from tests.training.stores import small_recipe
from tests.training.test_resume import outcome, said, steps_resumed, wait_for

pytestmark = pytest.mark.timeout(300)

STEPS: dict[str, Any] = {
    "steps": 100,
    "batch_size": 4,
    "checkpoint_every": 5,
    "validation": {"every": 50, "crop": 24},
    "optimizer": {"name": "sgd", "learning_rate": 0.01},
    "ema": None,
    "loss": [
        {"name": "l1"},
        adversarial(discriminator={**VGG, "norm": "none"}, gradient_penalty=1.0),
    ],
}
LAUNCHER = "tests.training.several"

Outcome = tuple[Path, dict[str, bytes]]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def several() -> Iterator[Start]:
    """Start trainings in two processes, as the stage does; a failed test leaves none behind."""
    with leaving_none() as start:
        yield start


@contextmanager
def leaving_none() -> Iterator[Start]:
    """Give what starts a training, and end all that is left of it."""
    started: list[subprocess.Popen[bytes]] = []
    folders: set[str] = set()

    def start(folder: Path, output: str, *, slow: float = 0.0) -> subprocess.Popen[bytes]:
        folders.add(str(folder))
        with open(folder / f"{output}.err", "ab") as log:
            command = [sys.executable, "-m", LAUNCHER, str(folder), output, str(slow)]
            started.append(subprocess.Popen(command, stderr=log, cwd=Path(__file__).parents[2]))
        return started[-1]

    try:
        yield start
    finally:
        # By name, since the processes of a killed launcher are no one's children.
        for process in psutil.process_iter(["cmdline"]):
            if folders.intersection(process.info["cmdline"] or ()):
                process.kill()
        for launcher in started:
            launcher.wait()


def workers(launcher: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that train; rank 0 first."""
    below = psutil.Process(launcher.pid).children(recursive=True)
    found = [p for p in below if "torch.distributed.run" not in " ".join(p.cmdline())]
    return sorted((p for p in found if "RANK" in p.environ()), key=lambda p: p.environ()["RANK"])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The outcome of two processes that nothing interrupted."""
    from tests.training.stores import write_stores

    folder = tmp_path_factory.mktemp("two")
    write_stores(folder)
    with leaving_none() as several:
        assert several(folder, "two").wait(240) == 0, said(folder, "two")
    return folder, outcome(folder, "two")


@pytest.mark.slow
def test_two_processes_agree_with_one(two: Outcome):
    folder, _ = two
    assert train(folder, "one", **STEPS) == 0
    one, both = (load_file(folder / name / "model.safetensors") for name in ("one", "two"))
    for key, value in one.items():
        difference = torch.linalg.vector_norm(both[key] - value)
        assert difference <= 1e-5 * torch.linalg.vector_norm(value), key


@pytest.mark.slow
def test_two_processes_repeat_to_the_byte(two: Outcome, several: Start):
    folder, first = two
    assert several(folder, "again").wait(240) == 0
    assert outcome(folder, "again") == first


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_is_started_again_and_training_goes_on(
    two: Outcome, several: Start, rank: int
):
    folder, first = two
    output = f"killed{rank}"
    launcher = several(folder, output, slow=0.05)
    wait_for(lambda: list((folder / "cache" / "train").rglob("step-*.json")), 120)
    workers(launcher)[rank].kill()
    assert launcher.wait(240) == 0, said(folder, output)
    assert len(steps_resumed(folder, output)) == 1
    assert outcome(folder, output) == first


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_saves_once_and_is_not_repeated(
    two: Outcome, several: Start, number: int
):
    folder, first = two
    output = f"stopped{number}"
    launcher = several(folder, output, slow=0.05)
    wait_for(lambda: list((folder / "cache" / "train").rglob("step-*.json")), 120)
    launcher.send_signal(number)
    assert launcher.wait(120) == 128 + number, said(folder, output)
    assert said(folder, output).count("stopped after step") == 1
    assert several(folder, output).wait(240) == 0
    assert len(steps_resumed(folder, output)) == 1
    assert outcome(folder, output) == first


@pytest.mark.slow
def test_processes_of_a_killed_launcher_save_and_end(two: Outcome, several: Start):
    folder, first = two
    launcher = several(folder, "orphans", slow=0.05)
    wait_for(lambda: list((folder / "cache" / "train").rglob("step-*.json")), 120)
    trained = workers(launcher)
    launcher.kill()
    launcher.wait()
    psutil.wait_procs(trained, timeout=60)
    assert not any(process.is_running() for process in trained)
    assert several(folder, "orphans").wait(240) == 0
    assert outcome(folder, "orphans") == first


def test_the_number_of_processes_is_that_of_params(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "4")
    config = small_recipe(processes=1).train
    assert not must_launch(small_recipe(processes=2).train)
    with pytest.raises(UserError, match=r"^train.processes: 1, but 4 take part; set it to 4"):  # noqa: SIM117
        with team(config):
            pass


def test_one_process_is_a_team_of_one():
    with team(small_recipe(device="cpu").train) as alone:
        assert alone == Team()
    assert must_launch(small_recipe(processes=2).train)
    assert alone.average([], {"a": 1.5}) == {"a": 1.5}


def test_batch_statistics_cannot_be_shared_on_processors():
    network = nn.Sequential(nn.BatchNorm2d(3))
    assert with_shared_statistics(network, Team(), what="the network") is network
    with pytest.raises(UserError, match=r"^train.processes: the network normalises over the batch"):
        with_shared_statistics(network, Team(size=2), what="the network")


def test_the_status_of_a_training_that_cannot_start_is_torchruns(tmp_path: Path):
    began = time.monotonic()
    assert launch("no.such.module", [], processes=1) != 0
    assert time.monotonic() - began < 120
    assert "SR_TRAINING_STATUS" not in os.environ
