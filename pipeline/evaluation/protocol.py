"""How a score is taken: the protocol is part of every number.

Three conventions give three PSNRs for the same picture (up to 0.09 dB apart on Set5), so a score
is never stored without its protocol, and unlike protocols are never put in one column.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.images.colour import luma
from pipeline.images.picture import Picture, as_rgb, crop_to_multiple
from pipeline.images.resize import Border, imresize_float
from pipeline.schema import StrictConfig

DATA_RANGE = 255.0
Channels = Literal["y", "rgb"]
Plane = NDArray[np.float64]


class Protocol(StrictConfig):
    """How LR is made and how SR is compared with HR.

    `luma-first` is the classic tables' (SRCNN, VDSR, LapSRN): HR to rounded luma, shrunk and
    enlarged in double precision without rounding, the result rounded. `rgb` is the later RGB
    networks' (CARN, IMDN): 8-bit RGB throughout, scored on the luma of the 8-bit result.
    """

    name: Literal["luma-first", "rgb"] = "rgb"
    crop_border: int | None = Field(None, ge=0)  # pixels cut off each side; the scale if absent
    luma: Literal["float", "rounded"] = (
        "float"  # of the 8-bit RGB result; rounded costs 0.02-0.09 dB
    )
    resize_border: Border = "symmetric"

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _luma_first_is_rounded(self) -> "Protocol":
        if self.name == "luma-first" and "luma" in self.model_fields_set and self.luma == "float":
            raise ValueError("luma: the protocol luma-first compares rounded luma; remove the key")
        return self

    def border(self, scale: int) -> int:
        """Pixels cut off each side before comparing."""
        return scale if self.crop_border is None else self.crop_border

    def describe(self, scale: int) -> dict[str, Any]:
        """Everything a reader needs to compare the numbers with others, as plain data."""
        return {
            "name": self.name,
            "crop_border": self.border(scale),
            "luma": "rounded" if self.name == "luma-first" else self.luma,
            "data_range": DATA_RANGE,
            "resizer": f"MATLAB bicubic, {self.resize_border} border",
        }


class Pair(NamedTuple):
    """Two pictures to compare, (1, C, H, W), float64 in [0, 255]."""

    sr: Tensor
    hr: Tensor


def hr_luma_plane(hr: Picture, scale: int) -> Plane:
    """HR as `luma-first` sees it: (H, W) rounded luma, cropped to a multiple of the scale."""
    return np.floor(luma(crop_to_multiple(hr, scale)) + 0.5)


def lr_luma_plane(hr_plane: Plane, scale: int, protocol: Protocol) -> Plane:
    """LR of `luma-first`: shrunk in double precision, not rounded."""
    return imresize_float(hr_plane, 1 / scale, border=protocol.resize_border)


def luma_first_pair(sr_plane: Plane, hr_plane: Plane) -> Pair:
    """Round the result, as the published luma rows do."""
    rounded = np.clip(np.floor(sr_plane + 0.5), 0, 255)
    return Pair(_tensor(rounded), _tensor(hr_plane))


def rgb_pair(sr: Picture, hr: Picture, channels: Channels, protocol: Protocol) -> Pair:
    """The channels of two 8-bit pictures that a metric compares.

    A single-channel HR is luma as it is, and so is the mean of the SR's channels then.
    """
    if channels == "rgb":
        return Pair(_tensor(as_rgb(sr)), _tensor(as_rgb(hr)))
    if hr.ndim == 2 and sr.ndim == 3:
        return Pair(_tensor(sr.astype(np.float64).mean(axis=2)), _tensor(hr))
    planes = [luma(picture) for picture in (sr, hr)]
    if protocol.luma == "rounded":
        planes = [np.floor(plane + 0.5) for plane in planes]
    return Pair(_tensor(planes[0]), _tensor(planes[1]))


def _tensor(array: NDArray[Any]) -> Tensor:
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float64))[None]


def shown_hr(hr: Picture, scale: int, *, like: Picture) -> Picture:
    """HR as the results are: cropped, and luma where they are (`luma-first`)."""
    if like.ndim == 2 and hr.ndim == 3:
        return hr_luma_plane(hr, scale).astype("uint8")
    return crop_to_multiple(hr, scale)
