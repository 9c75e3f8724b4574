"""From what a person calls a model to its file."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.models.files import weights_sha256
from pipeline.tracking.store import connect_or_explain, main_root, quiet, tracking_uri
from pipeline.tracking.writer import MODEL_NAME, WEIGHTS_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def resolve_model(reference: str) -> Path:
    """Find the weights file that a reference means; models of the store are downloaded once.

    Args:
        reference: Path of a `.safetensors` file, id of a run, `runs:/<id>`,
            `models:/<name>/<version>` or `models:/<name>@<alias>`.

    Returns:
        The `.safetensors` file.

    Raises:
        UserError: If there is no such model, or its weights are not those of the run.
    """
    path = Path(reference)
    if path.is_file():
        return path
    run_id = reference.removeprefix("runs:/").partition("/")[0]
    if reference.startswith("runs:/") or _RUN_ID.fullmatch(reference):
        return _model_of_run(find_run(connect_or_explain(), run_id))
    if reference.startswith("models:/"):
        connect_or_explain()
        return _download(reference, expected="")
    raise UserError(
        f"{reference}: there is no such model; give a .safetensors file, the id of a run "
        "(`sr runs` lists them), runs:/<id>, or models:/<name>/<version>"
    )


def find_run(client: "MlflowClient", run_id: str) -> "Run":
    """Get a run by its id.

    Raises:
        UserError: If the store has no such run.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        raise UserError(
            f"{run_id}: the store {tracking_uri()} has no such run; `sr runs` lists them ({error})"
        ) from None


def _model_of_run(run: "Run") -> Path:
    digest = run.data.tags.get(WEIGHTS_TAG)
    outputs = run.outputs.model_outputs if run.outputs else []
    if digest is None or not outputs:
        raise UserError(f"run {run.info.run_id} ({run.info.run_name}): it has no {MODEL_NAME}")
    kept = _cache() / digest / "model.safetensors"
    if kept.is_file() and weights_sha256(kept) == digest:
        return kept
    return _download(f"models:/{outputs[-1].model_id}", expected=digest)


def _download(address: str, *, expected: str) -> Path:
    """Download a logged model into the cache, named by the digest of its weights."""
    quiet()
    from mlflow.artifacts import download_artifacts

    _cache().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=_cache()) as folder:
        try:
            here = download_artifacts(
                artifact_uri=address, dst_path=folder, tracking_uri=tracking_uri()
            )
        except Exception as error:  # MLflow, HTTP and file errors alike
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{address}: this model cannot be fetched ({reason})") from error
        weights = next(Path(here).rglob("model.safetensors"), None)
        if weights is None:
            raise UserError(f"{address}: this is not a model of this program: no model.safetensors")
        digest = weights_sha256(weights)
        if expected not in ("", digest):
            raise UserError(
                f"{address}: the weights are damaged: sha256 {digest}, the run has {expected}"
            )
        target = _cache() / digest
        target.mkdir(exist_ok=True)
        shutil.move(weights, target / "model.safetensors")
    return target / "model.safetensors"


def _cache() -> Path:
    return main_root() / ".cache" / "models"
