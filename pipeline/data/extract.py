"""Safe extraction of archives whose contents nobody vouches for."""

import lzma
import os
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.errors import UserError

MAX_RATIO = 200
"""Extracted bytes for one of the archive; photographs stay below 10, drawings in BMP below 100."""

MAX_BYTES = 2 * 10**12
"""Extracted bytes of one archive."""

# An archive of a few bytes may well hold a white picture: the ratio counts from here on.
_HARMLESS = 64 * 2**20
_CHUNK = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,  # a compression that Python lacks
    ValueError,
)


class _Member(NamedTuple):
    """A regular file of an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def extract(
    archive: Path, folder: Path, *, max_ratio: int = MAX_RATIO, max_bytes: int = MAX_BYTES
) -> None:
    """Extract a zip or tar (plain, gz, bz2, xz) into a new folder, completely or not at all.

    Names are taken in Unicode's composed form. Where two are equal but for letter case or form,
    the later ones end in `~2`, `~3`, ... before the suffix, so that none replaces another on any
    file system. Modes, owners and times are not taken over.

    Args:
        archive: The archive.
        folder: Where its contents shall be; must not exist.
        max_ratio: Largest total size of the contents, as a multiple of the archive's size.
        max_bytes: Largest total size of the contents.

    Raises:
        UserError: If the archive is damaged, is none, holds anything but regular files inside its
            own folder, or more than allowed. Nothing is left behind then.
    """
    if folder.exists():
        raise UserError(f"{folder}: exists already")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    limit = min(max_bytes, max(max_ratio * archive.stat().st_size, _HARMLESS))
    try:
        _extract(archive, temporary, limit)
        os.replace(temporary, folder)
    except _DAMAGE as error:
        raise UserError(f"{archive}: damaged, truncated, or not readable ({error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar, by its content."""
    return tarfile.is_tarfile(path) or zipfile.is_zipfile(path)


def _extract(archive: Path, folder: Path, limit: int) -> None:
    names = _Names(archive)
    left = limit
    for member in _members(archive):
        target = folder / names.place(member.name)
        free = shutil.disk_usage(folder).free
        if member.size > min(left, free):
            allowed = f"{limit} bytes are allowed" if left <= free else f"{free} bytes are free"
            raise UserError(f"{archive}: {member.name!r} makes it too large; {allowed}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, target.open("xb") as file:
            left -= _copy(source, file, left, archive)


def _copy(source: IO[bytes], file: IO[bytes], left: int, archive: Path) -> int:
    written = 0
    while chunk := source.read(_CHUNK):
        written += len(chunk)
        if written > left:  # the size that an archive states may be a lie
            raise UserError(f"{archive}: extracts to more bytes than it says and than are allowed")
        file.write(chunk)
    return written


class _Names:
    """Gives every member a place inside the folder, all of them distinct."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._seen: set[str] = set()
        self._taken: set[str] = set()

    def place(self, name: str) -> str:
        parts = name.replace("\\", "/").split("/")
        if not parts[0] or parts[0].endswith(":") or ".." in parts or "\0" in name:
            raise UserError(f"{self._archive}: {name!r} leads out of the archive's folder; refused")
        path = unicodedata.normalize("NFC", "/".join(p for p in parts if p not in ("", ".")))
        if name in self._seen:
            raise UserError(f"{self._archive}: holds {name!r} twice; extract it by hand")
        self._seen.add(name)
        stem, suffix = os.path.splitext(path)
        candidate, number = path, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}~{number}{suffix}"
        self._taken.add(candidate.casefold())
        return candidate


def _members(archive: Path) -> Iterator[_Member]:
    # Tar first: the last bytes of a tar may be those of a zip that it holds.
    if tarfile.is_tarfile(archive):
        yield from _tar_members(archive)
    elif zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    else:
        raise UserError(f"{archive}: neither zip nor tar (gz, bz2, xz), or damaged")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise UserError(f"{archive}: {info.filename!r} is a link or device; refused")
            if info.flag_bits & 1:
                raise UserError(f"{archive}: {info.filename!r} is encrypted; extract it by hand")
            if not info.is_dir():
                yield _Member(info.filename, info.file_size, partial(file.open, info))


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as file:
        for info in file:
            if not (info.isreg() or info.isdir()):
                raise UserError(f"{archive}: {info.name!r} is a link or device; refused")
            if info.isreg():
                yield _Member(info.name, info.size, partial(_tar_file, file, info))
        _refuse_open_end(archive, file)


def _tar_file(file: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    opened = file.extractfile(info)
    assert opened is not None  # only of regular files
    return opened


def _refuse_open_end(archive: Path, file: tarfile.TarFile) -> None:
    # tarfile takes the end of the bytes for the end of the archive, which is a block of zeros.
    assert file.fileobj is not None
    file.fileobj.seek(file.offset)
    if len(file.fileobj.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
        raise UserError(f"{archive}: truncated")
