"""Decoded pictures on disk: each is decoded once, and a sample is a slice of it.

A picture is one file of raw bytes named by the digest of its pixels, so it serves every data set
and every run that holds the same picture. The folder can be deleted at any moment.
"""

import mmap
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.images.colour import rgb_to_luma
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import Picture, read_png
from pipeline.parallel import parallel_map

READ_AT_MOST = 1 << 18
"""Bytes from which on mapping a file is faster than reading a part of it, measured."""

HELD_AT_MOST = 1 << 28
"""Bytes of a set of decoded pictures up to which it is held in memory, not read by windows."""


def cache_root() -> Path:
    """The folder of everything disposable.

    It is in the main checkout also for experiments that DVC runs in a temporary copy, which is
    deleted afterwards.
    """
    return Path(os.environ.get("DVC_ROOT", ".")) / ".cache"


@dataclass(frozen=True)
class CachedPicture:
    """A decoded picture on disk; `path` holds height x width x channels bytes.

    Attributes:
        pixels: The picture in memory, where it is held there: RGB, or its luma.
    """

    path: Path
    height: int
    width: int
    channels: int
    pixels: NDArray[Any] | None = field(default=None, repr=False, compare=False)

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Give a rectangle to look at, (height, width, 3) RGB of 8 bits, or luma.

        The file is open for a copy only: pages that stayed mapped would count as resident
        memory until the whole data set does, and each mapping would hold a file descriptor.
        """
        if self.pixels is not None:
            return self.pixels[top : top + height, left : left + width]
        row = self.width * self.channels
        first = top * row + left * self.channels
        count = (height - 1) * row + width * self.channels
        memory: bytes | mmap.mmap
        with open(self.path, "rb", buffering=0) as file:
            if count <= READ_AT_MOST:
                file.seek(first)
                memory, first = file.read(count), 0
            else:
                memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        shape, strides = (height, width, self.channels), (row, self.channels, 1)
        window: Picture = np.ndarray(shape, np.uint8, memory, first, strides)
        copy = np.empty((height, width, 3), np.uint8)
        copy[...] = window
        return copy

    def whole(self) -> NDArray[Any]:
        """Give the whole picture to look at, as `window` does."""
        return self.window(0, 0, self.height, self.width)

    def as_luma(self) -> "CachedPicture":
        """Hold the luma in memory, (height, width, 1) float32, as `rgb_to_luma` gives it."""
        planes = np.ascontiguousarray(self.whole().transpose(2, 0, 1))
        luma = rgb_to_luma(torch.from_numpy(planes)[None])[0, 0]
        return replace(self, pixels=luma.numpy()[:, :, None])


def cached_pictures(root: Path, folder: Path, rows: pd.DataFrame) -> list[CachedPicture]:
    """Give the decoded pictures of a manifest's rows, decoding in parallel those that are new.

    A set of up to `HELD_AT_MOST` bytes is held in memory: a patch of 96 pixels then takes a sixth
    of the time.

    Args:
        root: The cache's folder.
        folder: The folder of the PNG files, `<split>/<set>/<name>.png`.
        rows: Rows of the manifest in that folder.

    Returns:
        One a row, in order.

    Raises:
        UserError: If a file is missing or broken, or its pixels are not those of the manifest.
    """
    root.mkdir(parents=True, exist_ok=True)
    pictures = []
    absent: dict[Path, tuple[Path, str]] = {}
    for row in rows.to_dict("records"):
        digest = str(row["pixels_sha256"])
        picture = CachedPicture(
            root / f"{digest}.raw", int(row["height"]), int(row["width"]), int(row["channels"])
        )
        pictures.append(picture)
        if not _is_complete(picture):
            source = folder / row["split"] / row["set"] / f"{row['name']}.png"
            absent[picture.path] = (source, digest)
    parallel_map(_decode, list(absent.items()), description="decode", jobs=_jobs(len(absent)))
    if sum(picture.height * picture.width * 3 for picture in pictures) > HELD_AT_MOST:
        return pictures
    return [replace(picture, pixels=picture.whole()) for picture in pictures]


def _is_complete(picture: CachedPicture) -> bool:
    try:
        size = picture.path.stat().st_size
    except FileNotFoundError:
        return False
    return size == picture.height * picture.width * picture.channels


def _jobs(count: int) -> int | None:
    # Starting processes takes longer than decoding a few pictures.
    return 1 if count < 16 else None


def _decode(item: tuple[Path, tuple[Path, str]]) -> None:
    path, (source, expected) = item
    picture = read_png(source)
    if pixels_sha256(picture) != expected:
        raise UserError(f"{source}: the pixels differ from the manifest; make the stage again")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        picture.tofile(temporary)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: the decoded picture cannot be written ({error})") from None
