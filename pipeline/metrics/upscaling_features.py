"""The features of Ma's score: local frequencies, wavelet statistics, spatial discontinuity.

As the authors' `feature_all.m` computes them; quirks that the published forests learned with are
kept and said so. (H, W) below is a picture in 0..255, float64.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.images.resize import imresize_float, resize_planes
from pipeline.metrics.structural import ssim_terms
from pipeline.metrics.windows import gaussian_window, window_means

SMALLEST_SIDE = 84  # leaves 25 squares of 5x5 pixels at a quarter of the size

_ORIENTATIONS = 6
_SCALES = 2
_SIDE = 7  # of the blocks whose frequencies are looked at; they lie 3 pixels apart
# (row, column) of the coefficients nearer to one axis, to the diagonal, and to the other axis.
_ALONG = [
    *((0, c) for c in range(1, 7)),
    *((1, c) for c in range(2, 7)),
    *((2, c) for c in range(4, 7)),
    *((3, c) for c in range(5, 7)),
]
_DIAGONAL = [
    (1, 1),
    *((2, c) for c in range(2, 4)),
    *((3, c) for c in range(2, 5)),
    *((4, c) for c in range(3, 7)),
    *((5, c) for c in range(4, 7)),
    *((6, c) for c in range(4, 7)),
]


def frequency_features(luma: Tensor) -> Tensor:
    """Statistics of the cosine transform of small blocks at three sizes, (18,)."""
    return torch.cat([_block_features(x) for x in _sizes(luma)])


def spatial_features(luma: Tensor) -> Tensor:
    """Singular values of the picture's squares of 5x5 pixels at three sizes, (75,)."""
    return torch.cat([torch.linalg.svdvals(_squares(x)) for x in _sizes(luma)])


def _sizes(luma: Tensor) -> list[Tensor]:
    """The picture in 0..1 at full, half and a quarter of the size."""
    sizes = [luma / 255]
    for _ in range(2):
        blurred = window_means(functional.pad(sizes[-1], (1, 1, 1, 1)), gaussian_window(3, 0.5))
        sizes.append(blurred[1::2, 1::2])
    return sizes


def _squares(x: Tensor) -> Tensor:
    height, width = x.shape
    padded = functional.pad(x, (0, -width % 5, 0, -height % 5))
    return functional.unfold(padded[None, None], 5, stride=5)[0]


def _block_features(x: Tensor) -> Tensor:
    height, width = x.shape
    padded = functional.pad(x, (2, 2 + -width % 3, 2, 2 + -height % 3))
    coefficients = _cosine_transform() @ functional.unfold(padded[None, None], _SIDE, stride=3)[0]
    rest = coefficients[1:]
    shapes = generalised_gaussian_shape(rest).sort().values
    variations = _variation(rest, 1e-7).sort().values
    transposed = [(c, r) for r, c in _ALONG]
    oriented = [
        _variation(coefficients[[r * _SIDE + c for r, c in chosen]], 1e-8)
        for chosen in (_ALONG, _DIAGONAL, transposed)
    ]
    spread = torch.stack(oriented).var(0).sort().values
    lowest, highest = math.ceil(len(shapes) * 0.1), int(len(shapes) * 0.9) - 1
    parts = [shapes[:lowest], shapes, variations[highest:], variations, spread[highest:], spread]
    return torch.stack([part.mean() for part in parts])


@lru_cache
def _cosine_transform() -> Tensor:
    """Orthonormal transform of a square as a matrix, (49, 49)."""
    k = torch.arange(_SIDE, dtype=torch.float64)
    matrix = torch.cos(math.pi * k[:, None] * (2 * k + 1) / (2 * _SIDE)) * math.sqrt(2 / _SIDE)
    matrix[0] /= math.sqrt(2)
    return torch.kron(matrix, matrix)


def _variation(x: Tensor, epsilon: float) -> Tensor:
    return x.abs().std(0) / (x.abs().mean(0) + epsilon)


def generalised_gaussian_shape(x: Tensor) -> Tensor:
    """Shape, out of 0.03, 0.031, ..., 10, of the distribution of each column, (K, N) -> (N,)."""
    centred = x - x.mean(0)
    target = x.var(0) / (centred.abs().mean(0).square() + 1e-7)
    shapes, ratios = _shape_ratios()
    above = torch.searchsorted(ratios, target.contiguous()).clamp(1, len(ratios) - 1)
    nearer = (ratios[above - 1] - target).abs() < (ratios[above] - target).abs()
    return shapes[torch.where(nearer, above - 1, above)]


@lru_cache
def _shape_ratios() -> tuple[Tensor, Tensor]:
    """Shapes from 10 down, and the variance over the squared mean modulus of each, increasing."""
    shapes = 10 - 0.001 * torch.arange(9971, dtype=torch.float64)
    one, two, three = (torch.lgamma(k / shapes) for k in (1.0, 2.0, 3.0))
    return shapes, (one + three - 2 * two).exp()


def wavelet_features(luma: Tensor) -> Tensor:
    """Statistics of normalised wavelet bands, and their likeness, (45,)."""
    high, bands = frequency_pyramid(luma)
    normalised = [
        _normalised(bands, scale, orientation)
        for scale in range(_SCALES)
        for orientation in range(_ORIENTATIONS)
    ]
    flat = [band.reshape(-1, 1) for band in normalised]
    across = [torch.cat([flat[i], flat[i + _ORIENTATIONS]]) for i in range(_ORIENTATIONS)]
    shapes = torch.cat([generalised_gaussian_shape(x) for x in [*flat, *across]])
    size = high.shape[0], high.shape[1]
    resized = [resize_planes(scale.cpu().numpy(), size) for scale in bands]
    to_high = [_likeness(torch.from_numpy(b).to(high), high) for scale in resized for b in scale]
    first = normalised[:_ORIENTATIONS]
    pairs = [_likeness(x, y) for i, x in enumerate(first) for y in first[i + 1 :]]
    return torch.cat([shapes, torch.stack([*to_high, *pairs])])


def _likeness(x: Tensor, y: Tensor) -> Tensor:
    return ssim_terms(x, y, data_range=255.0)[1].mean()


def frequency_pyramid(x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Steerable pyramid in the frequency domain, two scales of six orientations.

    Simoncelli and Freeman, "The Steerable Pyramid", ICIP 1995; `buildSFpyr` of matlabPyrTools.

    Returns:
        The high-pass residual, and (6, H', W') for each scale.
    """
    spectrum = torch.fft.fftshift(torch.fft.fft2(x))
    vertical, horizontal = torch.meshgrid(*(_ramp(n).to(x) for n in x.shape), indexing="ij")
    angle = torch.atan2(vertical, horizontal)
    radius = torch.hypot(vertical, horizontal)
    radius[x.shape[0] // 2, x.shape[1] // 2] = radius[x.shape[0] // 2, x.shape[1] // 2 - 1]
    octave = torch.log2(radius)
    high = _inverse(spectrum * _highpass(octave)).real
    spectrum = spectrum * _lowpass(octave)
    bands = []
    for scale in range(_SCALES):
        banded = spectrum * _highpass(octave + scale + 1)
        bands.append(torch.stack([_inverse(banded * m).real for m in _orientations(angle)]))
        spectrum, angle, octave = (_centre(part) for part in (spectrum, angle, octave))
        spectrum = spectrum * _lowpass(octave + scale + 1)
    return high, bands


def _ramp(length: int) -> Tensor:
    return (torch.arange(length, dtype=torch.float64) - length // 2) / (length / 2)


def _inverse(spectrum: Tensor) -> Tensor:
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum))


def _highpass(octave: Tensor) -> Tensor:
    """Raised cosine over the octave below the highest frequency."""
    return torch.cos((octave * math.pi / 2).clamp(-math.pi / 2, 0))


def _lowpass(octave: Tensor) -> Tensor:
    return (1 - _highpass(octave).square()).clamp(min=0).sqrt()


def _orientations(angle: Tensor) -> list[Tensor]:
    order = _ORIENTATIONS - 1
    factor = 2**order * math.factorial(order)
    factor /= math.sqrt(_ORIENTATIONS * math.factorial(2 * order))
    turns = [math.pi * band / _ORIENTATIONS for band in range(_ORIENTATIONS)]
    return [(-1j) ** order * factor * torch.cos(angle - turn) ** order for turn in turns]


def _centre(x: Tensor) -> Tensor:
    """The half of the frequencies around zero."""
    for axis, length in enumerate(x.shape):
        half = (length + 1) // 2
        x = x.narrow(axis, length // 2 - half // 2, half)
    return x


def _normalised(bands: list[Tensor], scale: int, orientation: int) -> Tensor:
    """A band divided by its local energy, without the border.

    The neighbourhood of a coefficient is 3x3, its parent, and the other orientations. Of the
    first scale the last orientation has no parent in the release.
    """
    band = bands[scale][orientation]
    height, width = band.shape
    inner = (slice(1, height - 1), slice(1, width - 1))
    near = [
        band[1 - dy : height - 1 - dy, 1 - dx : width - 1 - dx]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    ]
    size = 9
    if scale == 0 and orientation < _ORIENTATIONS - 1:
        parent = imresize_float(bands[1][orientation].cpu().numpy(), 2)[:height, :width]
        near.append(torch.from_numpy(parent).to(band)[inner])
        size += 1  # the release does not count the other orientations
    near += [bands[scale][i][inner] for i in range(_ORIENTATIONS) if i != orientation]
    vectors = torch.stack([part.reshape(-1) for part in near], 1)
    covariance = vectors.mT @ vectors / len(vectors)
    values, axes = torch.linalg.eigh(covariance)
    positive = values.clamp(min=0)
    positive = positive * (values.sum() / positive.sum().clamp(min=1e-300))
    inverse = torch.linalg.pinv((axes * positive) @ axes.mT, hermitian=True)
    energy = ((vectors @ inverse) * vectors).sum(1).clamp(min=0) / size
    centred = band[inner] - band[inner].mean()
    ratio = centred / energy.sqrt().view(centred.shape)
    guard = 16 // 2**scale
    kept = torch.where(energy.view(centred.shape) > 0, ratio, 0)[guard:-guard, guard:-guard]
    return kept - kept.mean()
