"""Making a folder hold exactly the given files, touching only what differs."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from pipeline.data.hashing import file_sha256s


def mirror(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files into a folder and remove everything else from it.

    Args:
        files: Relative name (with `/`) to the file whose bytes it shall have.
        folder: Created where it is missing. Files with the right bytes are not written again.
    """
    targets = [folder / name for name in files]
    have, want = file_sha256s(targets), file_sha256s(list(files.values()))
    for target, origin, there, wanted in zip(targets, files.values(), have, want, strict=True):
        if there is None or there != wanted:
            copy(origin, target)
    remove_others(folder, files)


def copy(origin: Path, target: Path) -> None:
    """Copy a file's bytes so that no half-written file can stay at `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(origin, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def remove_others(folder: Path, keep: Iterable[str]) -> None:
    """Remove every file below a folder that is not in `keep`, and every empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {PurePosixPath(name) for name in keep}
    for parent, folders, names in os.walk(folder, topdown=False):
        here = Path(parent)
        for name in names:
            if PurePosixPath((here / name).relative_to(folder).as_posix()) not in kept:
                (here / name).unlink()
        for name in folders:
            child = here / name
            if child.is_symlink():
                child.unlink()
            elif not any(child.iterdir()):
                child.rmdir()
