"""The cache of decoded pictures."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.images.manifest import read_manifest
from pipeline.images.picture import as_rgb, read_png, write_png
from pipeline.training import cache as module
from pipeline.training.cache import cache_root, cached_pictures
from tests.training.stores import write_stores


@pytest.fixture
def rows(tmp_path: Path) -> pd.DataFrame:
    write_stores(tmp_path)
    frame = read_manifest(tmp_path / "hr")
    return frame[frame["split"] == "train"]


@pytest.mark.parametrize(
    "limits", [{"READ_AT_MOST": 0, "HELD_AT_MOST": 0}, {"HELD_AT_MOST": 0}, {}], ids=str
)
def test_pictures_come_back_as_they_were_greyscale_with_equal_channels(
    tmp_path: Path, rows: pd.DataFrame, limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
):
    for name, value in limits.items():
        monkeypatch.setattr(module, name, value)
    pictures = cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)
    assert len(pictures) == 3
    assert all((picture.pixels is None) == ("HELD_AT_MOST" in limits) for picture in pictures)
    for picture, name in zip(pictures, rows["name"], strict=True):
        expected = as_rgb(read_png(tmp_path / "hr" / "train" / "made" / f"{name}.png"))
        assert np.array_equal(picture.whole(), expected)
        assert np.array_equal(picture.window(3, 5, 7, 4), expected[3:10, 5:9])


def test_a_picture_is_decoded_once(
    tmp_path: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    cached_pictures(tmp_path / "cache", tmp_path / "hr", rows[:2])
    decoded = []
    monkeypatch.setattr(module, "read_png", lambda path: decoded.append(path) or read_png(path))
    cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)
    assert [path.name for path in decoded] == ["2.png"]


def test_a_half_written_picture_is_made_again(tmp_path: Path, rows: pd.DataFrame):
    first = cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)[0]
    whole = first.whole()
    first.path.write_bytes(first.path.read_bytes()[:100])
    again = cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)[0]
    assert np.array_equal(again.whole(), whole)


def test_pixels_that_differ_from_the_manifest_are_refused(tmp_path: Path, rows: pd.DataFrame):
    path = tmp_path / "hr" / "train" / "made" / "1.png"
    write_png(path, 255 - read_png(path))
    with pytest.raises(UserError, match=r"train/made/1\.png: the pixels differ"):
        cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)


def test_a_missing_picture_is_named(tmp_path: Path, rows: pd.DataFrame):
    (tmp_path / "hr" / "train" / "made" / "1.png").unlink()
    with pytest.raises(UserError, match=r"train/made/1\.png: there is no such file"):
        cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count files")
def test_reading_holds_no_file_open(
    tmp_path: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "HELD_AT_MOST", 0)
    pictures = cached_pictures(tmp_path / "cache", tmp_path / "hr", rows)
    before = len(os.listdir("/proc/self/fd"))
    windows = [picture.window(0, 0, 8, 8) for _ in range(50) for picture in pictures]
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(windows) == 150


def test_the_cache_is_in_the_main_checkout_under_dvc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DVC_ROOT", "/somewhere")
    assert cache_root() == Path("/somewhere/.cache")
    monkeypatch.delenv("DVC_ROOT")
    assert cache_root() == Path(".cache")
