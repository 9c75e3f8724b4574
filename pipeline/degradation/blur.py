"""Blur as a step of a degradation: the filter, and one operator a family of kernels.

Kernels are sampled at the pixels' centres and sum to one; their middle is the pixel itself, so
nothing is shifted. A kernel of even size has its middle half a pixel to the upper left; it belongs
before a decimation by an even factor, which takes a pixel half a pixel to the lower right of the
block's middle: together they shift nothing (`BD` at scales 2 and 4).
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator
from torch import Tensor

from pipeline.degradation import kernels
from pipeline.degradation.base import Draws, Operator, Range, Setting, within
from pipeline.degradation.kernels import Kernel
from pipeline.errors import UserError
from pipeline.images.resize import Border


def filter_images(images: Tensor, stack: NDArray[np.float64], *, border: Border) -> Tensor:
    """Correlate each picture with its kernel.

    Args:
        images: (N, C, H, W).
        stack: Kernels, (N, k, k), each summing to one.
        border: What lies outside a picture.

    Returns:
        (N, C, H, W).
    """
    from scipy.signal import fftconvolve  # takes a second, for blurs alone

    size = stack.shape[-1]
    mode: Literal["symmetric", "edge"] = "symmetric" if border == "symmetric" else "edge"
    widths = ((0, 0), (size // 2, size - 1 - size // 2), (size // 2, size - 1 - size // 2))
    flipped = stack[:, None, ::-1, ::-1].astype(np.float32)
    # One picture a call, so that the result does not depend on the others in the batch.
    filtered = [
        fftconvolve(np.pad(image, widths, mode=mode), kernel, mode="valid", axes=(1, 2))
        for image, kernel in zip(images.numpy(), flipped, strict=True)
    ]
    return torch.from_numpy(np.stack(filtered))


def _kernel_size(value: Any) -> Any:
    ends = value if isinstance(value, list) else [value]
    whole = all(isinstance(end, int) and not isinstance(end, bool) for end in ends)
    if not whole or not all(1 <= end <= 101 for end in ends):
        raise ValueError(f"should be a whole number from 1 to 101, or two, not {value!r}")
    odd = all(end % 2 for end in ends)
    if isinstance(value, list) and (len(ends) != 2 or ends != sorted(ends) or not odd):
        raise ValueError(f"should be two odd numbers in ascending order, not {value!r}")
    return value


KernelSize = Annotated[int | list[int], BeforeValidator(_kernel_size)]
"""Pixels a side; of two, the odd numbers between them are drawn from."""

Sigma = Annotated[Range, within(0.01, 100)]
Degrees = Annotated[Range, within(-360, 360)]


class Blur(Operator):
    """What all blurs share: draw a kernel a picture, and apply it."""

    border: Border | None = None  # what lies outside a picture; without it, the degradation's

    def apply(self, images: Tensor, draws: Draws, setting: Setting) -> Tensor:
        """See `Operator.apply`."""
        drawn = self.draw_kernels(draws)
        # One size whatever was drawn, so that the rounding errors of a picture are its own.
        largest = self.largest_size()
        stack = np.stack([kernels.padded(kernel, largest) for kernel in drawn])
        return filter_images(images, stack, border=self.border or setting.border)

    def largest_size(self) -> int:
        """Side of the largest kernel that can be drawn."""
        raise NotImplementedError

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """One kernel a picture, each square and summing to one."""
        raise NotImplementedError


class SizedBlur(Blur):
    """A blur whose kernel is cut off at a given size."""

    size: KernelSize = 7

    def largest_size(self) -> int:
        """See `Blur.largest_size`."""
        return self.size[1] if isinstance(self.size, list) else self.size

    def draw_sizes(self, draws: Draws) -> NDArray[np.int64]:
        """One kernel size a picture, odd where it is drawn."""
        if not isinstance(self.size, list):
            return draws.integers(self.size)
        low, high = self.size
        return 2 * draws.integers([low // 2, high // 2]) + 1


class EllipticBlur(SizedBlur):
    """A blur by a bell over an ellipse: isotropic, or with a second axis and a rotation."""

    sigma: Sigma = 1.6  # pixels, along the first axis
    sigma_y: Sigma | None = None  # along the second; without it, isotropic
    rotation: Degrees | None = None  # of the first axis, from the x axis towards the lower side

    @model_validator(mode="after")
    def _rotation_has_an_effect(self) -> "EllipticBlur":
        if self.rotation is not None and self.sigma_y is None:
            raise ValueError("rotation has no effect without sigma_y: give both or neither")
        return self

    def draw_squares(self, draws: Draws) -> list[NDArray[np.float64]]:
        """One field of squared elliptic distances a picture."""
        sizes, first = self.draw_sizes(draws), draws.uniform(self.sigma)
        second = first if self.sigma_y is None else draws.uniform(self.sigma_y)
        angles = draws.uniform(0.0 if self.rotation is None else self.rotation)
        return [
            kernels.elliptic_squares(int(size), sigma, sigma_y, angle)
            for size, sigma, sigma_y, angle in zip(sizes, first, second, angles, strict=True)
        ]


class GaussianBlur(EllipticBlur):
    """Gaussian blur, isotropic or anisotropic (MATLAB's `fspecial` where isotropic)."""

    name: Literal["gaussian_blur"] = "gaussian_blur"

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        return [kernels.gaussian(squares) for squares in self.draw_squares(draws)]


class GeneralisedGaussianBlur(EllipticBlur):
    """Generalised Gaussian blur: beta below 1 is peaked, above 1 is flat."""

    name: Literal["generalised_gaussian_blur"] = "generalised_gaussian_blur"
    beta: Annotated[Range, within(0.1, 16)] = 1.0

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        fields, betas = self.draw_squares(draws), draws.uniform(self.beta)
        pairs = zip(fields, betas, strict=True)
        return [kernels.generalised_gaussian(squares, beta) for squares, beta in pairs]


class PlateauBlur(EllipticBlur):
    """Plateau-shaped blur, 1 / (1 + distance ** (2 beta))."""

    name: Literal["plateau_blur"] = "plateau_blur"
    beta: Annotated[Range, within(0.1, 16)] = 1.0

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        fields, betas = self.draw_squares(draws), draws.uniform(self.beta)
        return [kernels.plateau(squares, beta) for squares, beta in zip(fields, betas, strict=True)]


class BoxBlur(SizedBlur):
    """Mean over a square."""

    name: Literal["box_blur"] = "box_blur"

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        return [np.full((size, size), 1 / size**2) for size in self.draw_sizes(draws)]


class SincBlur(SizedBlur):
    """Circular ideal low-pass, cut off at the kernel's edge: it rings as resampling does."""

    name: Literal["sinc_blur"] = "sinc_blur"
    size: KernelSize = 21
    cutoff: Annotated[Range, within(0.1, 3.1416)] = 1.0  # radians a pixel; pi passes everything

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        pairs = zip(self.draw_sizes(draws), draws.uniform(self.cutoff), strict=True)
        return [kernels.sinc(int(size), cutoff) for size, cutoff in pairs]


class DiskBlur(Blur):
    """Defocus: the mean over a disk."""

    name: Literal["disk_blur"] = "disk_blur"
    radius: Annotated[Range, within(0.1, 50)] = 3.0  # pixels

    def largest_size(self) -> int:
        """See `Blur.largest_size`."""
        return kernels.disk_size(np.max(self.radius))

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        return [kernels.disk(radius) for radius in draws.uniform(self.radius)]


class MotionBlur(Blur):
    """Straight motion of constant speed (MATLAB's `fspecial`)."""

    name: Literal["motion_blur"] = "motion_blur"
    length: Annotated[Range, within(1, 100)] = 9.0  # pixels
    angle: Degrees = 0.0  # from the x axis towards the lower side

    def largest_size(self) -> int:
        """See `Blur.largest_size`."""
        return kernels.motion_size(np.max(self.length))

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        pairs = zip(draws.uniform(self.length), draws.uniform(self.angle), strict=True)
        return [kernels.motion(length, angle) for length, angle in pairs]


class KernelBlur(Blur):
    """Blur by a kernel of one's own, scaled to sum to one.

    The file is no dependency of the stage by itself: list it in `dvc.yaml`, so that an edited
    kernel makes new LR pictures.
    """

    name: Literal["kernel_blur"] = "kernel_blur"
    file: str  # .npy, or text with one row a line; square, of odd size

    def largest_size(self) -> int:
        """See `Blur.largest_size`."""
        return len(read_kernel(self.file))

    def draw_kernels(self, draws: Draws) -> list[Kernel]:
        """See `Blur.draw_kernels`."""
        return [read_kernel(self.file)] * len(draws)


@lru_cache(maxsize=16)
def read_kernel(file: str) -> Kernel:
    """Read a kernel and scale it to sum to one.

    Raises:
        UserError: If the file is missing or is no square of odd size with a positive sum.
    """
    path = Path(file)
    try:
        loaded = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path)
        kernel = np.atleast_2d(np.asarray(loaded, np.float64))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file (degradation: kernel_blur)") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: no kernel ({error}); write numbers, one row a line") from None
    height, width = kernel.shape if kernel.ndim == 2 else (0, 0)
    if height != width or height % 2 == 0:
        raise UserError(f"{path}: a kernel is square and of odd size, not {kernel.shape}")
    if not np.isfinite(kernel).all() or kernel.sum() <= 0:
        raise UserError(f"{path}: a kernel has finite values and a positive sum")
    return kernel / kernel.sum()
