"""The logged model as MLflow loads it: pictures in, pictures out."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.images.picture import to_picture, to_tensor
from pipeline.models import SRNetwork, run_on_rgb
from pipeline.models.files import load_model


class Upscaler:
    """Super-resolves batches of 8-bit RGB pictures with any network, one picture at a time."""

    def __init__(self, network: SRNetwork) -> None:
        self._network = network

    def predict(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Super-resolve pictures.

        Args:
            pictures: uint8 (N, H, W, 3) RGB.

        Returns:
            uint8 (N, scale * H, scale * W, 3).

        Raises:
            ValueError: If type or shape is another, or the pictures are too small.
        """
        _check(pictures, self._network.min_size)
        with torch.inference_mode():
            outputs = [to_picture(run_on_rgb(self._network, to_tensor(one))) for one in pictures]
        return np.stack(outputs)


def _load_pyfunc(path: str) -> Upscaler:
    """Called by MLflow with the folder of the model's data."""
    return Upscaler(load_model(Path(path) / "model.safetensors"))


def _check(pictures: object, min_size: int) -> None:
    wanted = "send 8-bit RGB pictures, an array of uint8 with shape (N, height, width, 3)"
    if not isinstance(pictures, np.ndarray):
        raise ValueError(f"the input is a {type(pictures).__name__}, not an array; {wanted}")
    if pictures.dtype != np.uint8:
        raise ValueError(f"the input's type is {pictures.dtype}, not uint8; {wanted}")
    if pictures.ndim != 4 or pictures.shape[3] != 3 or 0 in pictures.shape:
        raise ValueError(f"the input's shape is {pictures.shape}; {wanted}")
    if min(pictures.shape[1:3]) < min_size:
        raise ValueError(
            f"the pictures are {pictures.shape[2]}x{pictures.shape[1]}; "
            f"this network needs at least {min_size}x{min_size}"
        )
