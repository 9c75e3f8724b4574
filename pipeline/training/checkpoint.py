"""Checkpoints: the whole state of a training, safe against being killed at any moment.

`step-<n>.safetensors` is written under another name, synced and renamed, then `step-<n>.json`
likewise. A checkpoint counts only when its JSON is there and the digest in it fits; whatever a
kill leaves behind is ignored and cleared away. Randomness is a function of the step, so there is
no generator state to save.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load, save
from torch import Tensor

KEEP = 2


class Checkpoint(NamedTuple):
    """A moment of a training.

    Attributes:
        step: Number of updates done.
        tensors: Weights, moments of the optimisers, averages.
        progress: Plain data for JSON, such as the rows of plots/train.csv so far.
    """

    step: int
    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]


class CheckpointFolder:
    """The checkpoints of one training; writes in the background, keeps the last few."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None

    def save(self, checkpoint: Checkpoint) -> None:
        """Copy the state and write it in the background; waits for the write before it.

        A write that fails (a full disk) is reported and loses nothing but the checkpoint.
        """
        copied = {
            key: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for key, value in checkpoint.tensors.items()
        }
        progress = json.loads(json.dumps(checkpoint.progress))
        self.wait()
        self._pending = self._writer.submit(
            _write, self.folder, Checkpoint(checkpoint.step, copied, progress)
        )

    def wait(self) -> None:
        """Return when nothing is being written."""
        if self._pending is None:
            return
        try:
            self._pending.result()
        except OSError as error:
            print(f"warning: {self.folder}: no checkpoint was written: {error}", file=sys.stderr)
        self._pending = None

    def last(self) -> Checkpoint | None:
        """Read the newest complete checkpoint."""
        self.wait()
        for path in sorted(self.folder.glob("step-*.json"), reverse=True):
            checkpoint = _read(path)
            if checkpoint is not None:
                return checkpoint
            print(f"warning: {path}: this checkpoint is broken and ignored", file=sys.stderr)
        return None

    def clear(self) -> None:
        """Remove every checkpoint."""
        self.wait()
        for path in self.folder.glob("*step-*"):
            path.unlink()


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    stem = f"step-{checkpoint.step:09d}"
    content = save(dict(checkpoint.tensors))
    description = {
        "step": checkpoint.step,
        "sha256": hashlib.sha256(content).hexdigest(),
        "progress": checkpoint.progress,
    }
    _write_synced(folder / f"{stem}.safetensors", content)
    _write_synced(folder / f"{stem}.json", json.dumps(description).encode())
    _clear_old(folder)


def _write_synced(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if os.name == "posix":  # the rename itself; Windows cannot open a folder
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clear_old(folder: Path) -> None:
    complete = sorted(path.stem for path in folder.glob("step-*.json"))
    for path in folder.glob("*step-*"):
        if path.name.removeprefix(".").split(".")[0] not in complete[-KEEP:]:
            path.unlink(missing_ok=True)


def _read(path: Path) -> Checkpoint | None:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        content = path.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != description["sha256"]:
            return None
        return Checkpoint(description["step"], load(content), description["progress"])
    except (OSError, ValueError, KeyError):
        return None
