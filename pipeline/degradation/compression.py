"""Lossy compression as a step of a degradation: through the real encoder and back."""

from io import BytesIO
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pipeline.degradation.base import Draws, Operator, Range, Setting, round_to_8_bits, within


class JPEG(Operator):
    """Baseline JPEG (ITU-T T.81) at a libjpeg quality."""

    name: Literal["jpeg"] = "jpeg"
    quality: Annotated[Range, within(1, 100)] = 75.0
    subsampling: Literal["4:4:4", "4:2:0"] = "4:2:0"

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`; works on the picture rounded to 8 bits."""
        options = [
            {"format": "JPEG", "quality": int(quality), "subsampling": self.subsampling}
            for quality in draws.integers(self.quality)
        ]
        return _through_file(images, options)


class WebP(Operator):
    """Lossy WebP (RFC 9649, VP8 key frames) at a libwebp quality."""

    name: Literal["webp"] = "webp"
    quality: Annotated[Range, within(0, 100)] = 75.0

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`; works on the picture rounded to 8 bits."""
        qualities = draws.integers(self.quality)
        return _through_file(images, [{"format": "WEBP", "quality": int(q)} for q in qualities])


def _through_file(images: Tensor, options: list[dict[str, Any]]) -> Tensor:
    """Encode each picture with its options, and decode it again."""
    pictures = round_to_8_bits(images).permute(0, 2, 3, 1).numpy()
    decoded = [_recode(picture, chosen) for picture, chosen in zip(pictures, options, strict=True)]
    return torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2).float().contiguous()


def _recode(picture: NDArray[np.uint8], options: dict[str, Any]) -> NDArray[np.uint8]:
    channels = picture.shape[2]
    file = BytesIO()
    Image.fromarray(picture[:, :, 0] if channels == 1 else picture).save(file, **options)
    with Image.open(file) as image:
        decoded = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return decoded.reshape(picture.shape)
