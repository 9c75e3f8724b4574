"""Checkpoints: complete or not there."""

import errno
from pathlib import Path

import pytest
import torch

from pipeline.training import checkpoint as module
from pipeline.training.checkpoint import Checkpoint, CheckpointFolder


def moment(step: int) -> Checkpoint:
    return Checkpoint(step, {"network/w": torch.full((4, 4), float(step))}, {"rows": [step]})


def saved(folder: Path, *steps: int) -> CheckpointFolder:
    checkpoints = CheckpointFolder(folder)
    for step in steps:
        checkpoints.save(moment(step))
    checkpoints.wait()
    return checkpoints


def last_step(folder: Path) -> int | None:
    checkpoint = CheckpointFolder(folder).last()
    return None if checkpoint is None else checkpoint.step


def test_the_newest_comes_back_as_it_was_and_the_last_two_are_kept(tmp_path: Path):
    saved(tmp_path, 3, 6, 9, 12)
    checkpoint = CheckpointFolder(tmp_path).last()
    assert checkpoint is not None
    assert checkpoint.step == 12
    assert checkpoint.progress == {"rows": [12]}
    assert torch.equal(checkpoint.tensors["network/w"], torch.full((4, 4), 12.0))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "step-000000009.json",
        "step-000000009.safetensors",
        "step-000000012.json",
        "step-000000012.safetensors",
    ]


def test_what_is_saved_does_not_change_with_the_training(tmp_path: Path):
    checkpoints = CheckpointFolder(tmp_path)
    weights = torch.zeros(1000, 1000)
    checkpoints.save(Checkpoint(1, {"w": weights}, {}))
    weights.fill_(1.0)
    last = checkpoints.last()
    assert last is not None
    assert last.tensors["w"].sum() == 0


def test_layouts_in_memory_do_not_matter(tmp_path: Path):
    checkpoints = CheckpointFolder(tmp_path)
    weights = torch.rand(4, 3, 3, 3).to(memory_format=torch.channels_last)
    checkpoints.save(Checkpoint(1, {"w": weights}, {}))
    last = checkpoints.last()
    assert last is not None
    assert torch.equal(last.tensors["w"], weights)


@pytest.mark.parametrize("suffix", ["safetensors", "json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_a_damaged_checkpoint_falls_back_on_the_one_before(
    tmp_path: Path, suffix: str, damage: str, capsys: pytest.CaptureFixture[str]
):
    saved(tmp_path, 3, 6)
    path = tmp_path / f"step-000000006.{suffix}"
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[-3] ^= 1
        path.write_bytes(content)
    assert last_step(tmp_path) == 3
    if (suffix, damage) != ("json", "remove"):
        assert "is broken and ignored" in capsys.readouterr().err


def test_nothing_is_resumed_from_an_empty_folder(tmp_path: Path):
    assert last_step(tmp_path) is None


def test_leftovers_of_a_kill_are_cleared_by_the_next_write(tmp_path: Path):
    (tmp_path / ".step-000000005.safetensors.part").write_bytes(b"half")
    (tmp_path / "step-000000005.safetensors").write_bytes(b"no json")
    saved(tmp_path, 6)
    assert not list(tmp_path.glob("*000000005*"))


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    saved(tmp_path, 3)
    monkeypatch.setattr(module, "_write_synced", full)
    saved(tmp_path, 6)
    assert "no checkpoint was written: [Errno 28]" in capsys.readouterr().err
    assert last_step(tmp_path) == 3
