"""The key of a training: equal keys mean that the same run would be done again.

A checkpoint may only be resumed where going on gives what starting anew would give. So the key
takes in everything that the outcome depends on: parameters, pixels, the code that computes it,
and the libraries and processor whose arithmetic rounds in its own way.
"""

import hashlib
import json
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import pipeline
from pipeline.models.files import weights_sha256
from pipeline.training.config import Recipe
from pipeline.training.processes import chosen_device

# Without influence on the result: they may change between a run and its continuation.
WITHOUT_INFLUENCE = {"checkpoint_every", "feed_threads", "log_every"}
CODE = ("schema.py", "degradation", "images", "losses", "metrics", "models", "training")


def training_key(
    recipe: Recipe, manifests: list[pd.DataFrame], *, initial: Path | None = None
) -> str:
    """Digest everything that the outcome of a training depends on.

    Args:
        recipe: The parameters.
        manifests: Rows of the pictures used, HR and LR.
        initial: File of the weights to start from.

    Returns:
        32 hexadecimal digits.
    """
    values = recipe.model_dump(mode="json")
    for name in WITHOUT_INFLUENCE:
        del values["train"][name]
    parts = {
        "recipe": values,
        "pictures": [
            rows[["split", "set", "name", "width", "height", "pixels_sha256"]].to_numpy().tolist()
            for rows in manifests
        ],
        "initial": weights_sha256(initial) if initial is not None else None,
        "code": code_digest(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "processor": [platform.machine(), torch.backends.cpu.get_cpu_capability()],
        "device": _device_name(chosen_device(recipe.train)),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def code_digest() -> str:
    """Digest the source files that training runs."""
    root = Path(pipeline.__file__).parent
    digest = hashlib.sha256()
    for name in CODE:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
