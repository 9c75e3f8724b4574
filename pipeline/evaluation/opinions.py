"""Scores that people gave: the table of a study, and finding a picture in it by its pixels."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.errors import UserError
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import read_png

FOLDER = "opinions"
"""Where results of studies lie in the project: the stage `evaluate` depends on all of it."""

SCORES = ("mos", "preference")
"""What a study may have asked for: grades from 1 to 5, or the share of comparisons won."""

COLUMNS = ("set", "image", "method", "low", "high", "answers", "pixels_sha256")
"""Beside the score, what `results.csv` of a study holds at least; one row a picture and method."""


class Opinions(NamedTuple):
    """What people thought of pictures.

    Attributes:
        score: `mos` or `preference`.
        by_pixels: Score by SHA-256 of the whole picture's pixels, as `pixels_sha256` gives it.
    """

    score: str
    by_pixels: Mapping[str, float]


def read_scores(path: Path) -> Opinions:
    """Read `results.csv` of a study.

    Scores are found by the pixels that were judged, not by names: after another training the
    same name is another picture, and nobody has judged it yet.

    Raises:
        UserError: If there is no such file, or it is no such table.
    """
    try:
        frame = pd.read_csv(path, dtype={"set": str, "image": str, "method": str})
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; `sr study results` makes it") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: this is not a table ({error})") from None
    score = next((name for name in SCORES if name in frame.columns), None)
    missing = [name for name in COLUMNS if name not in frame.columns]
    if score is None or missing:
        lacking = missing[0] if missing else " or ".join(SCORES)
        raise UserError(f"{path}: it has no column {lacking}; `sr study results` makes it")
    values = pd.to_numeric(frame[score], errors="coerce")
    if values.isna().any():
        raise UserError(f"{path}: column {score} holds something that is no number")
    return Opinions(score, dict(zip(frame["pixels_sha256"], values.astype(float), strict=True)))


def add_opinions(frame: pd.DataFrame, path: Path, results: Path) -> pd.DataFrame:
    """Put what people thought beside the scores.

    Args:
        frame: One row a picture and method, from `Evaluation.run`.
        path: `results.csv` of a study.
        results: Folder of the pictures that were scored, `<method>/<set>/<name>.png`.

    Returns:
        The frame with a column `mos` or `preference`, NaN for pictures that nobody has judged.

    Raises:
        UserError: If the file cannot be read, or nobody has judged any of the pictures.
    """
    score, by_pixels = read_scores(path)
    files = [
        results / method / folder / f"{name}.png"
        for method, folder, name in zip(frame["method"], frame["set"], frame["image"], strict=True)
    ]
    found = [by_pixels.get(pixels_sha256(read_png(file)), np.nan) for file in files]
    if np.isnan(found).all():
        raise UserError(f"evaluate.study: in {path}, nobody has judged any of these pictures")
    return frame.assign(**{score: found})
