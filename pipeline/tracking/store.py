"""Where runs are recorded, and an MLflow that neither calls home nor chatters."""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from pipeline.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "super-resolution"

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    # Waiting for a server that is away is the outbox's work.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}

# Every column of MLflow's tables that holds the absolute path of an artifact.
_PATH_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def main_root() -> Path:
    """Root of the main checkout, also inside the temporary copies that DVC makes.

    DVC tells its stages; elsewhere it is the nearest folder upwards that DVC manages, or the
    working folder where there is none.
    """
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"]).resolve()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def is_default() -> bool:
    """Whether the runs go to the SQLite file of the main checkout."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def tracking_uri() -> str:
    """Address of the store: `MLFLOW_TRACKING_URI`, or `mlflow.db` in the main checkout's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{_database().as_posix()}"


def quiet() -> None:
    """Set what MLflow reads while it is imported; what the user has set stays."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def connect() -> "MlflowClient":
    """Open the store; the default one is created by its first user.

    Raises:
        Exception: Whatever MLflow raises for a store that is away.
    """
    quiet()
    from mlflow import MlflowClient

    if not is_default():
        return MlflowClient(tracking_uri())
    # Two processes that create one database at the same time break each other.
    lock = main_root() / ".cache" / "store.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        _follow_moved_checkout(_database(), _artifacts())
        client = MlflowClient(tracking_uri())
        client.search_experiments(max_results=1)
        experiment_id(client)
    return client


def connect_or_explain() -> "MlflowClient":
    """Open the store for a command that cannot do without.

    Raises:
        UserError: If the store is away.
    """
    try:
        client = connect()
        client.search_experiments(max_results=1)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"the tracking store {tracking_uri()} cannot be opened: {reason}; "
            "check MLFLOW_TRACKING_URI, or unset it to use mlflow.db in the project's root"
        ) from error
    return client


def experiment_id(client: "MlflowClient") -> str:
    """The experiment that holds the runs, created where it is missing.

    Its name is `MLFLOW_EXPERIMENT_NAME`, or `super-resolution`.
    """
    from mlflow.exceptions import MlflowException

    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        location = _artifacts().as_uri() if is_default() else None
        try:
            return client.create_experiment(name, artifact_location=location)
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return experiment.experiment_id


def _database() -> Path:
    return main_root() / "mlflow.db"


def _artifacts() -> Path:
    return main_root() / "mlartifacts"


def _follow_moved_checkout(database: Path, artifacts: Path) -> None:
    """Correct the absolute paths that MLflow stored, where the checkout was moved or copied."""
    if not database.exists():
        return
    here = artifacts.as_uri()
    connection = sqlite3.connect(database, timeout=30)
    try:
        stored = [
            location
            for (location,) in connection.execute("SELECT artifact_location FROM experiments")
            if location.endswith(f"/{artifacts.name}") and location != here
        ]
        with connection:
            for there in dict.fromkeys(stored):
                for table, column in _PATH_COLUMNS:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                        f"WHERE substr({column}, 1, ?) = ?",
                        (here, len(there) + 1, len(there), there),
                    )
    except sqlite3.OperationalError:
        return  # not yet a store: MLflow makes the tables
    finally:
        connection.close()
