"""What a run was made from: commit, changes to it, data, machine."""

import getpass
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from json import dumps
from pathlib import Path
from typing import Any

from pipeline.schema import read_yaml

MAX_DIFF = 4_000_000
"""Bytes; a larger diff is not kept. One new file may have a quarter of it."""


def flatten(values: Mapping[str, Any] | Sequence[Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested parameters to dotted keys with text values.

    Lists of plain values stay together; the items of other lists are numbered, as in
    `loss.0.name`. Numbers, truth values and null are spelled as in JSON.
    """
    items = values.items() if isinstance(values, Mapping) else enumerate(values)
    flat: dict[str, str] = {}
    for key, value in items:
        path = f"{prefix}.{key}" if prefix else str(key)
        nested = isinstance(value, Mapping) or (
            isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value)
        )
        if nested and value:
            flat.update(flatten(value, path))
        else:
            flat[path] = value if isinstance(value, str) else dumps(value)
    return flat


def dataset_digests(inputs: Iterable[Path], lock: Path = Path("dvc.lock")) -> dict[str, str]:
    """Look up the digests that DVC has recorded for stage inputs.

    Args:
        inputs: Paths as `dvc.yaml` spells them.
        lock: DVC's lock file, in the working folder of a stage.

    Returns:
        Digest by path; inputs that the lock file does not know are left out.
    """
    if not lock.exists():
        return {}
    stages = (read_yaml(lock) or {}).get("stages", {}).values()
    outputs = {out["path"]: out.get("md5", "") for stage in stages for out in stage.get("outs", [])}
    paths = [path.as_posix() for path in inputs]
    return {path: outputs[path] for path in paths if outputs.get(path)}


def environment_tags() -> dict[str, str]:
    """Tags that say where, by whom and from what a run was made."""
    tags = {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": _program(),
        "mlflow.user": _user(),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
    }
    dvc = {
        "dvc.stage": "DVC_STAGE",
        "dvc.experiment": "DVC_EXP_NAME",
        "dvc.baseline": "DVC_EXP_BASELINE_REV",
    }
    tags |= {tag: os.environ[name] for tag, name in dvc.items() if os.environ.get(name)}
    commit = git("rev-parse", "HEAD").strip()
    return tags | ({"mlflow.source.git.commit": commit} if commit else {})


def uncommitted_changes() -> str:
    """The difference of the working folder to its commit, as `git apply` takes it.

    New files that git does not ignore are part of it. `dvc.lock` is not: DVC rewrites it while
    the stages run, and it says nothing that the parameters and datasets of the run do not say.

    Returns:
        Empty for a clean folder; otherwise a patch of any size.
    """
    if not git("rev-parse", "HEAD"):
        return ""
    here = ("--", ".", ":(exclude)dvc.lock")
    patch = git("diff", "HEAD", "--binary", "--no-ext-diff", "--no-color", "--relative", *here)
    names = git("ls-files", "--others", "--exclude-standard", "-z", *here).split("\0")
    for name in filter(None, names):
        path = Path(name)
        if path.is_file() and path.stat().st_size <= MAX_DIFF // 4:
            patch += git("diff", "--no-index", "--binary", "--no-color", "--", os.devnull, name)
    return patch


def git(*arguments: str, folder: Path | None = None) -> str:
    """Output of a git command; empty where git is missing or there is no repository."""
    # Without quoting, so that names beyond ASCII come out as they are.
    command = ["git", "-c", "core.quotepath=off", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, cwd=folder, check=False)
    except OSError:
        return ""
    # `diff --no-index` has status 1 where files differ.
    return done.stdout.decode(errors="surrogateescape") if done.returncode in (0, 1) else ""


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).name


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in containers
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
