"""Public data sets by name."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from pipeline.data.mirror import mirror
from pipeline.data.sources.base import Places, SourceConfig
from pipeline.data.sources.datasets import DATASETS, Copy, Dataset
from pipeline.data.sources.folder import chosen
from pipeline.data.sources.obtain import lock, obtain, pick, read_lock, unpacked
from pipeline.errors import UserError
from pipeline.images.manifest import Split
from pipeline.schema import nearest


class CatalogueConfig(SourceConfig):
    """A public data set; `sr datasets` lists them.

    Attributes:
        dataset: Its name in the catalogue.
        pattern: Which of its files to take, matched against the path below their common folder,
            letter case ignored; `train/*` of BSDS500 leaves out `val`, which is BSD100.
    """

    name: Literal["catalogue"] = "catalogue"
    dataset: str
    pattern: str = Field("*", min_length=1)

    @field_validator("dataset")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in DATASETS:
            raise ValueError(f"no data set {name!r} in the catalogue{nearest(name, DATASETS)}")
        return name

    @property
    def default_set(self) -> str:
        """The data set's name."""
        return self.dataset

    def collect(self, folder: Path, *, split: Split, places: Places) -> None:
        """Download, verify, extract, and copy the pictures that are new or changed."""
        every = pictures(self.dataset, places)
        files = {name: path for name, path in every.items() if chosen(name, self.pattern)}
        if not files:
            raise UserError(
                f"data.{split}: no file of {self.dataset} matches {self.pattern!r}; there are "
                f"{len(every)}, such as {min(every)}"
            )
        mirror(files, folder)


def pictures(name: str, places: Places) -> dict[str, Path]:
    """Give the files of a data set, downloaded where they are not yet.

    Raises:
        UserError: If it needs an agreement, cannot be had, or is not what it should be.
    """
    dataset = DATASETS[name]
    if dataset.agreement:
        raise UserError(dataset.agreement)
    if dataset.parts:
        return {
            f"{part}/{file}": path
            for part in dataset.parts
            for file, path in pictures(part, places).items()
        }
    failures = []
    for copy in _allowed(dataset, places):
        try:
            return _pictures_of(name, dataset, copy, places)
        except UserError as error:
            failures.append(str(error))
    advice = (
        f"{name}: {dataset.page} may say where it is now; sources `folder`, `archive` and `url`"
    )
    raise UserError("\n".join([*failures, f"{advice} take it from elsewhere"]))


def _allowed(dataset: Dataset, places: Places) -> tuple[Copy, ...]:
    """All copies, or the one in the lock file: results must not depend on which one answers."""
    locked = read_lock(places.lock)
    return tuple(copy for copy in dataset.copies if copy.addresses[0] in locked) or dataset.copies


def _pictures_of(name: str, dataset: Dataset, copy: Copy, places: Places) -> dict[str, Path]:
    official = copy.addresses[0]
    locked = read_lock(places.lock).get(official)
    try:
        archive, digest = obtain(copy.addresses, sha256=copy.sha256 or locked, places=places)
    except UserError as error:
        note = f"\n{places.lock} holds that sha256 since the first download" if locked else ""
        raise UserError(f"{error}{note}") from None
    found = pick(unpacked(archive, digest, places=places), copy.pattern)
    if len(found) != dataset.images:
        raise UserError(
            f"{official}: {len(found)} pictures match {copy.pattern!r}, and {name} has "
            f"{dataset.images}"
        )
    if not copy.sha256 and not locked:
        lock(places.lock, official, digest)
    return found


def text_table() -> str:
    """The catalogue as `sr datasets` prints it."""
    rows = [
        (
            name,
            f"{dataset.images:,}",
            _size(dataset.size),
            _availability(dataset),
            dataset.licence,
        )
        for name, dataset in DATASETS.items()
    ]
    head = ("data set", "images", "download", "sha256", "licence")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = [
            text.rjust(width) if place in (1, 2) else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _size(megabytes: int | None) -> str:
    if megabytes is None:
        return "not stated"
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"


def _availability(dataset: Dataset) -> str:
    if dataset.agreement:
        return "on application"
    if dataset.parts:
        return " + ".join(dataset.parts)
    return "known" if all(copy.sha256 for copy in dataset.copies) else "first download"


def details(name: str) -> str:
    """Everything about one data set.

    Raises:
        UserError: If the catalogue has none of that name.
    """
    if name not in DATASETS:
        raise UserError(f"no data set {name!r} in the catalogue{nearest(name, DATASETS)}")
    dataset = DATASETS[name]
    lines = [
        f"{name}: {dataset.images:,} images, download {_size(dataset.size)}",
        f"page: {dataset.page}",
        f"licence: {dataset.licence}",
        f"cite: {dataset.citation}",
    ]
    lines += [f"to have it: {dataset.agreement}"] if dataset.agreement else []
    lines += [f"union of: {', '.join(dataset.parts)}"] if dataset.parts else []
    for copy in dataset.copies:
        lines += [f"address: {address}" for address in copy.addresses]
        lines.append(f"  sha256: {copy.sha256 or 'recorded at the first download'}")
        lines.append(f"  address quoted by: {copy.confirmed or 'nobody (from memory)'}")
    lines.append(f"params.yaml: {{name: catalogue, dataset: {name}}}")
    return "\n".join(lines)
