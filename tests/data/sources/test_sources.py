"""Each source brings exactly its pictures, and brings them again only if something changed."""

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.data import fetch as fetching
from pipeline.data.collect import collect
from pipeline.data.config import DataConfig
from pipeline.data.hashing import file_sha256
from pipeline.data.sources import Places, catalogue
from pipeline.data.sources.datasets import DATASETS, Copy, Dataset
from pipeline.data.sources.embedded import PICTURES
from pipeline.errors import UserError
from pipeline.schema import validate
from tests.data.servers import serving


def png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(cache=tmp_path / "cache", lock=tmp_path / "datasets.lock", root=tmp_path)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of `tmp_path/web`; failures are not waited for."""
    (tmp_path / "web").mkdir()
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: None)
    with serving(tmp_path / "web") as address:
        yield address


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def bring(places: Places, source: dict[str, Any], raw: str = "raw") -> dict[str, bytes]:
    """Collect one test source; gives its files below the set's folder."""
    config = validate(DataConfig, {"test": [source]}, where="params.yaml: data")
    folder = places.root / raw / "test" / config.test[0].set_name
    config.test[0].collect(folder, split="test", places=places)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


PACK = {"top/HR/a.png": png(1), "top/HR/b.png": png(2), "top/LR/a.png": png(3), "top/.x": b""}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_gives_what_matches_below_its_common_folder(places: Places, pack: Any):
    pack(places.root / "my.pictures.tar.gz", PACK)
    source = {"name": "archive", "path": "my.pictures.tar.gz"}
    assert sorted(bring(places, source)) == ["HR/a.png", "HR/b.png", "LR/a.png"]
    assert bring(places, {**source, "pattern": "*/HR/*"}) == {"a.png": png(1), "b.png": png(2)}
    assert (places.root / "raw" / "test" / "my.pictures" / "a.png").is_file()


def test_a_changed_archive_is_extracted_anew(places: Places):
    path = zipped(places.root / "a.zip", PACK)
    bring(places, {"name": "archive", "path": "a.zip"})
    zipped(path, {"other.png": png(5)})
    assert bring(places, {"name": "archive", "path": "a.zip"}) == {"other.png": png(5)}


def test_an_archive_must_have_the_stated_sha256(places: Places):
    path = zipped(places.root / "a.zip", PACK)
    source = {"name": "archive", "path": str(path), "sha256": "0" * 64}
    with pytest.raises(UserError, match=f"sha256 is {file_sha256(path)}, not {'0' * 64}"):
        bring(places, source)
    bring(places, {**source, "sha256": file_sha256(path)})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"name": "archive", "path": "none.zip"}, "none.zip: there is no such file"),
        ({"name": "archive", "path": "a.zip", "pattern": "*.jpg"}, "no file in this archive"),
        ({"name": "archive", "path": "bad.zip"}, "neither zip nor tar"),
        ({"name": "archive", "path": "escape.zip"}, "leads out"),
        ({"name": "folder", "path": "none"}, "there is no such folder"),
        ({"name": "folder", "path": ".", "pattern": "*.jpg"}, "no file in this folder"),
    ],
)
def test_what_is_missing_is_told_and_leaves_nothing(
    places: Places, source: dict[str, Any], message: str
):
    zipped(places.root / "a.zip", PACK)
    zipped(places.root / "escape.zip", {"../x.png": png(1)})
    (places.root / "bad.zip").write_bytes(b"bad")
    with pytest.raises(UserError, match=message):
        bring(places, source)
    assert not (places.root / "raw").exists()


def test_addresses_give_pictures_and_archives(places: Places, web: str):
    (places.root / "web" / "one.png").write_bytes(png(1))
    zipped(places.root / "web" / "some.zip", PACK)
    files = [
        {"address": f"{web}/{name}", "sha256": file_sha256(places.root / "web" / name)}
        for name in ("one.png", "some.zip")
    ]
    found = bring(places, {"name": "url", "files": files, "pattern": "*a.png"})
    assert found == {"some/HR/a.png": png(1), "some/LR/a.png": png(3)}
    assert bring(places, {"name": "url", "files": files[:1]}) == {"one.png": png(1)}
    assert sorted(bring(places, {"name": "url", "files": files[1:]})) == [
        "HR/a.png",
        "HR/b.png",
        "LR/a.png",
    ]


def test_a_wrong_file_is_refused_and_a_mirror_serves(places: Places, web: str):
    (places.root / "web" / "one.png").write_bytes(png(2))
    (places.root / "web" / "mirror.png").write_bytes(png(1))
    right = file_sha256(places.root / "web" / "mirror.png")
    file = {"address": f"{web}/one.png", "sha256": right}
    with pytest.raises(UserError, match=f"not {right}"):
        bring(places, {"name": "url", "files": [file]})
    file["mirrors"] = [f"{web}/gone.png", f"{web}/mirror.png"]
    assert bring(places, {"name": "url", "files": [file]}) == {"one.png": png(1)}


def test_two_files_of_one_name_are_refused(places: Places, web: str):
    digests = []
    for number in (1, 2):
        (places.root / "web" / str(number)).mkdir()
        path = places.root / "web" / str(number) / "a.png"
        path.write_bytes(png(number))
        digests.append(file_sha256(path))
    files = [
        {"address": f"{web}/{n}/a.png", "sha256": d} for n, d in zip((1, 2), digests, strict=True)
    ]
    with pytest.raises(UserError, match=r"2/a\.png: 'a\.png' is in another file"):
        bring(places, {"name": "url", "files": files})


@pytest.fixture
def listed(places: Places, web: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A catalogue of two sets on the local server: `made`, and its union with `other`."""
    facts = {"page": "https://example.org", "size": 1, "licence": "l", "citation": "c"}
    zipped(places.root / "web" / "first.zip", PACK)
    tarred(places.root / "web" / "second.tar.gz", {f"x{k[3:]}": v for k, v in PACK.items()})
    copies = (
        Copy((f"{web}/gone.zip", f"{web}/first.zip"), "", "*/HR/*.png"),
        Copy((f"{web}/second.tar.gz",), "", "*/HR/*.png"),
    )
    other = (Copy((f"{web}/second.tar.gz",), "", "*/LR/*.png"),)
    monkeypatch.setattr(
        catalogue,
        "DATASETS",
        {
            "made": Dataset(images=2, copies=copies, **facts),  # type: ignore[arg-type]
            "other": Dataset(images=1, copies=other, **facts),  # type: ignore[arg-type]
            "both": Dataset(images=3, parts=("made", "other"), **facts),  # type: ignore[arg-type]
        },
    )
    return web


MADE = {"name": "catalogue", "dataset": "made"}


def test_a_set_comes_by_name_and_is_locked(places: Places, listed: str):
    assert bring(places, MADE) == {"a.png": png(1), "b.png": png(2)}
    digest = file_sha256(places.root / "web" / "first.zip")
    assert json.loads(places.lock.read_text()) == {f"{listed}/gone.zip": digest}


def test_a_later_download_must_match_the_first(places: Places, listed: str):
    bring(places, MADE)
    locked = places.lock.read_bytes()
    first = file_sha256(places.root / "web" / "first.zip")
    zipped(places.root / "web" / "first.zip", {**PACK, "top/HR/a.png": png(9)})
    elsewhere = Places(places.root / "elsewhere", places.lock, places.root)
    with pytest.raises(UserError, match=f"not {first}") as raised:
        bring(elsewhere, MADE)
    assert str(places.lock) in str(raised.value)
    assert "second.tar.gz" not in str(raised.value)  # another copy would be another result
    assert places.lock.read_bytes() == locked


def test_another_copy_serves_where_the_first_is_gone_or_incomplete(places: Places, listed: str):
    zipped(places.root / "web" / "first.zip", {"top/HR/a.png": png(1)})
    assert bring(places, MADE) == {"a.png": png(1), "b.png": png(2)}
    assert list(json.loads(places.lock.read_text())) == [f"{listed}/second.tar.gz"]


def test_a_union_has_both_parts(places: Places, listed: str):
    found = bring(places, {"name": "catalogue", "dataset": "both"})
    assert sorted(found) == ["made/a.png", "made/b.png", "other/a.png"]


def test_a_part_of_a_set_can_be_chosen(places: Places, listed: str):
    both = {"name": "catalogue", "dataset": "both"}
    assert sorted(bring(places, {**both, "pattern": "OTHER/*"})) == ["other/a.png"]
    with pytest.raises(UserError, match=r"no file of both matches 'x\*'.* such as made/a\.png"):
        bring(places, {**both, "pattern": "x*"})


def test_what_is_in_the_cache_needs_no_network(
    places: Places, listed: str, monkeypatch: pytest.MonkeyPatch
):
    bring(places, MADE)
    monkeypatch.setattr(fetching.requests, "get", None)
    assert len(bring(places, MADE, raw="again")) == 2


def test_a_set_that_is_nowhere_says_where_to_look(places: Places, listed: str):
    for path in (places.root / "web").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"https://example\.org may say") as raised:
        bring(places, MADE)
    assert str(raised.value).count("status 404") == 3


def test_a_damaged_lock_file_is_told(places: Places, listed: str):
    places.lock.write_text("[")
    with pytest.raises(UserError, match=r"datasets\.lock: this is not JSON"):
        bring(places, MADE)


@pytest.mark.parametrize("name", ["Manga109", "LSDIR"])
def test_sets_that_need_an_agreement_say_what_to_do(places: Places, name: str):
    with pytest.raises(UserError, match=r"https://huggingface.co/\S+") as raised:
        bring(places, {"name": "catalogue", "dataset": name})
    assert f"{{name: folder, path: ..., set: {name}}}" in str(raised.value)


def test_an_unknown_set_is_told_with_the_nearest(places: Places):
    with pytest.raises(UserError, match=r"no data set 'Set 5'.*did you mean 'Set5'"):
        bring(places, {"name": "catalogue", "dataset": "Set 5"})


def test_the_catalogue_is_complete_and_consistent():
    asked = "DIV2K-train DIV2K-valid Flickr2K DF2K LSDIR T91 General100 BSDS300 BSDS500 Set5 Set14"
    assert {*asked.split(), "BSD100", "Urban100", "Manga109"} == set(DATASETS)
    sums: dict[str, set[str | None]] = {}
    for name, dataset in DATASETS.items():
        ways = [bool(dataset.copies), bool(dataset.parts), bool(dataset.agreement)]
        assert sum(ways) == 1, name
        assert dataset.licence
        assert dataset.citation
        for copy in dataset.copies:
            assert all(address.startswith("http") for address in copy.addresses)
            sums.setdefault(copy.addresses[0], set()).add(copy.sha256)
        if dataset.parts:
            assert dataset.images == sum(DATASETS[part].images for part in dataset.parts)
    assert all(len(known) == 1 for known in sums.values())


def test_the_list_and_its_details_name_everything():
    table = catalogue.text_table()
    for name, dataset in DATASETS.items():
        assert f"\n{name} " in table
        assert dataset.licence in table
        text = catalogue.details(name)
        addresses = [address for copy in dataset.copies for address in copy.addresses]
        for fact in (dataset.page, dataset.citation, dataset.agreement, *addresses):
            assert fact in text


def test_the_command_prints_the_list_and_one_set():
    from typer.testing import CliRunner

    from pipeline.cli import app

    run = CliRunner().invoke
    assert run(app, ["datasets"]).output == f"{catalogue.text_table()}\n"
    assert run(app, ["datasets", "Set5"]).output == f"{catalogue.details('Set5')}\n"
    assert isinstance(run(app, ["datasets", "Set55"]).exception, UserError)


def test_embedded_photographs_come_out_of_the_package(places: Places):
    assert sorted(bring(places, {"name": "embedded"})) == sorted(PICTURES["test"])


def test_collecting_again_touches_nothing_and_removes_what_is_not_configured(places: Places):
    zipped(places.root / "a.zip", PACK)
    sources = [{"name": "archive", "path": "a.zip"}]
    values = dict.fromkeys(("train", "valid", "test"), sources)
    config = validate(DataConfig, values, where="data")
    raw = places.root / "raw"
    collect(config, raw, places=places)
    stamps = {path: os.stat(path).st_mtime_ns for path in raw.rglob("*.png")}
    assert len(stamps) == 9
    (raw / "test" / "a" / "HR" / "stray.png").write_bytes(b"")
    (raw / "old").mkdir()
    (raw / "train" / "old").mkdir()
    collect(config, raw, places=places)
    assert {path: os.stat(path).st_mtime_ns for path in raw.rglob("*") if path.is_file()} == stamps
    assert not (raw / "old").exists()
    assert not (raw / "train" / "old").exists()


def test_a_damaged_raw_file_is_replaced(places: Places):
    zipped(places.root / "a.zip", PACK)
    good = bring(places, {"name": "archive", "path": "a.zip"})
    path = places.root / "raw" / "test" / "a" / "HR" / "a.png"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert bring(places, {"name": "archive", "path": "a.zip"}) == good


def test_two_sources_of_one_set_are_refused():
    with pytest.raises(UserError, match="two sources of test make the set 'embedded'"):
        validate(DataConfig, {"test": [{"name": "embedded"}] * 2}, where="data")
