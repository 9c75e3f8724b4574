"""Pretrained weights that losses and metrics need: fetched and verified as data are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from pipeline.data.hashing import file_sha256s
from pipeline.data.mirror import copy
from pipeline.data.sources import Places
from pipeline.data.sources.obtain import obtain


class Published(Protocol):
    """A file of weights at an address; its name is that of `path`."""

    @property
    def url(self) -> str:
        """Where its authors publish it."""
        raise NotImplementedError

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        raise NotImplementedError

    @property
    def path(self) -> Path:
        """Where it is looked for."""
        raise NotImplementedError


def collect_weights(files: Iterable[Published], folder: Path, *, places: Places) -> None:
    """Make a folder hold these files, downloading those that it has not, or not unharmed.

    Other files stay: models that their authors give on request are put there by hand.

    Raises:
        UserError: If a file cannot be had, naming it, its address and its sha256.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {file.path.name: file for file in files}
    found = file_sha256s([folder / name for name in wanted])
    for (name, file), digest in zip(wanted.items(), found, strict=True):
        if digest != file.sha256:
            downloaded, _ = obtain([file.url], sha256=file.sha256, places=places)
            copy(downloaded, folder / name)
