"""From the configured sources to the folder of raw files."""

import shutil
from pathlib import Path

from pipeline.data.config import DataConfig
from pipeline.data.sources import Places
from pipeline.images.manifest import SPLITS


def collect(config: DataConfig, raw: Path, *, places: Places) -> None:
    """Make `raw/<split>/<set>/` hold exactly what the sources give, and `raw` nothing else.

    Raises:
        UserError: If a source cannot be had.
    """
    wanted: set[Path] = set()
    for split in SPLITS:
        for source in config.sources(split):
            folder = raw / split / source.set_name
            source.collect(folder, split=split, places=places)
            wanted.add(folder)
    for present in [*raw.glob("*"), *raw.glob("*/*")]:
        if not any(folder.is_relative_to(present) for folder in wanted):
            shutil.rmtree(present) if present.is_dir() else present.unlink()
