"""The contract of a data source."""

import os
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from pipeline.images.manifest import Split
from pipeline.schema import StrictConfig


@dataclass(frozen=True)
class Places:
    """Where sources keep what is not a stage's output.

    Attributes:
        cache: Downloads in progress and complete; may be deleted at any time.
        lock: The JSON file that remembers the sha256 of files whose publisher states none.
        root: Folder that relative paths of `folder` and `archive` sources start from.
    """

    cache: Path
    lock: Path
    root: Path

    @classmethod
    def of_checkout(cls) -> "Places":
        """The main checkout's places, also for an experiment that DVC runs in a copy."""
        root = Path(os.environ.get("DVC_ROOT", "."))
        return cls(cache=root / ".cache" / "downloads", lock=root / "datasets.lock", root=root)

    def resolve(self, path: str) -> Path:
        """Turn a path as written in the parameters into one that can be opened."""
        return self.root / Path(path).expanduser()


class SourceConfig(StrictConfig):
    """Settings of one source; subclasses add `name: Literal[...]` and `collect`.

    Attributes:
        set: Name of the image set: its folder, and its row in tables.
    """

    set: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")

    @property
    def set_name(self) -> str:
        """The set's name: as given, or the source's own."""
        return self.set or self.default_set

    @property
    @abstractmethod
    def default_set(self) -> str:
        """The set's name where the parameters give none."""
        raise NotImplementedError

    @abstractmethod
    def collect(self, folder: Path, *, split: Split, places: Places) -> None:
        """Make `folder` hold exactly the files of this source, as published.

        What is there already and has the right content is left alone; nothing half-written stays.

        Raises:
            UserError: If a file is missing, cannot be had, or is not what it should be.
        """
        raise NotImplementedError
