"""From what a person calls a model to its file."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipeline.errors import UserError
from pipeline.models.files import load_model, weights_sha256
from pipeline.tracking.resolve import resolve_model
from tests.tracking.test_recording import all_runs, train


def test_a_file_is_itself(model: Path) -> None:
    assert resolve_model(str(model)) == model


@pytest.mark.parametrize("form", ["{}", "runs:/{}", "runs:/{}/model"])
def test_a_run_gives_its_weights(
    form: str, project: Path, client: MlflowClient, model: Path
) -> None:
    train(model)
    [run] = all_runs(client)
    found = resolve_model(form.format(run.info.run_id))
    assert weights_sha256(found) == weights_sha256(model)
    assert load_model(found).scale == 2
    modified = found.stat().st_mtime_ns
    assert resolve_model(form.format(run.info.run_id)) == found
    assert found.stat().st_mtime_ns == modified  # not fetched again


def test_a_registered_model_gives_its_weights(
    project: Path, client: MlflowClient, model: Path
) -> None:
    train(model)
    [run] = all_runs(client)
    source = f"models:/{run.outputs.model_outputs[0].model_id}"
    client.create_registered_model("edsr")
    client.create_model_version("edsr", source, run.info.run_id)
    client.set_registered_model_alias("edsr", "best", "1")
    for reference in (source, "models:/edsr/1", "models:/edsr@best"):
        assert weights_sha256(resolve_model(reference)) == weights_sha256(model)


def test_damaged_weights_are_refused(project: Path, client: MlflowClient, model: Path) -> None:
    train(model)
    [run] = all_runs(client)
    [weights] = (project / "mlartifacts").rglob("model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match=r"damaged: sha256 .* the run has"):
        resolve_model(run.info.run_id)


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("models/absent.safetensors", "there is no such model; give"),
        ("0" * 32, "has no such run; `sr runs` lists them"),
        ("runs:/" + "0" * 32, "has no such run"),
        ("models:/absent/1", "cannot be fetched"),
    ],
)
def test_what_does_not_exist_is_one_clear_error(
    reference: str, complaint: str, project: Path
) -> None:
    with pytest.raises(UserError, match=complaint):
        resolve_model(reference)


def test_a_run_without_model_is_one_clear_error(project: Path, client: MlflowClient) -> None:
    train()
    [run] = all_runs(client)
    with pytest.raises(UserError, match="has no model"):
        resolve_model(run.info.run_id)
