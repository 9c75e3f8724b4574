"""What raw files decode to: found out once, remembered by the sha256 of their bytes."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from PIL import features

from pipeline.data.fingerprint import NUM_BITS, Bits, fingerprint
from pipeline.data.hashing import file_sha256
from pipeline.errors import UserError
from pipeline.images.decode import decode
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import read_png, write_png

_FILE_NAME = "facts.json"


class Facts(NamedTuple):
    """What the bytes of one raw file decode to, and the PNG that holds it."""

    width: int
    height: int
    channels: int
    lossy: bool
    pixels_sha256: str
    file_sha256: str
    fingerprint: str

    @property
    def bits(self) -> Bits:
        """The perceptual hash, unpacked."""
        packed = np.frombuffer(bytes.fromhex(self.fingerprint), dtype=np.uint8).reshape(5, -1)
        return np.unpackbits(packed, axis=1, count=NUM_BITS).astype(np.int8) * 2 - 1


def store_png(raw: Path, png: Path) -> Facts:
    """Decode one raw file, write its pixels losslessly, and read them back.

    Raises:
        UserError: If the file is no picture or damaged, or the disk does not keep what it is given.
    """
    picture, lossy = decode(raw)
    digest = pixels_sha256(picture)
    try:
        write_png(png, picture)
        stored = read_png(png)
        if stored.shape != picture.shape or pixels_sha256(stored) != digest:
            raise UserError(f"{png}: what is read back is not what was written; check the disk")
    except BaseException:
        png.unlink(missing_ok=True)
        png.with_name(f".{png.name}.part").unlink(missing_ok=True)
        raise
    return Facts(
        width=picture.shape[1],
        height=picture.shape[0],
        channels=1 if picture.ndim == 2 else picture.shape[2],
        lossy=lossy,
        pixels_sha256=digest,
        file_sha256=file_sha256(png),
        fingerprint=np.packbits(fingerprint(picture) > 0, axis=1).tobytes().hex(),
    )


def recall(folder: Path) -> dict[str, Facts]:
    """Facts that earlier runs found in the same way, by sha256 of the raw file."""
    try:
        memory = json.loads((folder / _FILE_NAME).read_text(encoding="utf-8"))
        if memory["recipe"] != _recipe():
            return {}
        return {digest: Facts(*values) for digest, values in memory["facts"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def remember(folder: Path, facts: Mapping[str, Facts]) -> None:
    """Keep facts for later runs; those kept before are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{_FILE_NAME}.part"
    temporary.write_text(json.dumps({"recipe": _recipe(), "facts": facts}), encoding="utf-8")
    os.replace(temporary, folder / _FILE_NAME)


def _recipe() -> str:
    """A digest of the code and libraries that decide what a file decodes to."""
    digest = hashlib.sha256()
    for function in (decode, fingerprint, write_png, store_png):
        digest.update(Path(function.__code__.co_filename).read_bytes())
    codecs = ("jpg", "zlib", "webp", "libtiff", "jpg_2000", "avif")
    digest.update(repr([PIL.__version__, *map(features.version, codecs)]).encode())
    return digest.hexdigest()
