"""Windows of pictures, side by side, where a method errs most."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import uniform_filter

from pipeline.images.picture import Picture, as_rgb

CROP_SIZE = 64
ZOOM = 4
_GAP = 8
_LABEL = 22
_BOX = (255, 40, 40)


class Window(NamedTuple):
    """A square of a picture, in pixels."""

    top: int
    left: int
    size: int

    def cut(self, picture: Picture) -> Picture:
        """The pixels inside."""
        return picture[self.top : self.top + self.size, self.left : self.left + self.size]


def most_telling_window(hr: Picture, baseline: Picture, size: int = CROP_SIZE) -> Window:
    """The square where the baseline errs most: where a better method has something to show.

    Args:
        hr: (H, W, 3) or (H, W).
        baseline: Enlarged picture of the same size.
        size: Side of the square; less where the picture is smaller.
    """
    error = (as_rgb(hr).astype(np.float64) - as_rgb(baseline)) ** 2
    size = min(size, *hr.shape[:2])
    smooth: NDArray[np.float64] = uniform_filter(error.mean(axis=2), size, mode="constant")
    half = size // 2
    height, width = hr.shape[:2]
    inside = smooth[half : height - size + half + 1, half : width - size + half + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return Window(int(top), int(left), size)


def zoomed(picture: Picture, window: Window, zoom: int = ZOOM) -> Picture:
    """Cut a window and repeat its pixels, so that they are seen as they are."""
    return np.kron(as_rgb(window.cut(picture)), np.ones((zoom, zoom, 1), dtype=np.uint8))


def overview(picture: Picture, window: Window, height: int) -> Picture:
    """The whole picture at a given height with the window drawn in it."""
    factor = height / picture.shape[0]
    size = (max(1, round(picture.shape[1] * factor)), height)
    image = Image.fromarray(as_rgb(picture)).resize(size, Image.Resampling.LANCZOS)
    box = [window.left, window.top, window.left + window.size, window.top + window.size]
    ImageDraw.Draw(image).rectangle([side * factor for side in box], outline=_BOX, width=2)
    return np.asarray(image)


def comparison_sheet(panels: Sequence[tuple[str, Picture]], hr: Picture, window: Window) -> Picture:
    """One picture: the overview, then every panel's window, each with its label.

    Args:
        panels: Labels and whole pictures of HR's size, in the order to show.
        hr: The HR picture, for the overview.
        window: The square to show.
    """
    height = window.size * ZOOM
    cells = [("", overview(hr, window, height))]
    cells += [(label, zoomed(picture, window)) for label, picture in panels]
    total = sum(cell.shape[1] + _GAP for _, cell in cells) + _GAP
    sheet = Image.new("RGB", (total, height + _LABEL + _GAP), "white")
    draw, x = ImageDraw.Draw(sheet), _GAP
    for label, cell in cells:
        sheet.paste(Image.fromarray(cell), (x, _LABEL))
        draw.text((x, 3), label, fill="black", font=ImageFont.load_default(14))
        x += cell.shape[1] + _GAP
    return np.asarray(sheet)
