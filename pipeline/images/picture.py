"""Pictures: PNG files, 8-bit arrays, and float tensors, with one function each way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UserError

if TYPE_CHECKING:  # The data stages read and write pictures without waiting for torch.
    from torch import Tensor

PICTURE_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".ppm", ".pgm")
"""What counts as a picture where a whole folder is given."""

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB, or (H, W) for a file with a single channel."""


def read_png(path: Path) -> Picture:
    """Read a picture that the pipeline stored.

    Returns:
        uint8 (H, W, 3) RGB, or (H, W) where the file has a single channel.

    Raises:
        UserError: If the file is missing, broken, or neither RGB nor greyscale of 8 bits.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("RGB", "L"):
                raise UserError(f"{path}: mode {image.mode} is neither 8-bit RGB nor greyscale")
            return np.asarray(image)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path}: this picture cannot be read ({error})") from None


def write_png(path: Path, picture: Picture) -> None:
    """Write a lossless PNG so that no half-written file can stay at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    # Level 1: within 10 % of level 6's size on photographs, several times faster.
    Image.fromarray(picture).save(temporary, format="PNG", compress_level=1)
    os.replace(temporary, path)


def as_rgb(picture: Picture) -> Picture:
    """Give a single-channel picture three equal channels; leave RGB as it is."""
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def crop_to_multiple(picture: Picture, scale: int) -> Picture:
    """Crop to a multiple of `scale` from the top left, as the published protocols do."""
    height, width = (side - side % scale for side in picture.shape[:2])
    return picture[:height, :width]


def to_tensor(picture: Picture) -> Tensor:
    """Convert uint8 (H, W, 3) or (H, W) to float32 (1, C, H, W) in [0, 1]."""
    import torch

    channels_last = picture if picture.ndim == 3 else picture[:, :, None]
    tensor = torch.from_numpy(np.ascontiguousarray(channels_last.transpose(2, 0, 1)))
    return tensor.unsqueeze(0).to(torch.float32) / 255.0


def to_picture(tensor: Tensor) -> Picture:
    """Convert (1, C, H, W) in [0, 1] to uint8 (H, W, 3) or (H, W): clamped, rounded half up."""
    import torch

    scaled = (tensor.detach()[0].double() * 255.0 + 0.5).floor().clamp(0, 255)
    array: Picture = scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(array[:, :, 0] if array.shape[2] == 1 else array)
