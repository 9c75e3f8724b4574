"""The manifest of a stored set of pictures: one row a picture, as pandas reads it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from pipeline.errors import UserError
from pipeline.images.picture import Picture

if TYPE_CHECKING:  # Half a second that the processes of the stores need not spend.
    import pandas as pd

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")

FILE_NAME = "manifest.csv"
# Names such as `0001` or `NA` are text, whatever pandas would make of them.
_TEXT = ("split", "set", "name", "pixels_sha256", "file_sha256", "source", "source_sha256")


class StoredPicture(NamedTuple):
    """One picture of a store."""

    set: str
    name: str
    path: Path


def pixels_sha256(picture: Picture) -> str:
    """SHA-256 of the pixels, row by row, without the size."""
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


def read_manifest(folder: Path) -> pd.DataFrame:
    """Read the manifest of `data/hr` or `data/lr`.

    Raises:
        UserError: If there is none, as after a stage that failed.
    """
    import pandas as pd

    path = folder / FILE_NAME
    try:
        return pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no manifest; run `dvc repro`") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise UserError(f"{path}: this is no manifest ({error})") from None


def write_manifest(folder: Path, frame: pd.DataFrame) -> None:
    """Write a manifest, rows sorted by split, set and name, so that its bytes are determined."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{FILE_NAME}.part"
    ordered = frame.sort_values(["split", "set", "name"])
    ordered.to_csv(temporary, index=False, lineterminator="\n")
    os.replace(temporary, folder / FILE_NAME)


def stored_pictures(folder: Path, split: Split) -> list[StoredPicture]:
    """List one split of a store, in the manifest's order.

    Raises:
        UserError: If the store has no manifest.
    """
    frame = read_manifest(folder)
    rows = frame[frame["split"] == split]
    pairs = zip(rows["set"], rows["name"], strict=True)
    return [StoredPicture(s, n, folder / split / s / f"{n}.png") for s, n in pairs]
