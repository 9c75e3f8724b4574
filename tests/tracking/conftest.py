"""A project with its own store, and a small model."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipeline.models import network_config
from pipeline.models.files import save_model
from pipeline.tracking import outbox, store
from tests.tracking.servers import Server, mlflow_server


def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("DVC_", "MLFLOW_TRACKING", "MLFLOW_EXPERIMENT")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose store exists already: making the tables takes seconds."""
    root = tmp_path_factory.mktemp("template")
    (root / ".dvc").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        clean_environment(patch)
        patch.chdir(root)
        store.connect()
    return root


@pytest.fixture
def project(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a project, as working folder, with an empty SQLite store."""
    root = tmp_path / "my project"
    shutil.copytree(empty_store, root)
    clean_environment(monkeypatch)
    monkeypatch.chdir(root)
    monkeypatch.setattr(outbox, "INTERVAL", 0.1)
    return root


@pytest.fixture
def client(project: Path) -> MlflowClient:
    return store.connect()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with fresh weights."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    config = network_config({"name": "edsr", "num_features": 4, "num_blocks": 1})
    save_model(path, config.build(scale=2), config, scale=2)
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real MLflow server over SQLite on this machine."""
    with mlflow_server(tmp_path / "server", f"sqlite:///{tmp_path / 'server.db'}") as running:
        yield running
