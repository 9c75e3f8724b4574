"""Pictures that are in two splits, or twice in one."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from pipeline.data.fingerprint import NUM_BITS, THRESHOLD, Bits, distances
from pipeline.images.manifest import SPLITS

_BLOCK = 4096


class Candidate(NamedTuple):
    """What is compared of one picture."""

    split: str
    set: str
    name: str
    pixels_sha256: str
    size: tuple[int, int]
    bits: Bits

    def __str__(self) -> str:
        return f"{self.split}/{self.set}/{self.name}"


class Pair(NamedTuple):
    """Two pictures that are, or seem to be, the same."""

    first: Candidate
    second: Candidate
    differing_bits: int

    @property
    def leaks(self) -> bool:
        """Whether the two are in different splits."""
        return self.first.split != self.second.split

    def __str__(self) -> str:
        exact = self.first.pixels_sha256 == self.second.pixels_sha256
        near = f"the same photograph ({self.differing_bits} of {NUM_BITS} hash bits differ)"
        return f"{self.first} and {self.second} are {'equal in every pixel' if exact else near}"


def find_pairs(pictures: Sequence[Candidate]) -> list[Pair]:
    """Find what would spoil a result.

    That is the same photograph in two splits (also cropped, mirrored, turned, re-encoded or
    resized), and the same pixels twice in one. Test sets may share pictures among themselves, as
    published ones do: each has its own average.
    """
    return [*_repeated(pictures), *_leaking(pictures)]


def _repeated(pictures: Sequence[Candidate]) -> list[Pair]:
    same = defaultdict(list)
    for picture in pictures:
        apart = picture.set if picture.split == "test" else ""
        same[picture.split, apart, picture.pixels_sha256, picture.size].append(picture)
    return [Pair(group[0], other, 0) for group in same.values() for other in group[1:]]


def _leaking(pictures: Sequence[Candidate]) -> list[Pair]:
    pairs = []
    for one, other in combinations(SPLITS, 2):
        left = [picture for picture in pictures if picture.split == one]
        right = [picture for picture in pictures if picture.split == other]
        # In blocks, since 85,000 training pictures against 1,000 others are many numbers at once.
        for start in range(0, len(left), _BLOCK):
            pairs += _close(left[start : start + _BLOCK], right)
    return pairs


def _close(left: Sequence[Candidate], right: Sequence[Candidate]) -> list[Pair]:
    if not left or not right:
        return []
    bits = distances(np.stack([p.bits for p in left]), np.stack([p.bits for p in right]))
    rows, columns = np.nonzero(bits <= THRESHOLD)
    return [
        Pair(left[i], right[j], int(bits[i, j]))
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
