"""Train a recorded run again, from its commit, changes and data, and compare the weights."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.models.files import weights_sha256
from pipeline.schema import read_yaml
from pipeline.tracking.provenance import dataset_digests, environment_tags, git
from pipeline.tracking.resolve import find_run
from pipeline.tracking.store import connect_or_explain, main_root, tracking_uri
from pipeline.tracking.writer import WEIGHTS_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

WEIGHTS = Path("models/model.safetensors")
COMPARED_TAGS = ("python", "torch", "numpy", "platform")


@dataclass(frozen=True)
class Reproduction:
    """What came of training a run again.

    Attributes:
        expected: The sha256 of the weights that the run recorded.
        found: The one of the weights trained now.
        differences: What is not as it was: versions, data; one line each.
    """

    expected: str
    found: str
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether the weights are the same to the byte."""
        return self.expected == self.found


def reproduce(run_id: str) -> Reproduction:
    """Train a run again in a temporary clone.

    The clone has the run's commit and uncommitted changes, and shares DVC's cache: data comes
    from there, from a remote, or is made again. The training always runs. What it records is
    thrown away with the clone.

    Args:
        run_id: A run of a training.

    Raises:
        UserError: If the run cannot be reproduced: no weights, no commit, changes not kept.
    """
    run = find_run(connect_or_explain(), run_id)
    tags = run.data.tags
    if WEIGHTS_TAG not in tags or "training_key" not in tags:
        raise UserError(f"run {run_id}: it is not a training that came to its end")
    parent = main_root() / ".cache"
    parent.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="reproduce-", dir=parent) as temporary:
        clone = _clone(run, Path(temporary))
        environment = _environment()
        stage = tags.get("dvc.stage", "train")
        upstream = _upstream(clone, stage)
        _dvc(clone, environment, "repro", "--pull", *upstream)
        _dvc(clone, environment, "repro", "--single-item", "--force", "--no-run-cache", stage)
        found = weights_sha256(clone / WEIGHTS)
        return Reproduction(tags[WEIGHTS_TAG], found, _differences(run, clone))


def _clone(run: "Run", parent: Path) -> Path:
    """Clone the repository at the run's commit and changes; return the project's folder."""
    root = main_root()
    commit = run.data.tags.get("mlflow.source.git.commit", "")
    changes = run.data.tags.get("git.changes", "")
    if not commit or not git("cat-file", "-t", f"{commit}^{{commit}}", folder=root):
        raise UserError(
            f"run {run.info.run_id}: this repository lacks its commit {commit or '(unknown)'}; "
            "fetch the branch that it is on"
        )
    if changes.startswith("not kept"):
        raise UserError(f"run {run.info.run_id}: its uncommitted changes were {changes}")
    top = Path(git("rev-parse", "--show-toplevel", folder=root).strip())
    clone = parent / "clone"
    _git(parent, "clone", "--quiet", "--shared", "--no-checkout", str(top), str(clone))
    _git(clone, "checkout", "--quiet", "--detach", commit)
    project = clone / root.relative_to(top.resolve())
    if changes != "none":
        _git(project, "apply", "--whitespace=nowarn", str(_patch(run, parent)))
    local = root / ".dvc" / "config.local"
    if local.exists():
        shutil.copyfile(local, project / ".dvc" / "config.local")
    cache = _dvc(root, _environment(), "cache", "dir").strip()
    _dvc(project, _environment(), "cache", "dir", "--local", str((root / cache).resolve()))
    return project


def _patch(run: "Run", folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    address = f"runs:/{run.info.run_id}/source/changes.patch"
    here = download_artifacts(
        artifact_uri=address, dst_path=str(folder), tracking_uri=tracking_uri()
    )
    return Path(here)


def _upstream(project: Path, stage: str) -> list[str]:
    """Stages that make what a stage reads."""
    stages = read_yaml(project / "dvc.yaml")["stages"]
    if stage not in stages:
        raise UserError(f"the commit of the run has no stage {stage} in dvc.yaml")
    inputs = set(stages[stage].get("deps", []))
    return [name for name, other in stages.items() if inputs & _outputs(other)]


def _outputs(stage: Mapping[str, list[str | dict[str, object]]]) -> set[str]:
    outs = stage.get("outs", [])
    return {out if isinstance(out, str) else next(iter(out)) for out in outs}


def _differences(run: "Run", project: Path) -> list[str]:
    now = environment_tags()
    then = run.data.tags
    lines = [
        f"{tag}: {then[tag]} then, {now[tag]} now"
        for tag in COMPARED_TAGS
        if tag in then and then[tag] != now[tag]
    ]
    datasets = run.inputs.dataset_inputs if run.inputs else []
    recorded = {item.dataset.name: item.dataset.digest for item in datasets}
    digests = dataset_digests(map(Path, recorded), project / "dvc.lock")
    return lines + [
        f"{name}: DVC digest {digest} then, {digests.get(name, 'none')} now"
        for name, digest in recorded.items()
        if digests.get(name) != digest
    ]


def _environment() -> dict[str, str]:
    """The environment without what ties a process to this checkout and its store."""
    tied = ("DVC_", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(tied)}
    folders = [str(Path(sys.executable).parent), kept.get("PATH", "")]
    return kept | {"PATH": os.pathsep.join(filter(None, folders))}


def _dvc(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    output = subprocess.PIPE if arguments[0] == "cache" else None
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=output, text=True, check=False
    )
    if done.returncode != 0:
        raise UserError(f"dvc {' '.join(arguments)} failed with status {done.returncode}")
    return done.stdout or ""


def _git(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise UserError(f"git {arguments[0]} failed: {message}")
