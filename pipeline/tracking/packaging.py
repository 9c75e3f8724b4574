"""A trained network as an MLflow model: code and safetensors, no pickle."""

import shutil
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

PACKAGES = ("numpy", "pillow", "pydantic", "ruamel.yaml", "safetensors", "scipy", "torch")
"""What a process needs to load and run a network, besides MLflow."""


def collect(weights: Path, folder: Path) -> None:
    """Copy a model and the code that reads it, as they are now.

    Args:
        weights: The `.safetensors` file.
        folder: Gets `data/` and `code/pipeline/`.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    shutil.copyfile(weights, data / "model.safetensors")
    source = Path(pipeline.__file__).parent
    for path in source.rglob("*.py"):
        target = folder / "code" / "pipeline" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def save_pyfunc(collected: Path, target: Path, *, model: "LoggedModel") -> None:
    """Write an MLflow model of what `collect` gathered.

    Args:
        collected: Folder that `collect` filled.
        target: Folder to create.
        model: MLflow's entry, which the files will belong to.
    """
    import numpy as np
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    warnings.filterwarnings("ignore", message=".*input example was not provided.*")
    pictures = Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3))])
    described = Model(
        artifact_path=model.artifact_location,
        run_id=model.source_run_id,
        model_uuid=model.model_id,
        model_id=model.model_id,
    )
    pyfunc.save_model(
        path=str(target),
        loader_module="pipeline.inference.served_model",
        data_path=str(collected / "data"),
        code_paths=[str(collected / "code" / "pipeline")],
        mlflow_model=described,
        signature=ModelSignature(inputs=pictures, outputs=pictures),
        # Given, because finding them out costs seconds; without local parts of a version.
        pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in PACKAGES],
    )
