"""The HR store: exact, verified, incremental, all or nothing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import parallel
from pipeline.data import facts, store
from pipeline.data.hashing import file_sha256
from pipeline.data.store import build_store
from pipeline.errors import UserError
from pipeline.images.decode import decode
from pipeline.images.manifest import pixels_sha256, read_manifest, stored_pictures
from pipeline.images.picture import Picture, read_png

Count = Callable[[], list[str]]
COLUMNS = (
    "split,set,name,width,height,channels,lossy,pixels_sha256,file_sha256,source,source_sha256"
)


def texture(seed: int, height: int = 30, width: int = 25) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def put(folder: Path, name: str, picture: Picture, **options: int) -> Path:
    path = folder / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **options)
    return path


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Count:
    """Names of the files decoded since the last call."""
    names: list[str] = []

    def counting(path: Path) -> object:
        names.append(path.name)
        return decode(path)

    monkeypatch.setattr(parallel, "cpu_count", lambda: 1)
    monkeypatch.setattr(facts, "decode", counting)

    def since() -> list[str]:
        found = sorted(names)
        names.clear()
        return found

    return since


def build(folder: Path, **options: bool) -> pd.DataFrame:
    build_store(folder / "raw", folder / "hr", work=folder / "work", **options)
    return read_manifest(folder / "hr")


def tree(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def three(tmp_path: Path) -> Path:
    put(tmp_path, "train/mine/a.png", texture(1))
    put(tmp_path, "train/mine/sub/b.jpg", texture(2), quality=90)
    put(tmp_path, "test/Set/007.png", texture(3)[:, :, 0])
    return tmp_path


def test_the_store_holds_exactly_the_decoded_pixels(three: Path):
    frame = build(three)
    assert (three / "hr" / "manifest.csv").read_text().splitlines()[0] == COLUMNS
    assert frame[["split", "set", "name"]].to_numpy().tolist() == [
        ["test", "Set", "007"],
        ["train", "mine", "a"],
        ["train", "mine", "sub__b"],
    ]
    assert frame["lossy"].tolist() == [False, False, True]
    assert frame["channels"].tolist() == [1, 3, 3]
    assert (frame["width"] == 25).all()
    assert (frame["height"] == 30).all()
    for row in frame.itertuples():
        path = three / "hr" / row.split / row.set / f"{row.name}.png"
        source = three / "raw" / row.source
        picture = read_png(path)
        assert np.array_equal(picture, decode(source).picture)
        assert row.pixels_sha256 == pixels_sha256(picture)
        assert row.file_sha256 == file_sha256(path)
        assert row.source_sha256 == file_sha256(source)
    assert sorted(tree(three / "hr")) == [
        "manifest.csv",
        "test/Set/007.png",
        "train/mine/a.png",
        "train/mine/sub__b.png",
    ]
    [stored] = stored_pictures(three / "hr", "test")
    assert stored == ("Set", "007", three / "hr" / "test" / "Set" / "007.png")


def test_one_picture_added_to_a_thousand_is_one_decoded(tmp_path: Path, decoded: Count):
    for number in range(1000):
        put(tmp_path, f"train/many/{number:04}.png", texture(number, 8, 8))
    build(tmp_path)
    assert len(decoded()) == 1000
    put(tmp_path, "train/many/new.png", texture(1000, 8, 8))
    frame = build(tmp_path)
    assert decoded() == ["new.png"]
    assert len(frame) == 1001
    build(tmp_path)
    assert decoded() == []


def test_only_what_changed_is_decoded_and_the_rest_is_not_written(three: Path, decoded: Count):
    build(three)
    decoded()
    stamps = {path: os.stat(path).st_mtime_ns for path in (three / "hr").rglob("*.png")}
    put(three, "train/mine/a.png", texture(9))
    build(three)
    assert decoded() == ["a.png"]
    changed = {p for p, stamp in stamps.items() if os.stat(p).st_mtime_ns != stamp}
    assert changed == {three / "hr" / "train" / "mine" / "a.png"}


@pytest.mark.parametrize("keep_work", [True, False])
def test_an_update_gives_the_bytes_of_an_empty_start(three: Path, keep_work: bool):
    build(three)
    put(three, "train/mine/c.png", texture(4))
    (three / "raw" / "train" / "mine" / "a.png").unlink()
    if not keep_work:
        shutil.rmtree(three / "work")
    build(three)
    updated = tree(three / "hr")
    shutil.rmtree(three / "hr")
    shutil.rmtree(three / "work")
    build(three)
    assert tree(three / "hr") == updated


def test_processes_give_the_bytes_of_one(three: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parallel, "cpu_count", lambda: 2)
    build(three)
    both = tree(three / "hr")
    shutil.rmtree(three / "hr")
    shutil.rmtree(three / "work")
    monkeypatch.setattr(parallel, "cpu_count", lambda: 1)
    build(three)
    assert tree(three / "hr") == both


def test_what_somebody_changed_in_the_store_is_mended(three: Path, decoded: Count):
    build(three)
    good = tree(three / "hr")
    decoded()
    (three / "hr" / "train" / "mine" / "a.png").write_bytes(b"damaged")
    (three / "hr" / "test" / "Set" / "007.png").unlink()
    (three / "hr" / "stray.txt").write_text("x")
    build(three)
    assert tree(three / "hr") == good
    assert decoded() == ["007.png", "a.png"]


def test_all_bad_files_are_named_in_one_error_and_the_store_stays(three: Path):
    build(three)
    good = tree(three / "hr")
    (three / "raw" / "train" / "mine" / "notes.txt").write_text("no picture")
    cut = put(three, "train/mine/cut.png", texture(5))
    cut.write_bytes(cut.read_bytes()[:200])
    put(three, "train/mine/fine.png", texture(6))
    with pytest.raises(UserError) as raised:
        build(three)
    message = str(raised.value)
    assert "notes.txt: this is not a picture" in message
    assert "cut.png: this picture is damaged or truncated" in message
    assert "fine.png" not in message
    assert tree(three / "hr") == good
    assert not list((three / "work").rglob("*.part"))


def test_after_a_failure_only_the_rest_is_decoded(three: Path, decoded: Count):
    bad = three / "raw" / "train" / "mine" / "bad.png"
    bad.write_bytes(b"bad")
    with pytest.raises(UserError):
        build(three)
    assert len(decoded()) == 4
    assert not (three / "hr").exists()
    bad.unlink()
    build(three)
    assert decoded() == []


def test_a_disk_that_keeps_something_else_is_found_out(
    three: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parallel, "cpu_count", lambda: 1)
    monkeypatch.setattr(facts, "read_png", lambda path: 255 - read_png(path))
    with pytest.raises(UserError, match="what is read back is not what was written"):
        build(three)
    assert not list((three / "work").rglob("*.png"))


def test_leakage_is_refused_with_the_pairs_names_unless_allowed(
    three: Path, capsys: pytest.CaptureFixture[str]
):
    large = np.asarray(Image.fromarray(texture(8)).resize((250, 301), Image.Resampling.BICUBIC))
    put(three, "train/mine/x.png", large)
    put(three, "test/Set/y.jpg", large[:300, ::-1], quality=80)
    with pytest.raises(UserError, match="train/mine/x and test/Set/y are the same photo") as raised:
        build(three)
    assert "data.allow_leakage: true" in str(raised.value)
    assert "allow_duplicates" not in str(raised.value)
    assert not (three / "hr").exists()
    assert len(build(three, allow_leakage=True)) == 5
    assert "note: train/mine/x and test/Set/y are the same photo" in capsys.readouterr().out


def test_duplicates_are_refused_with_the_pairs_names_unless_allowed(three: Path):
    put(three, "train/mine/again.bmp", texture(1))
    with pytest.raises(UserError, match="train/mine/a and train/mine/again are equal") as raised:
        build(three)
    assert "data.allow_duplicates: true" in str(raised.value)
    assert len(build(three, allow_duplicates=True)) == 4


def test_names_that_a_file_system_may_confuse_are_kept_apart(tmp_path: Path):
    for number, name in enumerate(
        ["A.png", "a.png", "a.bmp", "Ü.png", "U\u0308.png", "漫画/猫.png"]
    ):
        put(tmp_path, f"train/s/{name}", texture(number))
    names = build(tmp_path)["name"].tolist()
    assert len({name.casefold() for name in names}) == 6
    assert {"A", "a~2", "a~3", "漫画__猫"} <= set(names)


def test_an_empty_raw_folder_is_told(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(UserError, match="run the download stage"):
        build(tmp_path)


def test_the_manifest_keeps_text_as_text_and_is_told_when_missing(tmp_path: Path):
    for number, name in enumerate(["0001", "NA", "1e5", "true"]):
        put(tmp_path, f"train/s/{name}.png", texture(number))
    frame = build(tmp_path)
    assert frame["name"].tolist() == ["0001", "1e5", "NA", "true"]
    assert frame["lossy"].dtype == bool
    with pytest.raises(UserError, match=r"manifest\.csv: there is no manifest"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text("")
    with pytest.raises(UserError, match=r"manifest\.csv: this is no manifest"):
        read_manifest(tmp_path)


def test_facts_found_in_another_way_are_not_trusted(
    three: Path, decoded: Count, monkeypatch: pytest.MonkeyPatch
):
    build(three)
    assert len(decoded()) == 3
    monkeypatch.setattr(facts, "_recipe", lambda: "another")
    build(three)
    assert len(decoded()) == 3
    assert store.recall(three / "work")
