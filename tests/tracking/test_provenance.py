"""What a run was made from."""

import subprocess
from pathlib import Path

import pytest

from pipeline.tracking.provenance import (
    dataset_digests,
    environment_tags,
    flatten,
    uncommitted_changes,
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept.txt").write_text("one\ntwo\n")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git("init", "-q")
    commit()
    return tmp_path


def git(*arguments: str, folder: Path | None = None) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def commit() -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "state")


def test_parameters_are_flattened_with_dots() -> None:
    nested = {
        "seed": 0,
        "loss": [{"name": "l1", "weight": 1e-4}, {"name": "l2", "weight": 1}],
        "train": {"ema": None, "augment": True, "betas": [0.9, 0.999], "phases": []},
    }
    assert flatten(nested) == {
        "seed": "0",
        "loss.0.name": "l1",
        "loss.0.weight": "0.0001",
        "loss.1.name": "l2",
        "loss.1.weight": "1",
        "train.ema": "null",
        "train.augment": "true",
        "train.betas": "[0.9, 0.999]",
        "train.phases": "[]",
    }


def test_digests_are_those_of_the_upstream_outputs(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text(
        "schema: '2.0'\nstages:\n  degrade:\n    cmd: x\n    deps:\n    - path: data/hr\n"
        "      md5: stale.dir\n    outs:\n    - path: data/lr\n      md5: abc.dir\n"
    )
    assert dataset_digests([Path("data/lr"), Path("data/hr")], lock) == {"data/lr": "abc.dir"}
    assert dataset_digests([Path("data/lr")], tmp_path / "absent") == {}


def test_a_clean_folder_has_no_changes(repository: Path) -> None:
    (repository / "ignored").write_text("x")
    (repository / "dvc.lock").write_text("schema: '2.0'\n")
    assert uncommitted_changes() == ""
    tags = environment_tags()
    assert tags["mlflow.source.git.commit"] == git("rev-parse", "HEAD").strip()


def test_changes_applied_to_the_commit_give_the_folder_again(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (repository / "kept.txt").write_text("one\nthree\n")
    (repository / "new file ü.py").write_text("x = 'ü'\n")
    (repository / "binary").write_bytes(bytes(range(256)))
    (repository / "latin").write_bytes("Grün\n".encode("latin-1"))
    (repository / "sub").mkdir()
    (repository / "sub" / "new").write_text("no end of line")
    patch = tmp_path_factory.mktemp("patch") / "changes.patch"
    patch.write_bytes(uncommitted_changes().encode(errors="surrogateescape"))

    clone = tmp_path_factory.mktemp("clones") / "clone"
    git("clone", "-q", str(repository), str(clone))
    git("apply", "--whitespace=nowarn", str(patch), folder=clone)
    for path in ("kept.txt", "new file ü.py", "binary", "latin", "sub/new"):
        assert (clone / path).read_bytes() == (repository / path).read_bytes(), path


def test_outside_a_repository_there_is_neither_commit_nor_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert uncommitted_changes() == ""
    assert "mlflow.source.git.commit" not in environment_tags()
