"""A zip or tar file of one's own."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.data.hashing import file_sha256
from pipeline.data.mirror import mirror
from pipeline.data.sources.base import Places, SourceConfig
from pipeline.data.sources.folder import set_name_of
from pipeline.data.sources.obtain import pick, unpacked
from pipeline.errors import UserError
from pipeline.images.manifest import Split


class ArchiveConfig(SourceConfig):
    """A zip, tar, tar.gz, tar.bz2 or tar.xz of pictures.

    Attributes:
        path: The archive; relative to the checkout, absolute, or with `~`.
        pattern: Which files to take, matched against the path in the archive, letter case ignored;
            `*` matches across folders. Whatever is taken must be a picture.
        sha256: What the archive must hash to, if it must.
    """

    name: Literal["archive"] = "archive"
    path: str = Field(min_length=1)
    pattern: str = Field("*", min_length=1)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")

    @property
    def default_set(self) -> str:
        """The archive's name without suffixes."""
        return set_name_of(without_suffix(Path(self.path).name))

    def collect(self, folder: Path, *, split: Split, places: Places) -> None:
        """Extract the archive, and copy the pictures that are new or changed."""
        path = places.resolve(self.path)
        if not path.is_file():
            raise UserError(f"{path}: there is no such file (data.{split}, archive source)")
        found = file_sha256(path)
        if self.sha256 not in (None, found):
            raise UserError(f"{path}: sha256 is {found}, not {self.sha256}")
        files = pick(unpacked(path, found, places=places), self.pattern)
        if not files:
            raise UserError(f"{path}: no file in this archive matches {self.pattern!r}")
        mirror(files, folder)


def without_suffix(name: str) -> str:
    """An archive's name without `.zip`, `.tar`, `.tar.gz`, `.tgz`, ...."""
    return re.sub(r"(\.zip|\.tgz|\.tar(\.\w+)?)$", "", name, flags=re.IGNORECASE)
