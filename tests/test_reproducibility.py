"""The whole pipeline under DVC: the same bytes twice, after a kill, and from an experiment."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from ruamel.yaml import YAML
from skimage import data

from pipeline.images.picture import write_png
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OUTPUTS = ["dvc.lock", "models/model.safetensors", "metrics/metrics.json", "reports/index.html"]

TINY: dict[str, Any] = {
    "data": {
        split: [{"name": "folder", "path": f"pictures/{split}", "set": "made"}]
        for split in ("train", "valid", "test")
    },
    "model": {"name": "edsr", "num_features": 4, "num_blocks": 1},
    "train": {
        "steps": 600,
        "batch_size": 2,
        "patch_size": 16,
        "checkpoint_every": 60,
        "validation": {"every": 200, "crop": 32},
        "threads": 1,
    },
}


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a project, with this interpreter's `python`, `dvc` and `sr` first."""
    result = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=400
    )
    if check:
        assert result.returncode == 0, result.stdout + result.stderr
    return result


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "MLFLOW_", "GIT_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | {"PATH": path, "PYTHONPATH": ""}


def dvc(folder: Path, *arguments: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *arguments).stdout


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gc.auto=0"]
    run(folder, "git", *identity, *arguments)


def edit(folder: Path, changes: dict[str, Any]) -> None:
    """Replace sections of params.yaml."""
    yaml, path = YAML(), folder / "params.yaml"
    params = yaml.load(path)
    params.update(changes)
    yaml.dump(params, path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's files as they are now, in a repository of their own, with tiny parameters."""
    folder = tmp_path_factory.mktemp("project")
    listed = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "dvc.lock").unlink(missing_ok=True)
    pictures = {
        "train": {"coffee": data.coffee(), "motorcycle": data.stereo_motorcycle()[0]},
        "valid": {"rocket": data.rocket()},
        "test": {"astronaut": data.astronaut(), "chelsea": data.chelsea()},
    }
    for split, named in pictures.items():
        for name, picture in named.items():
            write_png(folder / "pictures" / split / f"{name}.png", np.array(picture[:96, 60:152]))
    edit(folder, TINY)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "project")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """A clone whose pipeline ran without interruption."""
    clone = tmp_path_factory.mktemp("whole") / "project"
    git(project, "clone", "-q", str(project), str(clone))
    dvc(clone, "repro")
    return clone


@pytest.fixture
def clone(tmp_path: Path, project: Path) -> Path:
    git(project, "clone", "-q", str(project), str(tmp_path / "another name"))
    return tmp_path / "another name"


def test_two_clones_give_the_same_lock_file_and_outputs(whole: Path, clone: Path):
    dvc(clone, "repro")
    assert contents(clone) == contents(whole)


def test_nothing_runs_again_when_nothing_changed(whole: Path):
    before = contents(whole)
    assert "Data and pipelines are up to date" in dvc(whole, "repro")
    assert contents(whole) == before


@pytest.mark.parametrize("orphan", [True, False], ids=["trainer-lives-on", "all-killed"])
@pytest.mark.parametrize("checkpoint", [1, 6])
def test_a_killed_repro_ends_with_the_bytes_of_an_uninterrupted_one(
    whole: Path, clone: Path, checkpoint: int, orphan: bool
):
    kill_in_training(clone, checkpoint=checkpoint, orphan=orphan)
    said = run(clone, sys.executable, "-m", "dvc", "repro")
    assert "going on from the checkpoint of step" in said.stdout + said.stderr
    assert contents(clone) == contents(whole)
    [training] = runs(clone)
    assert training.data.tags["mlflow.runName"] == "edsr-x2"


def test_another_learning_rate_does_not_go_on_from_the_killed_trainings_checkpoint(clone: Path):
    kill_in_training(clone, checkpoint=2, orphan=False)
    train = TINY["train"] | {"optimizer": {"name": "adam", "learning_rate": 2e-3}}
    edit(clone, {"train": train})
    said = run(clone, sys.executable, "-m", "dvc", "repro")
    assert "going on from the checkpoint" not in said.stdout + said.stderr


def kill_in_training(folder: Path, *, checkpoint: int, orphan: bool) -> None:
    """Start `dvc repro` and kill it when a number of checkpoints was written.

    Args:
        folder: The project.
        checkpoint: Number of the checkpoint after which the kill comes.
        orphan: Kill DVC alone, so that the trainer it started lives on.
    """
    command = [sys.executable, "-m", "dvc", "repro"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    step = checkpoint * TINY["train"]["checkpoint_every"]
    wait_for_checkpoint(folder / ".cache" / "train", step, process)
    if orphan:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for_checkpoint(folder: Path, step: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        assert process.poll() is None, "dvc ended before it could be killed"
        steps = [int("".join(filter(str.isdigit, p.stem)) or 0) for p in folder.glob("*/*.json")]
        if any(found >= step for found in steps):
            return
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint of step {step} in {folder}")


def runs(folder: Path) -> list[Any]:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments))


def test_experiments_land_in_the_same_store_and_an_evaluation_joins_its_training(clone: Path):
    dvc(clone, "repro")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "results")
    [first] = runs(clone)

    edit(clone, {"evaluate": {"protocol": {"name": "rgb", "crop_border": 6}}})
    dvc(clone, "repro")
    [same] = runs(clone)
    assert same.info.run_id == first.info.run_id
    assert (first.data.tags["evaluations"], same.data.tags["evaluations"]) == ("1", "2")
    assert same.data.tags["evaluate.protocol.crop_border"] == "6"

    git(clone, "checkout", "-q", "--", ".")
    dvc(clone, "exp", "run", "--temp", "-S", "train.steps=300")
    dvc(clone, "exp", "run", "--queue", "-S", "train.steps=200")
    dvc(clone, "exp", "run", "--run-all")
    steps = sorted(int(run.data.params["train.steps"]) for run in runs(clone))
    assert steps == [200, 300, 600]
