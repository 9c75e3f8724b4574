"""The pictures of a training, from the stored HR and LR folders."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipeline.errors import UserError
from pipeline.images.manifest import read_manifest
from pipeline.training.cache import CachedPicture, cached_pictures
from pipeline.training.feed import Pair

Split = str
_PLACE = ["split", "set", "name"]


class StoredRows(NamedTuple):
    """Rows of the HR and the LR manifest of the splits that training uses, in the same order.

    Where LR is made during training, the split `train` has no rows of LR.
    """

    hr: pd.DataFrame
    lr: pd.DataFrame


def paired_rows(
    hr_folder: Path, lr_folder: Path, *, scale: int, online: bool = False
) -> StoredRows:
    """Match the manifests' rows of the splits that training uses.

    Args:
        hr_folder: HR pictures with their manifest.
        lr_folder: The same of LR.
        scale: HR over LR.
        online: Whether LR of the split `train` is made during training.

    Raises:
        UserError: If an HR picture has no LR, or one of the wrong size.
    """
    hr, lr = read_manifest(hr_folder), read_manifest(lr_folder)
    hr = hr[hr["split"].isin(["train", "valid"])].sort_values(_PLACE).reset_index(drop=True)
    stored = hr[hr["split"] != "train"].reset_index(drop=True) if online else hr
    both = stored[_PLACE].merge(lr, on=_PLACE, how="left")
    absent = both[both["pixels_sha256"].isna()]
    if len(absent):
        place = "/".join(absent.iloc[0][_PLACE])
        raise UserError(f"{lr_folder}: there is no LR picture for {place}; run the stage degrade")
    for side in ("height", "width"):
        wrong = both[both[side] != stored[side] // scale]
        if len(wrong):
            place = "/".join(wrong.iloc[0][_PLACE])
            raise UserError(f"{lr_folder}: {place} is not 1/{scale} of its HR picture in {side}")
    return StoredRows(hr, both)


def load_pairs(
    rows: StoredRows, split: Split, *, hr_folder: Path, lr_folder: Path, cache: Path
) -> list[Pair]:
    """Decode the pictures of a split, where they are not in the cache yet."""
    hr_rows, lr_rows = (frame[frame["split"] == split] for frame in rows)
    hr = cached_pictures(cache, hr_folder, hr_rows)
    lr: list[CachedPicture | None] = list(cached_pictures(cache, lr_folder, lr_rows))
    names = (hr_rows["set"] + "/" + hr_rows["name"]).tolist()
    return [Pair(*triple) for triple in zip(names, hr, lr or [None] * len(hr), strict=True)]
