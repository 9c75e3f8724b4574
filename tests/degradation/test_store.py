"""The stage's work: stores of LR, and what their bytes depend on."""

import shutil

import numpy as np
import pandas as pd
import pytest

from pipeline.degradation.config import DegradationConfig, degrade
from pipeline.degradation.store import degrade_store
from pipeline.errors import UserError
from pipeline.images.manifest import pixels_sha256, read_manifest, write_manifest
from pipeline.images.picture import crop_to_multiple, read_png, write_png

PICTURES = [
    ("train", "mine", "a", (0, 0, 41, 50)),
    ("train", "mine", "b", (60, 60, 48, 48)),
    ("train", "other", "b", (60, 60, 48, 48)),
    ("valid", "mine", "0001", (100, 20, 37, 64)),
    ("test", "mine", "grey", (30, 100, 40, 40)),
]


def make_store(folder, photograph, rows):
    listed = []
    for split, set_name, name, (top, left, height, width) in rows:
        picture = photograph[top : top + height, left : left + width]
        picture = picture[:, :, 0] if name == "grey" else picture
        write_png(folder / split / set_name / f"{name}.png", np.ascontiguousarray(picture))
        listed.append({"split": split, "set": set_name, "name": name})
    write_manifest(folder, pd.DataFrame(listed))
    return folder


@pytest.fixture
def hr(photograph, tmp_path):
    return make_store(tmp_path / "hr", photograph, PICTURES)


def store(hr, folder, *, preset="DN", mode="stored", scale=4, seed=0, jobs=1):
    config = DegradationConfig(preset=preset, mode=mode)
    degrade_store(hr, folder, config, scale=scale, seed=seed, jobs=jobs)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_picture_has_its_lr_and_its_row(hr, tmp_path):
    files = store(hr, tmp_path / "lr")
    assert sorted(files) == sorted(
        ["manifest.csv", *(f"{split}/{set_}/{name}.png" for split, set_, name, _ in PICTURES)]
    )
    frame = read_manifest(tmp_path / "lr")
    assert list(frame.columns) == [
        *("split", "set", "name", "width", "height", "channels", "pixels_sha256")
    ]
    for row in frame.to_dict("records"):
        path = f"{row['split']}/{row['set']}/{row['name']}.png"
        lr, whole = read_png(tmp_path / "lr" / path), crop_to_multiple(read_png(hr / path), 4)
        assert (row["height"], row["width"]) == lr.shape[:2]
        assert lr.shape[:2] == (whole.shape[0] // 4, whole.shape[1] // 4)
        assert row["channels"] == (1 if row["name"] == "grey" else 3)
        assert row["pixels_sha256"] == pixels_sha256(lr)
        expected = degrade(
            whole,
            DegradationConfig(preset="DN"),
            scale=4,
            seed=0,
            name=f"{row['set']}/{row['name']}",
        )
        np.testing.assert_array_equal(lr, expected)


@pytest.mark.parametrize("preset", ["BD", "BSRGAN", "Real-ESRGAN"])
def test_bytes_do_not_depend_on_the_number_of_workers(hr, tmp_path, preset):
    one = store(hr, tmp_path / "one", preset=preset, jobs=1)
    assert store(hr, tmp_path / "two", preset=preset, jobs=2) == one


def test_bytes_do_not_depend_on_the_order_nor_on_other_pictures(photograph, hr, tmp_path):
    whole = store(hr, tmp_path / "lr", preset="BSRGAN")
    fewer = make_store(tmp_path / "fewer", photograph, PICTURES[:0:-1])
    for path, content in store(fewer, tmp_path / "less", preset="BSRGAN").items():
        assert path == "manifest.csv" or content == whole[path]


def test_another_seed_or_set_gives_other_noise(hr, tmp_path):
    first, other = store(hr, tmp_path / "0"), store(hr, tmp_path / "1", seed=1)
    pictures = [path for path in first if path.endswith(".png")]
    assert all(first[path] != other[path] for path in pictures)
    # The same picture in two sets is the same HR with noise of its own.
    assert first["train/mine/b.png"] != first["train/other/b.png"]


def test_online_mode_stores_what_is_watched_and_tested_only(hr, tmp_path):
    store(hr, tmp_path / "lr", mode="online")
    frame = read_manifest(tmp_path / "lr")
    assert sorted(frame["split"]) == ["test", "valid"]
    assert not (tmp_path / "lr" / "train").exists()


def test_what_was_there_before_is_gone(hr, tmp_path):
    (tmp_path / "lr/test/mine").mkdir(parents=True)
    (tmp_path / "lr/test/mine/old.png").write_bytes(b"old")
    assert "test/mine/old.png" not in store(hr, tmp_path / "lr")


def test_a_picture_smaller_than_the_scale_is_named(photograph, tmp_path):
    hr = make_store(tmp_path / "hr", photograph, [("test", "mine", "tiny", (0, 0, 3, 50))])
    with pytest.raises(UserError, match=r"tiny\.png: the picture is smaller than scale 4"):
        store(hr, tmp_path / "lr")
    assert not (tmp_path / "lr" / "manifest.csv").exists()


def test_a_missing_store_or_picture_is_named(hr, tmp_path):
    with pytest.raises(UserError, match="there is no manifest"):
        store(tmp_path / "nowhere", tmp_path / "lr")
    shutil.rmtree(hr / "valid")
    with pytest.raises(UserError, match=r"0001\.png: there is no such file"):
        store(hr, tmp_path / "lr")
