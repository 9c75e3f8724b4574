"""In which order a participant sees a study: practice, then everything else, some of it twice."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

from pipeline.study.definition import Item, Study

Role = Literal["training", "test", "repeat"]

MAX_TRAINING_PAIRS = 5
"""Practice shows a picture by every method; of its pairs, this many are enough."""

_DISTANCE = 5  # items between the two presentations of a repeated one, where there is room


class Presentation(NamedTuple):
    """One screen: what it shows, and what its answer is for."""

    role: Role
    item: Item


def playlist(study: Study, participant: int) -> list[Presentation]:
    """The screens of one participant; the same for the same study and number.

    Practice is in one order for all, so that it sets the scale alike. After it every order is
    random, yet the same picture never follows itself where that can be avoided (ITU-R BT.500).
    Pairs have random sides, and change them when repeated.

    Args:
        study: The study.
        participant: Number of the participant.
    """
    training = _training(study)
    # Text as seed: Python takes its SHA-512, the same on every machine and version.
    random = Random(f"{study.seed} {participant}")
    order = _spread(study, study.items(training=False), random)
    shown = [Presentation("test", _random_sides(item, random)) for item in order]
    return training + _with_repeats(study, shown, random)


def _training(study: Study) -> list[Presentation]:
    random = Random(f"{study.seed} training")
    items = _spread(study, study.items(training=True), random)
    if study.kind == "pairs":
        items = [_random_sides(item, random) for item in items[:MAX_TRAINING_PAIRS]]
    return [Presentation("training", item) for item in items]


def _spread(study: Study, items: Sequence[Item], random: Random) -> list[Item]:
    """Shuffle, keeping items of the same picture apart."""
    left = list(items)
    random.shuffle(left)
    result: list[Item] = []
    while left:
        counts = Counter(_content(study, item) for item in left)
        content, count = counts.most_common(1)[0]
        # A picture that is more than half of what is left has to come now.
        pressing = content if 2 * count > len(left) else None
        last = _content(study, result[-1]) if result else None
        fitting = (
            item
            for item in left
            if _content(study, item) != last and pressing in (None, _content(study, item))
        )
        chosen = next(fitting, left[0])
        left.remove(chosen)
        result.append(chosen)
    return result


def _with_repeats(study: Study, shown: list[Presentation], random: Random) -> list[Presentation]:
    """Show some items again, well after the first time."""
    count = min(study.repeats, len(shown))
    early = shown[: max(2 * len(shown) // 3, count)]
    result = list(shown)
    for first in random.sample(early, count):
        earliest = min(result.index(first) + 1 + _DISTANCE, len(result))
        places = range(earliest, len(result) + 1)
        content = _content(study, first.item)
        fitting = [
            place
            for place in places
            if all(_content(study, p.item) != content for p in result[place - 1 : place + 1])
        ]
        place = random.choice(fitting or places)
        result.insert(place, Presentation("repeat", _other_sides(first.item)))
    return result


def _content(study: Study, item: Item) -> tuple[str, str]:
    return study.stimuli[item.first].content


def _random_sides(item: Item, random: Random) -> Item:
    return _other_sides(item) if item.second is not None and random.random() < 0.5 else item


def _other_sides(item: Item) -> Item:
    return item if item.second is None else Item(item.second, item.first)
