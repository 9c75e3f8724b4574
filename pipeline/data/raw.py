"""The raw folder: which files it holds, and the name that each picture gets."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import UserError
from pipeline.images.manifest import SPLITS, Split


class RawFile(NamedTuple):
    """A raw file and the name of its picture.

    Attributes:
        split: Split it serves.
        set: Image set, the folder below the split.
        name: Name of the picture, unique in its set, without suffix.
        path: The file.
        source: Its path below the raw folder, with `/`.
    """

    split: Split
    set: str
    name: str
    path: Path
    source: str

    @property
    def stored(self) -> str:
        """Path of the picture below a store, with `/`."""
        return f"{self.split}/{self.set}/{self.name}.png"


def list_raw(raw: Path) -> list[RawFile]:
    """List the files in `<split>/<set>/` and give each picture a name.

    The name is the path in the set without suffix, `/` as `__`, in Unicode's composed form; where
    two would be equal (letter case aside) the later ones end in `~2`, `~3`, ....

    Raises:
        UserError: If there are none.
    """
    files = []
    for split in SPLITS:
        for folder in sorted((raw / split).glob("*/")):
            inside = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
            paths = sorted(path.as_posix() for path in inside)
            names = distinct(path.rpartition(".")[0].replace("/", "__") or path for path in paths)
            files += [
                RawFile(split, folder.name, name, folder / path, f"{split}/{folder.name}/{path}")
                for path, name in zip(paths, names, strict=True)
            ]
    if not files:
        raise UserError(f"{raw}: there are no files in <split>/<set>/; run the download stage")
    return files


def distinct(names: Iterable[str]) -> list[str]:
    """Compose names, and number the later ones of those that some file system takes for equal."""
    taken: set[str] = set()
    result = []
    for name in names:
        base = candidate = unicodedata.normalize("NFC", name)
        number = 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{base}~{number}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return result
