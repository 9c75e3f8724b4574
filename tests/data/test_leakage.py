"""The same photograph in two splits is found, and different photographs are told apart."""

import io
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.fingerprint import NUM_BITS, THRESHOLD, Bits, distances, fingerprint
from pipeline.data.leakage import Candidate, find_pairs
from pipeline.data.sources.embedded import PICTURES, package_data
from pipeline.images.decode import decode
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import Picture, crop_to_multiple, read_png

# The right eye's view of the stereo pair is nearly the left one's.
NAMES = sorted({name for names in PICTURES.values() for name in names} - {"motorcycle_right.png"})


@lru_cache
def photograph(name: str) -> Picture:
    return decode(package_data() / name).picture


def encoded(picture: Picture, form: str, quality: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, quality=quality)
    return np.asarray(Image.open(file))


def resized(picture: Picture, factor: float) -> Picture:
    image = Image.fromarray(picture)
    size = (round(image.width * factor), round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def transposed(picture: Picture) -> Picture:
    return np.swapaxes(picture, 0, 1)


ALTERATIONS: dict[str, Callable[[Picture], Picture]] = {
    "nothing": lambda p: p,
    "mirrored": lambda p: p[:, ::-1],
    "upside down": lambda p: p[::-1],
    "turned by 90 degrees": lambda p: np.rot90(p),
    "turned by 180 degrees": lambda p: np.rot90(p, 2),
    "turned by 270 degrees": lambda p: np.rot90(p, 3),
    "transposed": transposed,
    **{
        f"cropped to a multiple of {s}": lambda p, s=s: crop_to_multiple(p, s) for s in (2, 3, 4, 8)
    },
    "cropped, then mirrored": lambda p: crop_to_multiple(p, 8)[:, ::-1],
    "mirrored, then cropped": lambda p: crop_to_multiple(p[:, ::-1], 8),
    "turned, then cropped": lambda p: crop_to_multiple(np.rot90(p), 8),
    "JPEG of quality 75": lambda p: encoded(p, "JPEG", 75),
    "JPEG of quality 30": lambda p: encoded(p, "JPEG", 30),
    "WebP of quality 50": lambda p: encoded(p, "WEBP", 50),
    "half as large": lambda p: resized(p, 0.5),
    "a quarter as large": lambda p: resized(p, 0.25),
    "twice as large": lambda p: resized(p, 2),
    "darker": lambda p: (p * 0.7).astype(np.uint8),
    "grey": lambda p: np.asarray(Image.fromarray(p).convert("L")),
    "cropped, mirrored, as JPEG": lambda p: encoded(crop_to_multiple(p, 4)[:, ::-1], "JPEG", 75),
}


@lru_cache
def print_of(name: str) -> Bits:
    return fingerprint(photograph(name))


FEW = ["astronaut.png", "coins.png", "rocket.jpg"]


@pytest.mark.parametrize("names", [FEW, pytest.param(NAMES, marks=pytest.mark.slow)])
@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_photograph_is_recognised(alteration: str, names: list[str]):
    for name in names:
        altered = np.ascontiguousarray(ALTERATIONS[alteration](photograph(name)))
        found = distances(print_of(name)[None], fingerprint(altered)[None])[0, 0]
        assert found <= THRESHOLD, name


def test_different_photographs_are_told_apart():
    prints = np.stack([print_of(name) for name in NAMES])
    among = distances(prints, prints)
    assert (np.diag(among) == 0).all()
    assert (among == among.T).all()
    assert among[~np.eye(len(NAMES), dtype=bool)].min() > 1.5 * THRESHOLD


@pytest.mark.slow
def test_among_published_sets_only_the_known_pairs_are_found(reference: Path):
    # Set5's head is Set14's face, and T91 holds one picture twice.
    paths = [
        path
        for folder in ("T91", "General100", "Set5", "Set14")
        for path in sorted((reference / "data" / folder).glob("*.png"))
    ]
    assert len(paths) == 91 + 100 + 5 + 14
    among = distances(*[np.stack([fingerprint(read_png(path)) for path in paths])] * 2)
    same = {
        frozenset((f"{a.parent.name}/{a.stem}", f"{b.parent.name}/{b.stem}"))
        for (i, a), (j, b) in combinations(enumerate(paths), 2)
        if among[i, j] <= THRESHOLD
    }
    assert frozenset(("Set5/head", "Set14/face")) in same
    assert frozenset(("T91/t36", "T91/t65")) in same
    assert len(same) == 2


def candidate(split: str, name: str, picture: Picture, set_: str = "made") -> Candidate:
    size = (picture.shape[1], picture.shape[0])
    return Candidate(split, set_, name, pixels_sha256(picture), size, fingerprint(picture))


A, B = photograph("astronaut.png"), photograph("coffee.png")


def test_pairs_of_two_splits_are_named_with_how_alike_they_are():
    [pair] = find_pairs(
        [
            candidate("train", "a", A),
            candidate("test", "b", A[:, ::-1].copy()),
            candidate("test", "c", B),
        ]
    )
    assert pair.leaks
    assert str(pair) == (
        f"train/made/a and test/made/b are the same photograph (0 of {NUM_BITS} hash bits differ)"
    )
    [equal] = find_pairs([candidate("train", "a", A), candidate("valid", "b", A)])
    assert str(equal) == "train/made/a and valid/made/b are equal in every pixel"


def test_within_a_split_only_equal_pixels_count():
    flipped = A[:, ::-1].copy()
    assert find_pairs([candidate("train", "a", A), candidate("train", "b", flipped)]) == []
    [pair] = find_pairs([candidate("train", "a", A), candidate("train", "b", A, "other")])
    assert not pair.leaks


def test_published_test_sets_may_share_pictures():
    assert find_pairs([candidate("test", "a", A, "Set5"), candidate("test", "b", A, "Set14")]) == []
    assert len(find_pairs([candidate("test", "a", A), candidate("test", "b", A)])) == 1


def test_equal_bytes_of_another_shape_are_another_picture():
    flat = A[:100, :50]
    wide = np.ascontiguousarray(flat).reshape(50, 100, 3)
    pair = [candidate("train", "a", flat), candidate("train", "b", wide)]
    assert pair[0].pixels_sha256 == pair[1].pixels_sha256
    assert find_pairs(pair) == []
