"""Degradations of the literature by name, spelled out as chains for a scale."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

from pipeline.degradation.blur import (
    EllipticBlur,
    GaussianBlur,
    GeneralisedGaussianBlur,
    PlateauBlur,
    SincBlur,
)
from pipeline.degradation.compose import AnyStep, Choice, Option, Shuffle
from pipeline.degradation.compression import JPEG
from pipeline.degradation.noise import CameraNoise, GaussianNoise, PoissonNoise
from pipeline.degradation.quantise import Quantise
from pipeline.degradation.resize import Resize
from pipeline.images.resize import Method

Preset = Literal["BI", "BD", "DN", "BSRGAN", "Real-ESRGAN"]
PRESETS: Sequence[Preset] = get_args(Preset)


def preset_steps(preset: Preset, scale: int) -> list[AnyStep]:
    """Spell a preset out as a chain."""
    match preset:
        case "BI":
            return [Resize()]
        case "BD":
            return _blur_and_decimate(scale)
        case "DN":
            return [Resize(), GaussianNoise(level=30.0)]
        case "BSRGAN":
            return _bsrgan(scale)
        case "Real-ESRGAN":
            return _real_esrgan()


def _blur_and_decimate(scale: int) -> list[AnyStep]:
    """Gaussian blur of sigma 1.6, rounded to 8 bits, then every `scale`-th pixel.

    As the test images of Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR
    2018, section 5.5, were made: a 7x7 kernel at x3 (published), the smallest that holds three
    sigmas elsewhere, of even size at even scales; borders replicated.
    """
    reach = math.ceil(3 * 1.6)
    size = 7 if scale == 3 else 2 * reach + (1 if scale % 2 else 2)
    blur = GaussianBlur(size=size, sigma=1.6, border="replicate")
    return [blur, Quantise(bits=8), Resize(method="nearest", antialias=False)]


def _bsrgan(scale: int) -> list[AnyStep]:
    """Zhang et al., "Designing a Practical Degradation Model for Deep Blind Image
    Super-Resolution", ICCV 2021, with the probabilities of their released code.

    Departures: noise of a simulated camera stands for their processed sensor noise (whose model
    is not public); Keys' bicubic has a = -0.5, theirs -0.75.
    """
    jpeg = JPEG(quality=[30.0, 95.0])
    if scale != 4:
        return [_bsrgan_shuffle(scale), jpeg]
    half: list[Choice | Resize] = [
        _any_method(Resize(factor=0.5, antialias=False, rounded=False)),
        Resize(factor=0.5, rounded=False),
    ]
    first_half = Choice(options=[Option(probability=0.5, steps=[step]) for step in half])
    detour = Option(probability=0.25, steps=[first_half, _bsrgan_shuffle(2)])
    direct = Option(probability=0.75, steps=[_bsrgan_shuffle(scale)])
    return [Choice(options=[detour, direct]), jpeg]


def _bsrgan_shuffle(scale: int) -> Shuffle:
    """Two blurs, two resizes, noise, JPEG and sensor noise in random order."""
    blur = _bsrgan_blur(scale)
    shrink = Resize(reduction=[1.0, 2.0 * scale], antialias=False, rounded=False)
    # Of even size at even scales, so that nothing is shifted; 25 in the paper's code.
    smooth = GaussianBlur(size=25 if scale % 2 else 24, sigma=[0.1, 0.6 * scale])
    decimate = Resize(method="nearest", reduction=float(scale), antialias=False, rounded=False)
    downsample = Choice(
        options=[
            Option(probability=0.75, steps=[_any_method(shrink)]),
            Option(probability=0.25, steps=[smooth, decimate]),
        ]
    )
    steps: list[AnyStep] = [
        blur,
        blur,
        downsample,
        _any_method(Resize(antialias=False, rounded=False)),
        Choice(
            options=[
                Option(probability=0.8, steps=[GaussianNoise(level=[2.0, 25.0], grey=0.5)]),
                Option(probability=0.2, steps=[GaussianNoise(level=25.0, correlated=1.0)]),
            ]
        ),
        _sometimes(0.9, JPEG(quality=[30.0, 95.0])),
        _sometimes(0.25, CameraNoise()),
    ]
    return Shuffle(steps=steps)


def _bsrgan_blur(scale: int) -> Choice:
    """Isotropic or anisotropic Gaussian; section 3.1: deviations from 0.1 to 2.4 at x2 and 2.8
    at x4, axes (as variances) from 0.5 to 6 at x2 and 8 at x4.
    """
    axis = [math.sqrt(0.5), math.sqrt(4 + scale)]
    sizes = [7, 25]
    isotropic = GaussianBlur(size=sizes, sigma=[0.1, 2 + 0.2 * scale])
    anisotropic = GaussianBlur(size=sizes, sigma=axis, sigma_y=axis, rotation=[0.0, 180.0])
    return Choice(
        options=[
            Option(probability=0.5, steps=[isotropic]),
            Option(probability=0.5, steps=[anisotropic]),
        ]
    )


def _real_esrgan() -> list[AnyStep]:
    """Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
    Data", ICCVW 2021, with the settings of their released training (x4plus).

    Departures: the HR picture is not sharpened; the photons at white are 256, where theirs follow
    from the number of grey values; Keys' bicubic has a = -0.5, theirs -0.75.
    """
    second_resize = _up_or_down([0.3, 0.4, 0.3], [0.3, 1.2], of="lr")
    to_lr = _any_method(Resize(antialias=False, rounded=False))
    ringing = _sometimes(0.8, SincBlur(size=[7, 21], cutoff=[math.pi / 3, math.pi]))
    jpeg = JPEG(quality=[30.0, 95.0])
    return [
        _real_esrgan_blur([0.2, 3.0]),
        _up_or_down([0.2, 0.7, 0.1], [0.15, 1.5], of="input"),
        _gaussian_or_poisson([1.0, 30.0], [0.05, 3.0]),
        jpeg,
        _sometimes(0.8, _real_esrgan_blur([0.2, 1.5])),
        second_resize,
        _gaussian_or_poisson([1.0, 25.0], [0.05, 2.5]),
        Choice(
            options=[
                Option(probability=0.5, steps=[to_lr, ringing, jpeg]),
                Option(probability=0.5, steps=[jpeg, to_lr, ringing]),
            ]
        ),
    ]


def _real_esrgan_blur(sigma: list[float]) -> Choice:
    """A tenth rings; the others are of six families. Flat and peaked shapes are equally often."""
    size = [7, 21]
    turned = {"sigma_y": sigma, "rotation": [-180.0, 180.0]}
    flatter, wider = {"beta": [1.0, 4.0]}, {"beta": [1.0, 2.0]}
    peaked = {"beta": [0.5, 1.0]}
    families: list[tuple[float, type[EllipticBlur], dict[str, list[float]]]] = [
        (0.45, GaussianBlur, {}),
        (0.25, GaussianBlur, turned),
        (0.06, GeneralisedGaussianBlur, peaked),
        (0.06, GeneralisedGaussianBlur, flatter),
        (0.015, GeneralisedGaussianBlur, peaked | turned),
        (0.015, GeneralisedGaussianBlur, flatter | turned),
        (0.12, PlateauBlur, wider),
        (0.03, PlateauBlur, wider | turned),
    ]
    options: list[tuple[float, Any]] = [
        # Kernels of 7 to 11 pixels, three sizes of eight, let more pass than larger ones.
        (0.1 * 3 / 8, SincBlur(size=[7, 11], cutoff=[math.pi / 3, math.pi])),
        (0.1 * 5 / 8, SincBlur(size=[13, 21], cutoff=[math.pi / 5, math.pi])),
        *[
            (0.9 * share, family.model_validate({"size": size, "sigma": sigma, **shape}))
            for share, family, shape in families
        ],
    ]
    return Choice(options=[Option(probability=share, steps=[blur]) for share, blur in options])


def _up_or_down(shares: list[float], factors: list[float], *, of: Literal["input", "lr"]) -> Choice:
    """Enlarge, shrink, or keep the size, in these shares, by a factor drawn from its side of 1."""
    enlarge, shrink, keep = shares
    low, high = factors
    ways: list[tuple[float, float | list[float]]] = [
        (enlarge, [1.0, high]),
        (shrink, [low, 1.0]),
        (keep, 1.0),
    ]
    resizes = [
        (share, _any_method(Resize(factor=factor, of=of, antialias=False, rounded=False)))
        for share, factor in ways
    ]
    return Choice(options=[Option(probability=share, steps=[step]) for share, step in resizes])


def _gaussian_or_poisson(level: list[float], strength: list[float]) -> Choice:
    gaussian = GaussianNoise(level=level, grey=0.4)
    poisson = PoissonNoise(peak=256.0, strength=strength, grey=0.4)
    return Choice(
        options=[
            Option(probability=0.5, steps=[gaussian]),
            Option(probability=0.5, steps=[poisson]),
        ]
    )


def _any_method(resize: Resize) -> Choice:
    """Bilinear, bicubic or area, equally often."""
    methods: list[Method] = ["bilinear", "bicubic", "area"]
    ways = [resize.model_copy(update={"method": method}) for method in methods]
    return Choice(options=[Option(probability=1 / 3, steps=[way]) for way in ways])


def _sometimes(probability: float, step: AnyStep) -> Choice:
    return Choice(options=[Option(probability=probability, steps=[step])])
