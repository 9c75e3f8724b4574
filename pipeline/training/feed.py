"""The training feed: which patches make the batch of step t, and a thread that prepares them.

Every choice (picture, corner, flip, turn) is a pure function of (seed, step, index in the batch),
so a batch does not depend on where a run was interrupted nor on the number of threads.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.training.cache import CachedPicture

GROUP = 8  # batches prepared in one go: to the first one all code and data are far away in memory
MARGIN = 6  # LR pixels around a patch that is degraded online, so that no border shows in it

Degrade = Callable[[Tensor, Sequence[int]], Tensor]
"""HR (N, 3, H, W) in [0, 1] and one seed a picture -> LR, multiples of 1/255."""


Layout = Literal["channels_last", "planar", "luma"]
Choices = Sequence[Sequence[float]]
"""Four numbers in [0, 1) a patch: of its row, its column, its orientation, and a spare one."""


class Stream(IntEnum):
    """Independent sequences of random numbers under one seed."""

    ORDER = 0
    PATCH = 1
    DEGRADATION = 2
    STEP = 3
    PHASE = 4
    PENALTY = 5


def draws(seed: int, stream: Stream, counter: int, count: int) -> NDArray[np.uint64]:
    """Random 64-bit numbers as a pure function of the arguments (Philox 4x64, 10 rounds).

    The first n do not depend on `count`. Raw words are used because numpy keeps their values
    from version to version, and those of its distributions not always.

    References:
        Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
    """
    generator = np.random.Philox(key=[seed, stream], counter=[0, 0, 0, counter])
    return generator.random_raw(count)


def uniform(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Map 64-bit numbers to [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Pair(NamedTuple):
    """One picture for training; without LR where that is made of every batch anew."""

    name: str
    hr: CachedPicture
    lr: CachedPicture | None

    def lr_size(self, scale: int) -> tuple[int, int]:
        """Height and width of LR; HR counts as cropped to a multiple of the scale."""
        if self.lr is not None:
            return self.lr.height, self.lr.width
        return self.hr.height // scale, self.hr.width // scale

    def held(self) -> bool:
        """Whether both pictures are in memory."""
        return self.lr is not None and self.lr.pixels is not None and self.hr.pixels is not None

    def as_luma(self) -> "Pair":
        """The pair with the luma of both in memory, for networks that see nothing else."""
        return self._replace(hr=self.hr.as_luma(), lr=self.lr and self.lr.as_luma())


class Batch(NamedTuple):
    """A batch of patches, (N, C, h, w) and (N, C, scale * h, scale * w): 8-bit RGB, or luma.

    Attributes:
        seed: Of random numbers in the arithmetic on it; the same in all processes.
    """

    lr: Tensor
    hr: Tensor
    names: list[str]
    seed: int


@dataclass(frozen=True)
class PatchFeed:
    """Batches of aligned LR and HR patches.

    Attributes:
        pairs: Pictures at least as large as a patch.
        scale: HR over LR.
        patch_size: Height and width of the HR patch, a multiple of the scale.
        batch_size: Patches a step, over all processes.
        seed: Seed of the whole run.
        augment: Flip and turn each patch into one of its eight orientations.
        layout: Of a patch: colours pixel by pixel (channels last), in planes, or luma, of pairs
            that hold it.
        degrade: Makes LR of HR, for pictures without LR.
        rank: This process among `world_size`, each of which takes an equal part of the batch.
        world_size: Number of processes.
    """

    pairs: Sequence[Pair]
    scale: int
    patch_size: int
    batch_size: int
    seed: int
    augment: bool = True
    layout: Layout = "channels_last"
    degrade: Degrade | None = None
    rank: int = 0
    world_size: int = 1

    def batch(self, step: int) -> Batch:
        """Prepare this process's part of the batch of a step, counted from 0."""
        share = self.batch_size // self.world_size
        mine = slice(self.rank * share, (self.rank + 1) * share)
        numbers = uniform(draws(self.seed, Stream.PATCH, step, 4 * self.batch_size))
        choices = numbers.reshape(-1, 4)[mine].tolist()
        pairs = [self.pairs[index] for index in self.pictures(step)[mine]]
        if self.degrade is None:
            lr, hr = self._cut(pairs, choices)
        else:
            seeds = draws(self.seed, Stream.DEGRADATION, step, self.batch_size)[mine].tolist()
            lr, hr = self._cut_and_degrade(self.degrade, pairs, choices, seeds)
        seed = int(draws(self.seed, Stream.STEP, step, 1)[0])
        return Batch(lr, hr, [pair.name for pair in pairs], seed)

    def _cut(self, pairs: Sequence[Pair], choices: Choices) -> tuple[Tensor, Tensor]:
        size, hr_size = self.patch_size // self.scale, self.patch_size
        lr, hr = self._empty(len(pairs), size), self._empty(len(pairs), hr_size)
        for place, (pair, choice) in enumerate(zip(pairs, choices, strict=True)):
            assert pair.lr is not None
            top, left, way = self._choose(pair, choice, size)
            _lay(lr[place], orient(pair.lr.window(top, left, size, size), way))
            corner = (top * self.scale, left * self.scale)
            _lay(hr[place], orient(pair.hr.window(*corner, hr_size, hr_size), way))
        return torch.from_numpy(lr), torch.from_numpy(hr)

    def _cut_and_degrade(
        self, degrade: Degrade, pairs: Sequence[Pair], choices: Choices, seeds: list[int]
    ) -> tuple[Tensor, Tensor]:
        size = self.patch_size // self.scale + 2 * MARGIN
        hr_size, margin = size * self.scale, MARGIN * self.scale
        wide = self._empty(len(pairs), hr_size)
        for place, (pair, choice) in enumerate(zip(pairs, choices, strict=True)):
            top, left, way = self._choose(pair, choice, size)
            corner = (top * self.scale, left * self.scale)
            _lay(wide[place], orient(pair.hr.window(*corner, hr_size, hr_size), way))
        hr = torch.from_numpy(wide)
        lr = degrade(hr.to(torch.float32).div_(255.0), seeds).mul(255.0).round()
        inner, hr_inner = slice(MARGIN, -MARGIN), slice(margin, -margin)
        planar = self.layout == "planar"
        memory_format = torch.contiguous_format if planar else torch.channels_last
        lr = lr[..., inner, inner].to(torch.uint8, memory_format=memory_format)
        return lr, hr[..., hr_inner, hr_inner]

    def _empty(self, count: int, size: int) -> NDArray[Any]:
        """Room for square patches, (N, C, size, size)."""
        if self.layout == "luma":
            return np.empty((count, 1, size, size), np.float32)
        if self.layout == "planar":
            return np.empty((count, 3, size, size), np.uint8)
        return np.empty((count, size, size, 3), np.uint8).transpose(0, 3, 1, 2)

    def _choose(self, pair: Pair, choice: Sequence[float], size: int) -> tuple[int, int, int]:
        """Corner of a window of LR, and the orientation."""
        height, width = pair.lr_size(self.scale)
        top = int(choice[0] * (height - size + 1))
        left = int(choice[1] * (width - size + 1))
        return top, left, int(choice[2] * 8) if self.augment else 0

    def pictures(self, step: int) -> list[int]:
        """Which pictures the whole batch of a step is cut from.

        Pictures come in rounds: each once a round, shuffled anew every round.
        """
        count = len(self.pairs)
        first = step * self.batch_size
        places = range(first, first + self.batch_size)
        return [_order(self.seed, place // count, count)[place % count] for place in places]

    def batches(self, start: int, stop: int, *, threads: int = 1) -> Iterator[Batch]:
        """Yield the batches of the steps from `start` until before `stop`, prepared ahead."""
        steps = range(start, stop)
        with ThreadPoolExecutor(threads, thread_name_prefix="feed") as pool:
            waiting: deque[Future[list[Batch]]] = deque()
            try:
                for first in range(0, len(steps), GROUP):
                    waiting.append(pool.submit(self._group, steps[first : first + GROUP]))
                    if len(waiting) > threads:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _group(self, steps: Sequence[int]) -> list[Batch]:
        return [self.batch(step) for step in steps]


@lru_cache(maxsize=8)
def _order(seed: int, number: int, count: int) -> list[int]:
    order: list[int] = np.argsort(draws(seed, Stream.ORDER, number, count), kind="stable").tolist()
    return order


def orient(picture: NDArray[Any], way: int) -> NDArray[Any]:
    """One of the eight orientations of a square picture; 0 leaves it as it is."""
    if way & 1:
        picture = picture[:, ::-1]
    if way & 2:
        picture = picture[::-1]
    return picture.transpose(1, 0, 2) if way & 4 else picture


def _lay(target: NDArray[Any], picture: NDArray[Any]) -> None:
    # Channel by channel: as one assignment, a mirrored or turned picture takes four times as long.
    for channel in range(len(target)):
        target[channel] = picture[:, :, channel]
