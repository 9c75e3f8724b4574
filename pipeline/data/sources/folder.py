"""A directory of one's own pictures."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.data.mirror import mirror
from pipeline.data.sources.base import Places, SourceConfig
from pipeline.errors import UserError
from pipeline.images.manifest import Split

# What operating systems leave in folders without being asked; hidden files are ignored too.
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}


class FolderConfig(SourceConfig):
    """A directory of pictures, with its subfolders.

    Attributes:
        path: The directory; relative to the checkout, absolute, or with `~`.
        pattern: Which files to take, matched against the path below `path`, letter case ignored;
            `*` matches across subfolders. Whatever is taken must be a picture.
    """

    name: Literal["folder"] = "folder"
    path: str = Field(min_length=1)
    pattern: str = Field("*", min_length=1)

    @property
    def default_set(self) -> str:
        """The directory's own name."""
        return set_name_of(Path(self.path).expanduser().name)

    def collect(self, folder: Path, *, split: Split, places: Places) -> None:
        """Copy the pictures, those already copied and unchanged excepted."""
        origin = places.resolve(self.path)
        if not origin.is_dir():
            raise UserError(f"{origin}: there is no such folder (data.{split}, folder source)")
        names = (
            path.relative_to(origin).as_posix() for path in origin.rglob("*") if path.is_file()
        )
        files = {name: origin / name for name in sorted(names) if chosen(name, self.pattern)}
        if not files:
            raise UserError(f"{origin}: no file in this folder matches {self.pattern!r}")
        mirror(files, folder)


def chosen(name: str, pattern: str) -> bool:
    """Whether a file (its path with `/`) matches a pattern and is not hidden or litter."""
    parts = name.lower().split("/")
    if any(part.startswith(".") or part in _LITTER for part in parts):
        return False
    return fnmatchcase(name.lower(), pattern.lower())


def set_name_of(text: str) -> str:
    """A set's name made of any text: letters, digits, `.`, `_`, `-`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "pictures"
