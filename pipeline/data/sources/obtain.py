"""From an address or an archive to the pictures in it, and the lock file of first downloads."""

import hashlib
import json
import os
import posixpath
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pipeline.data.extract import extract
from pipeline.data.sources.base import Places
from pipeline.data.sources.folder import chosen
from pipeline.errors import UserError


def obtain(addresses: Sequence[str], *, sha256: str | None, places: Places) -> tuple[Path, str]:
    """Download a file into the cache, once.

    Args:
        addresses: The official address, then mirrors of the same bytes.
        sha256: What the bytes must hash to, where that is known.
        places: Where downloads are kept.

    Returns:
        The file and its sha256.

    Raises:
        UserError: If no address gives the file as it should be.
    """
    from pipeline.data.fetch import fetch  # only those who download wait for `requests`

    folder = places.cache / hashlib.sha256(addresses[0].encode()).hexdigest()[:16]
    path = folder / file_name(addresses[0])
    return path, fetch(addresses, path, sha256=sha256)


def read_lock(path: Path) -> dict[str, str]:
    """Read which sha256 the first download from each address had.

    Raises:
        UserError: If the file is damaged.
    """
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{path}: this is not JSON ({error}); restore it from git") from None
    if not isinstance(lock, dict) or not all(isinstance(v, str) for v in lock.values()):
        raise UserError(f"{path}: not a table of addresses and sha256; restore it from git")
    return lock


def lock(path: Path, address: str, sha256: str) -> None:
    """Write down what the first download from an address was, for later ones to match."""
    lock = {**read_lock(path), address: sha256}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def file_name(address: str) -> str:
    """The file's name in an address."""
    return PurePosixPath(unquote(urlsplit(address).path)).name or "download"


def unpacked(archive: Path, sha256: str, *, places: Places) -> Path:
    """Extract an archive into the cache, once.

    Raises:
        UserError: If it cannot be extracted safely and completely.
    """
    folder = places.cache / "unpacked" / sha256
    if not folder.is_dir():
        extract(archive, folder)
    return folder


def pick(folder: Path, pattern: str) -> dict[str, Path]:
    """Choose files below a folder; their names begin below the deepest folder that holds all."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    names = [name for name in names if chosen(name, pattern)]
    start = len(_common_parent(names))
    return {name[start:]: folder / name for name in names}


def _common_parent(names: Sequence[str]) -> str:
    common = posixpath.commonpath([posixpath.dirname(name) for name in names]) if names else ""
    return f"{common}/" if common else ""
