"""Archives, sound and hostile ones."""

import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.extract import extract, is_archive
from pipeline.errors import UserError

NOISE = np.random.default_rng(0).bytes(5000)
FILES = {"set/one.png": NOISE, "set/deep/two.png": NOISE[::-1], "three.png": b""}
SUFFIXES = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


def pack(path: Path, members: list[tuple[str, bytes]]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members:
                file.writestr(name, content)
        return path
    suffix = path.suffix.removeprefix(".")
    with tarfile.open(path, "w" if suffix == "tar" else f"w:{suffix}") as file:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def refused(archive: Path, reason: str) -> str:
    """Extract, and see that nothing is left of the attempt."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(UserError, match=reason) as raised:
        extract(archive, archive.parent / "out")
    assert sorted(archive.parent.rglob("*")) == before
    assert str(archive) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_contents_come_out_as_they_went_in(tmp_path: Path, suffix: str):
    archive = pack(tmp_path / f"a.{suffix}", list(FILES.items()))
    assert is_archive(archive)
    extract(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert sorted(os.listdir(tmp_path)) == [archive.name, "out"]


@pytest.mark.parametrize("suffix", ["zip", "tar"])
@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../../x", "a/..", "C:/x", "C:\\x", "\\\\host\\x", "..\\x"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, suffix: str, name: str):
    archive = pack(tmp_path / f"a.{suffix}", [("good.png", NOISE), (name, b"bad")])
    refused(archive, "leads out")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes):
    archive = pack(tmp_path / "a.tar", [("good.png", NOISE)])
    info = tarfile.TarInfo("bad")
    info.type, info.linkname = kind, "good.png"
    with tarfile.open(archive, "a") as file:
        file.addfile(info)
    refused(archive, "'bad' is a link or device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int):
    archive = pack(tmp_path / "a.zip", [("good.png", NOISE)])
    info = zipfile.ZipInfo("bad")
    info.external_attr = (kind | 0o644) << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(info, "/etc/passwd")
    refused(archive, "'bad' is a link or device")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_a_bomb_is_refused(tmp_path: Path, suffix: str):
    archive = pack(tmp_path / f"a.{suffix}", [("bomb", bytes(70 * 2**20))])
    assert archive.stat().st_size < 100_000
    refused(archive, "too large; 67108864 bytes are allowed")


def test_the_sum_of_the_members_counts(tmp_path: Path):
    archive = pack(tmp_path / "a.zip", [(f"{n}", NOISE) for n in range(4)])
    with pytest.raises(UserError, match="'3' makes it too large; 19999 bytes are allowed"):
        extract(archive, tmp_path / "out", max_bytes=19_999)
    extract(archive, tmp_path / "out", max_bytes=20_000)


def test_a_size_that_lies_is_found_out(tmp_path: Path):
    archive = pack(tmp_path / "a.zip", [("one", bytes(100_000))])
    data = bytearray(archive.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")
    archive.write_bytes(data)
    refused(archive, "damaged|more bytes")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    archive = pack(tmp_path / "a.zip", list(FILES.items()))
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(4000))
    refused(archive, "4000 bytes are free")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_a_truncated_archive_leaves_nothing(tmp_path: Path, suffix: str, part: float):
    members = [(f"{n}.png", NOISE[n:]) for n in range(20)]
    archive = pack(tmp_path / f"a.{suffix}", members)
    data = archive.read_bytes()
    end = data.rindex(NOISE[19:]) + len(NOISE) if suffix == "tar" else len(data)
    archive.write_bytes(data[: int(part * end)])
    refused(archive, "damaged|truncated")


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path):
    archive = pack(tmp_path / "a.tar", [("one", bytes(512)), ("two", bytes(512))])
    archive.write_bytes(archive.read_bytes()[:1024])
    refused(archive, "truncated")


def test_a_flipped_bit_is_found(tmp_path: Path):
    archive = pack(tmp_path / "a.zip", [("one", NOISE)])
    data = bytearray(archive.read_bytes())
    data[2000] ^= 1
    archive.write_bytes(data)
    refused(archive, "damaged")


def test_what_is_no_archive_is_told(tmp_path: Path):
    path = tmp_path / "a.zip"
    path.write_bytes(NOISE)
    assert not is_archive(path)
    refused(path, "neither zip nor tar")


def test_an_encrypted_zip_is_told(tmp_path: Path):
    archive = pack(tmp_path / "a.zip", [("one", NOISE)])
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refused(archive, "encrypted")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_names_that_differ_in_case_or_form_are_kept_apart(tmp_path: Path, suffix: str):
    names = ["a/Ü.png", "a/U\u0308.png", "A/ü.png", "漫画/猫.png", "ß", "SS"]
    members = [(name, name.encode()) for name in names]
    extract(pack(tmp_path / f"a.{suffix}", members), tmp_path / "out")
    found = contents(tmp_path / "out")
    assert sorted(found.values()) == sorted(content for _, content in members)
    assert len({name.casefold() for name in found}) == len(names)
    assert found["漫画/猫.png"] == "漫画/猫.png".encode()
    assert found["a/Ü~2.png"] == "a/U\u0308.png".encode()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("suffix", ["zip", "tar"])
def test_the_same_name_twice_is_refused(tmp_path: Path, suffix: str):
    refused(pack(tmp_path / f"a.{suffix}", [("x", b"1"), ("x", b"2")]), "holds 'x' twice")


def test_a_name_that_is_file_and_folder_is_refused(tmp_path: Path):
    refused(pack(tmp_path / "a.tar", [("x", b"1"), ("x/y", b"2")]), "damaged")


def test_a_folder_that_exists_is_not_touched(tmp_path: Path):
    archive = pack(tmp_path / "a.zip", list(FILES.items()))
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="exists already"):
        extract(archive, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []
