"""Information-theoretic metrics: IFC, and VIF in the wavelet domain.

Both model a subband of the reference as Gaussian vectors of 3x3 coefficients, scaled by a local
factor, and the judged picture's as the same signal with a gain and noise. IFC is the information
that the judged picture has about the reference, VIF its share of what the reference itself could
give. What is computed is the authors' releases (`ifcvec_release`, `vifvec_release`), which take
more subbands than the papers, other borders, and windows that shrink with the scale.

Several channels are taken as so many pictures, and their values averaged; published values are
those of luma.

References:
    Sheikh, Bovik and de Veciana, "An Information Fidelity Criterion for Image Quality Assessment
    Using Natural Scene Statistics", IEEE TIP 2005; Sheikh and Bovik, "Image Information and
    Visual Quality", IEEE TIP 2006.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.metrics.base import checked_pair
from pipeline.metrics.steerable import NUM_LEVELS, SMALLEST_SIDE, oriented_bands
from pipeline.metrics.windows import row_blocks, uniform_window, window_means

_SIDE = 3  # of the blocks that make a vector
_TOLERANCE = 1e-15  # energies below it count as none
_IFC_NOISE = 1e-10  # keeps IFC finite, in squared intensity units whatever the range is
_VIF_NOISE = 0.4  # variance of the noise in the eye's channel, for intensities in 0..255

# Rows of a subband whose vectors are multiplied at once.
_ROWS = 64


@dataclass(frozen=True)
class Subband:
    """A subband's model, at each of its blocks away from the border.

    Attributes:
        gain: Of the distortion channel, (rows, columns).
        noise: Variance of what the channel adds, same shape.
        scale: The reference's local factor squared, same shape.
        variances: Of the reference's vectors along their principal axes, (9,).
    """

    gain: Tensor
    noise: Tensor
    scale: Tensor
    variances: Tensor


def ifc(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Information fidelity criterion, in bits per pixel.

    It is meant for 0..255. Published code exists for pictures in 0..1 too (LapSRN's evaluation);
    a constant of the release then weighs more, which shows from the fourth digit on and more in
    flat pictures. So pictures are taken in the range they are given in.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity.
        border: Pixels to cut off each side.

    Returns:
        (N,), 0 where nothing of the reference is left; without an upper bound.

    Raises:
        ValueError: If the shapes differ or a side is shorter than 72 pixels, too small for four
            levels of the pyramid.
    """
    models = _models(sr, hr, data_range=data_range, border=border, metric="IFC")
    pixels = (sr.shape[-2] - 2 * border) * (sr.shape[-1] - 2 * border)
    return _means([[_ifc(subbands) / pixels for subbands in channels] for channels in models])


def vif(sr: Tensor, hr: Tensor, *, data_range: float, border: int) -> Tensor:
    """Visual information fidelity in the wavelet domain.

    Args:
        sr: Picture to judge, (N, C, H, W), in [0, data_range].
        hr: Reference, same shape and range.
        data_range: Largest possible intensity; the eye's noise is scaled to it.
        border: Pixels to cut off each side.

    Returns:
        (N,): 1 for identical pictures, 0 where nothing is left; above 1 where contrast was
        enhanced.

    Raises:
        ValueError: If the shapes differ, a side is shorter than 72 pixels, or the reference is
            flat and holds no information to keep.
    """
    noise = _VIF_NOISE * (data_range / 255.0) ** 2
    models = _models(sr, hr, data_range=data_range, border=border, metric="VIF")
    return _means([[_vif(subbands, noise) for subbands in channels] for channels in models])


def _ifc(subbands: list[Subband]) -> Tensor:
    return torch.stack([_bits(s, s.gain.square() / (s.noise + _IFC_NOISE)) for s in subbands]).sum()


def _vif(subbands: list[Subband], noise: float) -> Tensor:
    kept = [_bits(s, s.gain.square() / (s.noise + noise)) for s in subbands]
    whole = [_bits(s, torch.full_like(s.gain, 1 / noise)) for s in subbands]
    total = torch.stack(whole).sum()
    if total <= 0:
        raise ValueError("VIF is not defined for a flat reference, which holds no information")
    return torch.stack(kept).sum() / total


def _bits(subband: Subband, signal_to_noise: Tensor) -> Tensor:
    """Information in bits over all blocks and principal axes of a subband."""
    ratios = (signal_to_noise * subband.scale).flatten()
    return torch.log2(1 + ratios[None] * subband.variances[:, None]).sum()


def _means(values: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(channels).mean() for channels in values])


_memory: ContextVar[dict[tuple[object, ...], tuple[object, ...]] | None] = ContextVar(
    "subband models", default=None
)


@contextmanager
def shared_pyramids() -> Iterator[None]:
    """Within it, IFC and VIF of the same tensors build and model the pyramids only once.

    The tensors asked about are kept until it ends.
    """
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def _models(
    sr: Tensor, hr: Tensor, *, data_range: float, border: int, metric: str
) -> list[list[list[Subband]]]:
    """Models of all subbands, by picture and channel."""
    pair = checked_pair(
        sr, hr, data_range=data_range, border=border, smallest=SMALLEST_SIDE, metric=metric
    )
    memory = _memory.get()
    key = (border, *_identity(sr), *_identity(hr))
    if memory is not None and key in memory:
        return memory[key][0]  # type: ignore[return-value]
    with torch.no_grad():
        models = [
            [subband_models(x, y) for x, y in zip(*channels, strict=True)]
            for channels in zip(*pair, strict=True)
        ]
    if memory is not None:
        memory[key] = (models, sr, hr)
    return models


def _identity(x: Tensor) -> tuple[object, ...]:
    return x.data_ptr(), x.dtype, x.shape, x.stride(), x._version


def subband_models(sr: Tensor, hr: Tensor) -> list[Subband]:
    """Model every subband of one picture, (H, W): two orientations on four levels."""
    judged, reference = (oriented_bands(x.double()) for x in (sr, hr))
    return [
        _subband_model(x, y, window_size=2 ** (NUM_LEVELS - level) + 1)
        for level in range(NUM_LEVELS)
        for x, y in zip(judged[level], reference[level], strict=True)
    ]


def _subband_model(judged: Tensor, reference: Tensor, *, window_size: int) -> Subband:
    """Fit the distortion channel and the reference's vectors.

    Blocks nearer to the border than half a window are left out, so that no window of a kept block
    reaches over it.
    """
    rows, columns = (side // _SIDE for side in reference.shape)
    x, y = (band[: rows * _SIDE, : columns * _SIDE] for band in (judged, reference))
    skipped = -(-(window_size // 2) // _SIDE)
    inner = (slice(skipped, rows - skipped), slice(skipped, columns - skipped))
    # The first kept block's centre, less half a window.
    first = _SIDE * skipped + _SIDE // 2 - window_size // 2
    window = uniform_window(window_size, _SIDE)
    means = [
        window_means(torch.stack([b, a, b * a, b * b, a * a]), window)
        for a, b in row_blocks(x[first:, first:], y[first:, first:], window)
    ]
    kept = (..., slice(rows - 2 * skipped), slice(columns - 2 * skipped))
    gain, noise = _channel(torch.cat(means, -2)[kept], window_size**2)
    variances, axes = torch.linalg.eigh(_covariance(y))
    # Directions without energy, as in a band that is zero, tell nothing.
    used = variances > variances[-1].clamp(min=_TOLERANCE) * 1e-14
    blocks = y.view(rows, _SIDE, columns, _SIDE).permute(0, 2, 1, 3)[inner]
    projected = blocks.flatten(2) @ axes[:, used]
    scale = (projected.square() / variances[used]).sum(-1) / _SIDE**2
    return Subband(gain, noise, scale, variances.clamp(min=0))


def _channel(means: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Gain and noise variance of the distortion channel by regression in each window."""
    mean_y, mean_x, product, square_y, square_x = means.unbind()
    covariance = samples * (product - mean_y * mean_x)
    energy_y = (samples * (square_y - mean_y.square())).clamp(min=0)
    energy_x = (samples * (square_x - mean_x.square())).clamp(min=0)
    gain = covariance / (energy_y + _TOLERANCE)
    noise = (energy_x - gain * covariance) / samples
    # The release puts the window's energy, not its variance, where there is no signal to regress.
    no_signal = (energy_y < _TOLERANCE) | (gain < 0)
    gain, noise = torch.where(no_signal, 0, gain), torch.where(no_signal, energy_x, noise)
    nothing = energy_x < _TOLERANCE
    gain, noise = torch.where(nothing, 0, gain), torch.where(nothing, 0, noise)
    return gain, noise.clamp(min=_TOLERANCE)


def _covariance(band: Tensor) -> Tensor:
    """Covariance of all, also overlapping, 3x3 vectors of a subband, (9, 9)."""
    rows, columns = (side - _SIDE + 1 for side in band.shape)
    products = band.new_zeros(_SIDE**2, _SIDE**2)
    totals = band.new_zeros(_SIDE**2)
    for start in range(0, rows, _ROWS):
        part = band[start : start + min(_ROWS, rows - start) + _SIDE - 1]
        vectors = part.unfold(0, _SIDE, 1).unfold(1, _SIDE, 1).permute(2, 3, 0, 1).reshape(9, -1)
        products += vectors @ vectors.mT
        totals += vectors.sum(1)
    mean = totals / (rows * columns)
    return products / (rows * columns) - torch.outer(mean, mean)
