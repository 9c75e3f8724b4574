"""Files from one's own list of addresses."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.data.extract import is_archive
from pipeline.data.mirror import mirror
from pipeline.data.sources.archive import without_suffix
from pipeline.data.sources.base import Places, SourceConfig
from pipeline.data.sources.folder import chosen
from pipeline.data.sources.obtain import file_name, obtain, pick, unpacked
from pipeline.errors import UserError
from pipeline.images.manifest import Split
from pipeline.images.picture import PICTURE_SUFFIXES
from pipeline.schema import StrictConfig

_ADDRESS = r"^https?://\S+$"


class UrlFile(StrictConfig):
    """One file to download: a picture, or an archive of pictures.

    Attributes:
        address: Where it is.
        sha256: What its bytes hash to.
        mirrors: Further addresses of the same bytes, tried in this order.
    """

    address: str = Field(pattern=_ADDRESS)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    mirrors: list[str] = Field(default_factory=list)


class UrlConfig(SourceConfig):
    """Pictures, and archives of pictures, from a list of addresses.

    Attributes:
        files: What to download.
        pattern: Which files to take, matched against the name, or the path in the archive, letter
            case ignored; `*` matches across folders.
    """

    name: Literal["url"] = "url"
    files: list[UrlFile] = Field(min_length=1)
    pattern: str = Field("*", min_length=1)

    @property
    def default_set(self) -> str:
        """`url`."""
        return "url"

    def collect(self, folder: Path, *, split: Split, places: Places) -> None:
        """Download, verify, extract, and copy the pictures that are new or changed."""
        pictures: dict[str, Path] = {}
        for file in self.files:
            found = self._pictures(file, places)
            if twice := pictures.keys() & found.keys():
                raise UserError(
                    f"{file.address}: {min(twice)!r} is in another file of the list too"
                )
            pictures |= found
        if not pictures:
            raise UserError(f"data.{split}, url source: no file matches {self.pattern!r}")
        mirror(pictures, folder)

    def _pictures(self, file: UrlFile, places: Places) -> dict[str, Path]:
        addresses = [file.address, *file.mirrors]
        path, digest = obtain(addresses, sha256=file.sha256, places=places)
        name = file_name(file.address)
        if path.suffix.lower() in PICTURE_SUFFIXES or not is_archive(path):
            return {name: path} if chosen(name, self.pattern) else {}
        inside = pick(unpacked(path, digest, places=places), self.pattern)
        # One archive needs no folder of its own; several may hold files of the same name.
        prefix = "" if len(self.files) == 1 else f"{without_suffix(name)}/"
        return {f"{prefix}{name}": picture for name, picture in inside.items()}
