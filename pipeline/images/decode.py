"""Turning whatever a picture file holds into 8-bit RGB or greyscale, by stated rules.

| the file holds | what becomes of it |
|---|---|
| 8-bit RGB or greyscale | the decoded pixels as they are; greyscale stays single-channel |
| 1-bit black and white | greyscale, 0 and 255 |
| 16 bits a channel | the more significant byte of each, as libpng's `png_set_strip_16` |
| a palette | the palette's colours |
| an alpha channel or transparent colour | laid over white; opaque pixels keep their colour |
| CMYK, YCbCr | RGB by the standard formulas |
| an EXIF orientation | turned upright, as every viewer shows it |
| an embedded colour profile | ignored, as in the published data sets |
| floats, 32-bit integers, Lab, several frames | refused: there is no one right conversion |
"""

import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.errors import UserError
from pipeline.images.picture import Picture

# Formats that always lose something, or that do not say whether they did.
_LOSSY_FORMATS = {"JPEG", "MPO", "JPEG2000", "AVIF"}
_LOSSY_TIFF = {"jpeg", "tiff_jpeg", "webp"}


class Decoded(NamedTuple):
    """A decoded file.

    Attributes:
        picture: uint8 (H, W, 3) RGB or (H, W) greyscale.
        lossy: Whether the file's compression had lost something of what was put in.
    """

    picture: Picture
    lossy: bool


def decode(path: Path) -> Decoded:
    """Read a picture file of any common format, by the rules at the head of this module.

    Raises:
        UserError: If the file is missing, no picture, truncated, damaged, or refused by the rules.
    """
    try:
        with warnings.catch_warnings():
            # A large picture is what a user may well have; damaged metadata changes no pixel.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                lossy = _is_lossy(image, path)
                _refuse_frames(image, path)
                image.load()
                picture = _to_8_bits(image, path)
            _refuse_damage(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except UnidentifiedImageError:
        raise UserError(f"{path}: this is not a picture that can be read") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise UserError(f"{path}: more than {limit} pixels; cut it into tiles") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path}: this picture is damaged or truncated ({error})") from None
    return Decoded(picture, lossy)


def _is_lossy(image: Image.Image, path: Path) -> bool:
    if image.format == "WEBP":
        return b"VP8 " in _riff_chunks(path)  # a lossless frame's chunk is `VP8L`
    if image.format == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    return image.format in _LOSSY_FORMATS


def _riff_chunks(path: Path) -> set[bytes]:
    names = set()
    with path.open("rb") as file:
        file.seek(12)
        while len(header := file.read(8)) == 8:
            names.add(header[:4])
            size = int.from_bytes(header[4:], "little")
            file.seek(size + size % 2, os.SEEK_CUR)
    return names


def _refuse_frames(image: Image.Image, path: Path) -> None:
    # MPO is a camera's JPEG with previews behind the picture, which comes first.
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise UserError(f"{path}: holds {frames} pictures; save each to a file of its own")


def _refuse_damage(path: Path) -> None:
    # Pillow reads a PNG's pixels without looking at what follows; `verify` checks every chunk.
    with Image.open(path) as image:
        if image.format == "PNG":
            image.verify()


def _to_8_bits(image: Image.Image, path: Path) -> Picture:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        return np.ascontiguousarray(np.asarray(upright) >> 8, dtype=np.uint8)
    if upright.mode in ("F", "I", "LAB", "HSV"):
        raise UserError(f"{path}: pixels of mode {upright.mode}; save as 8 or 16 bits, RGB or grey")
    if upright.has_transparency_data:
        upright = _over_white(upright)
    grey = upright.mode in ("1", "L")
    return np.asarray(upright.convert("L" if grey else "RGB"))


def _over_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("L", "LA", "La", "1")
    opaque = image.convert("RGBA")
    white = Image.new("RGBA", opaque.size, "white")
    return Image.alpha_composite(white, opaque).convert("L" if grey else "RGB")
