"""The logged model, as others load it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from pipeline.images.picture import to_picture, to_tensor
from pipeline.inference.served_model import Upscaler
from pipeline.models import run_on_rgb
from pipeline.models.files import load_model
from tests.tracking.test_recording import all_runs, train

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 16, 20, 3), dtype=np.uint8)


@pytest.fixture
def address(project: Path, client: MlflowClient, model: Path) -> str:
    train(model)
    [run] = all_runs(client)
    return f"models:/{run.outputs.model_outputs[0].model_id}"


def test_the_logged_model_gives_what_the_network_gives(
    address: str, project: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import pyfunc, set_tracking_uri

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlflow.db")
    monkeypatch.setattr(sys, "path", list(sys.path))
    set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    try:
        loaded = pyfunc.load_model(address)
        outputs = loaded.predict(PICTURES)
        with pytest.raises(MlflowException, match="float64 does not match expected dtype uint8"):
            loaded.predict(PICTURES / 255.0)
        with pytest.raises(MlflowException, match=r"\(16, 20, 3\) does not match"):
            loaded.predict(PICTURES[0])
    finally:
        set_tracking_uri(None)
    network = load_model(model)
    expected = [to_picture(run_on_rgb(network, to_tensor(picture))) for picture in PICTURES]
    np.testing.assert_array_equal(outputs, expected)


def test_no_file_of_the_logged_model_is_a_pickle(address: str, project: Path) -> None:
    files = [path for path in (project / "mlartifacts" / "models").rglob("*") if path.is_file()]
    suffixes = {path.suffix for path in files}
    assert ".safetensors" in suffixes
    assert suffixes <= {".safetensors", ".json", ".py", ".yaml", ".txt", ""}
    assert {path.name for path in files if not path.suffix} == {"MLmodel"}


def test_the_logged_model_loads_where_the_project_is_not_installed(
    address: str, project: Path, tmp_path: Path
) -> None:
    code = f"""
        import sys
        sys.meta_path = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")
                         and "editable" not in getattr(f, "__name__", "").lower()]
        sys.path = [p for p in sys.path if not __import__("os").path.isdir(p + "/pipeline")]
        from importlib.util import find_spec
        assert find_spec("pipeline") is None
        import numpy as np
        from mlflow import pyfunc
        model = pyfunc.load_model({address!r})
        print(model.predict(np.zeros((1, 10, 12, 3), np.uint8)).shape)
        import pipeline
        assert "mlartifacts" in pipeline.__file__ or "code" in pipeline.__file__
    """
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{project}/mlflow.db",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "(1, 20, 24, 3)\n"), done.stderr


@pytest.mark.parametrize(
    ("pictures", "complaint"),
    [
        ([[1]], "is a list, not an array"),
        (PICTURES.astype(np.float32), "type is float32, not uint8"),
        (PICTURES[..., :1], r"shape is \(2, 16, 20, 1\)"),
        (PICTURES[0], r"shape is \(16, 20, 3\)"),
        (PICTURES[:0], r"shape is \(0, 16, 20, 3\)"),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(
    model: Path, pictures: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"{complaint}.*8-bit RGB"):
        Upscaler(load_model(model)).predict(pictures)


def test_pictures_that_are_too_small_are_refused(model: Path) -> None:
    network = load_model(model)
    network.min_size = 8
    with pytest.raises(ValueError, match=r"are 20x7.*at least 8x8"):
        Upscaler(network).predict(PICTURES[:, :7])
