"""The order in which participants see a study."""

from collections import Counter
from itertools import pairwise

import pytest

from pipeline.study.definition import Stimulus, Study, default_texts
from pipeline.study.order import MAX_TRAINING_PAIRS, Presentation, playlist


def study(kind: str = "rating", *, images: int = 6, methods: int = 4, repeats: int = 3) -> Study:
    stimuli = [
        Stimulus(
            set="s",
            image=f"i{image}",
            method=f"m{method}",
            training=image == 0,
            file=f"{image}-{method}.png",
            width=8,
            height=8,
            pixels_sha256="0",
        )
        for image in range(images)
        for method in range(methods)
    ]
    texts = default_texts(kind, "t")  # type: ignore[arg-type]
    return Study(name="n", kind=kind, seed=0, repeats=repeats, texts=texts, stimuli=stimuli)  # type: ignore[arg-type]


def by_role(shown: list[Presentation], role: str) -> list[Presentation]:
    return [presentation for presentation in shown if presentation.role == role]


@pytest.mark.parametrize("kind", ["rating", "pairs"])
@pytest.mark.parametrize("participant", range(1, 9))
def test_practice_is_first_and_everything_else_comes_once_or_twice(kind: str, participant: int):
    made = study(kind)
    shown = playlist(made, participant)
    roles = [presentation.role for presentation in shown]
    practice = 4 if kind == "rating" else MAX_TRAINING_PAIRS
    assert roles[:practice] == ["training"] * practice
    assert "training" not in roles[practice:]
    tested = Counter(frozenset(p.item) for p in by_role(shown, "test"))
    assert tested == Counter(frozenset(item) for item in made.items(training=False))
    repeated = [frozenset(p.item) for p in by_role(shown, "repeat")]
    assert len(set(repeated)) == 3
    assert set(repeated) <= set(tested)


@pytest.mark.parametrize("kind", ["rating", "pairs"])
def test_a_picture_never_follows_itself(kind: str):
    made = study(kind)
    for participant in range(1, 101):
        shown = [p for p in playlist(made, participant) if p.role != "training"]
        contents = [made.stimuli[p.item.first].content for p in shown]
        assert all(a != b for a, b in pairwise(contents))


def test_a_repeated_item_comes_well_after_the_first_time():
    for participant in range(1, 101):
        shown = playlist(study(), participant)
        for again in by_role(shown, "repeat"):
            places = [i for i, p in enumerate(shown) if p.item == again.item]
            assert shown[places[0]].role == "test"
            assert places[1] - places[0] > 5


def test_every_participant_has_an_order_of_their_own_which_does_not_change():
    orders = [tuple(playlist(study(), participant)) for participant in range(1, 51)]
    assert len(set(orders)) == 50
    assert orders == [tuple(playlist(study(), participant)) for participant in range(1, 51)]


def test_every_item_comes_early_as_often_as_late():
    places = Counter[int]()
    for participant in range(1, 401):
        shown = by_role(playlist(study(repeats=0), participant), "test")
        places.update(p.item.first for p in shown[: len(shown) // 2])
    # 200 of 400 expected, standard deviation 10
    assert all(150 < count < 250 for count in places.values())
    assert len(places) == 20


def test_sides_are_random_and_change_when_repeated():
    left = Counter[bool]()
    for participant in range(1, 101):
        shown = playlist(study("pairs"), participant)
        tested = {frozenset(p.item): p.item for p in by_role(shown, "test")}
        left.update(item.first < (item.second or 0) for item in tested.values())
        for again in by_role(shown, "repeat"):
            before = tested[frozenset(again.item)]
            assert (again.item.first, again.item.second) == (before.second, before.first)
    assert 0.45 < left[True] / left.total() < 0.55


def test_a_study_of_one_picture_can_be_shown_too():
    made = study(images=1, repeats=2)
    made = made.model_copy(
        update={"stimuli": [s.model_copy(update={"training": False}) for s in made.stimuli]}
    )
    assert len(playlist(made, 1)) == 6
