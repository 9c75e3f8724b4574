"""Small stored pictures, and recipes small enough to train in a moment."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.images.manifest import pixels_sha256, write_manifest
from pipeline.images.picture import Picture, write_png
from pipeline.images.resize import imresize
from pipeline.schema import validate
from pipeline.training.config import Recipe

SIZES = {"train": [(40, 32), (32, 48), (36, 36)], "valid": [(32, 40)], "test": [(32, 32)]}


def texture(height: int, width: int, *, seed: int, channels: int = 3) -> Picture:
    """A smooth picture with some structure: noise, enlarged."""
    generator = np.random.default_rng(seed)
    shape = (height // 4, width // 4, channels)
    picture = imresize(generator.integers(0, 256, shape, dtype=np.uint8), 4)
    return picture[:, :, 0] if channels == 1 else picture


def write_stores(folder: Path, *, scale: int = 2) -> tuple[Path, Path]:
    """Write `hr` and `lr` with their manifests; one training picture is greyscale."""
    rows: dict[str, list[dict[str, Any]]] = {"hr": [], "lr": []}
    for split, sizes in SIZES.items():
        for number, (height, width) in enumerate(sizes):
            channels = 1 if number == 2 else 3
            hr = texture(height, width, seed=number, channels=channels)
            for kind, picture in (("hr", hr), ("lr", imresize(hr, 1 / scale))):
                write_png(folder / kind / split / "made" / f"{number}.png", picture)
                rows[kind].append(
                    {
                        "split": split,
                        "set": "made",
                        "name": str(number),
                        "width": picture.shape[1],
                        "height": picture.shape[0],
                        "channels": channels,
                        "pixels_sha256": pixels_sha256(picture),
                    }
                )
    for kind, kind_rows in rows.items():
        write_manifest(folder / kind, pd.DataFrame(kind_rows))
    return folder / "hr", folder / "lr"


def small_recipe(
    *,
    scale: int = 2,
    seed: int = 3,
    model: Any = None,
    loss: Any = None,
    degradation: Any = None,
    **train: Any,
) -> Recipe:
    """A recipe of 12 steps on patches of 16 pixels; `train` overrides its section."""
    values = {
        "seed": seed,
        "scale": scale,
        "degradation": degradation or {},
        "model": model or {"name": "edsr", "num_features": 4, "num_blocks": 1},
        "loss": loss or [{"name": "l1"}],
        "train": {
            "steps": 12,
            "batch_size": 2,
            "patch_size": 16,
            "ema": 0.9,
            "checkpoint_every": 3,
            "log_every": 2,
            "validation": {"every": 4, "crop": 24},
            "threads": 1,
            **train,
        },
    }
    return validate(Recipe, values, where="test")
