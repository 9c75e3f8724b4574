"""Where runs are recorded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipeline.errors import UserError
from pipeline.tracking import store
from tests.tracking.conftest import clean_environment


def test_the_store_is_in_the_main_checkout_also_from_a_temporary_copy(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy" / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(project))
    assert store.tracking_uri() == f"sqlite:///{project}/mlflow.db"
    client = store.connect()
    run = client.create_run(store.experiment_id(client))
    client.log_text(run.info.run_id, "text", "note.txt")
    assert list((project / "mlartifacts").rglob("note.txt"))
    assert not list((tmp_path / "copy").glob("ml*"))


def test_the_address_of_the_environment_wins(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert store.tracking_uri() == "http://127.0.0.1:1"
    assert not store.is_default()


def test_runs_are_found_after_the_checkout_was_moved(
    project: Path, client: MlflowClient, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = client.create_run(store.experiment_id(client))
    client.log_text(run.info.run_id, "text", "note.txt")
    logged = client.create_logged_model(run.info.experiment_id, "model", run.info.run_id)
    client.create_registered_model("edsr")
    client.create_model_version("edsr", logged.artifact_location, run.info.run_id)

    moved = project.parent / "elsewhere"
    shutil.move(project, moved)
    monkeypatch.chdir(moved)
    again = store.connect()
    assert again.get_run(run.info.run_id).info.artifact_uri.startswith(moved.as_uri())
    assert [file.path for file in again.list_artifacts(run.info.run_id)] == ["note.txt"]
    place = again.get_logged_model(logged.model_id).artifact_location
    assert place.startswith(moved.as_uri())
    assert again.get_model_version("edsr", "1").source.startswith(moved.as_uri())


def test_two_processes_may_create_the_store_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    code = (
        "from pipeline.tracking import store; c = store.connect();"
        "c.create_run(store.experiment_id(c))"
    )
    environment = os.environ | {"DVC_ROOT": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=tmp_path)
        for _ in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    client = store.connect()
    assert len(client.search_runs([store.experiment_id(client)])) == 2


def test_a_store_that_is_away_is_one_clear_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    with pytest.raises(UserError, match=r"http://127.0.0.1:1 cannot be opened.*MLFLOW_TRACKING"):
        store.connect_or_explain()
