"""Degrade a whole store of HR pictures into a store of LR pictures."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.degradation.config import DegradationConfig, degrade
from pipeline.errors import UserError
from pipeline.images.manifest import pixels_sha256, read_manifest, write_manifest
from pipeline.images.picture import crop_to_multiple, read_png, write_png
from pipeline.parallel import one_thread, parallel_map


def degrade_store(
    hr: Path, lr: Path, config: DegradationConfig, *, scale: int, seed: int, jobs: int | None = None
) -> None:
    """Write one LR picture for each HR picture, and the manifest last.

    In mode `online` the training split is left out: training degrades its patches itself.

    Args:
        hr: Store of HR pictures with its manifest.
        lr: Folder to write; what it held before is removed.
        config: The degradation.
        scale: Reduction of both sides.
        seed: Seed of the data set; each picture's draws follow from it and `<set>/<name>`.
        jobs: Number of workers; all cores by default.

    Raises:
        UserError: If the HR store is missing or broken, or a picture is smaller than `scale`.
    """
    frame = read_manifest(hr)[["split", "set", "name"]]
    if config.mode == "online":
        frame = frame[frame["split"] != "train"]
    shutil.rmtree(lr, ignore_errors=True)
    work = partial(_degrade_file, hr=hr, lr=lr, config=config, scale=scale, seed=seed)
    pictures = frame.to_dict("records")
    rows = parallel_map(work, pictures, description="degrade", jobs=jobs, shared=True)
    columns = ["split", "set", "name", "width", "height", "channels", "pixels_sha256"]
    write_manifest(lr, pd.DataFrame(rows, columns=columns))


@one_thread()
def _degrade_file(
    row: dict[str, Any], *, hr: Path, lr: Path, config: DegradationConfig, scale: int, seed: int
) -> dict[str, Any]:
    place = Path(row["split"], row["set"], f"{row['name']}.png")
    picture = crop_to_multiple(read_png(hr / place), scale)
    if not picture.size:
        raise UserError(f"{hr / place}: the picture is smaller than scale {scale}; remove it")
    name = f"{row['set']}/{row['name']}"
    degraded = degrade(picture, config, scale=scale, seed=seed, name=name)
    write_png(lr / place, degraded)
    return {
        **row,
        "width": degraded.shape[1],
        "height": degraded.shape[0],
        "channels": degraded.shape[2] if degraded.ndim == 3 else 1,
        "pixels_sha256": pixels_sha256(degraded),
    }
