"""What a study is: its pictures, its kind, and every sentence that a participant reads."""

import hashlib
import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from pipeline.errors import UserError
from pipeline.schema import StrictConfig, validate
from pipeline.study import Kind

REFERENCE = "reference"
"""Name of the HR picture among the methods; participants are not told that it is there."""

_FILE = "study.json"
_PICTURES = "pictures"

_RATING = {
    "introduction": [
        "You will see one picture after the other. Judge how good each one looks to you as a "
        "whole; there is no right or wrong answer.",
        "Please sit in even light, keep your usual distance to the screen, leave the browser's "
        "zoom as it is, and wear your glasses if you use any.",
        "Press 1 to 5, or the buttons. Every answer is saved at once: you can close this page and "
        "come back by the same link.",
    ],
    "question": "How good is the quality of this picture?",
    "labels": ["Bad", "Poor", "Fair", "Good", "Excellent"],
}
_PAIRS = {
    "introduction": [
        "You will see the same picture in two versions. Choose the one that looks better to you "
        "as a whole; if you cannot decide, follow your first impression.",
        "Please sit in even light, keep your usual distance to the screen, leave the browser's "
        "zoom as it is, and wear your glasses if you use any.",
        "Press 1 or 2, the arrow keys, or the buttons. Every answer is saved at once: you can "
        "close this page and come back by the same link.",
    ],
    "question": "Which picture looks better?",
    "labels": ["Left", "Right"],
}


class Texts(StrictConfig):
    """Every sentence that a participant reads, to be changed or translated in `study.json`.

    Attributes:
        labels: Names of the grades, worst first; for pairs, of the left and the right picture.
        labels_stacked: For pairs on a narrow screen, names of the upper and the lower picture.
    """

    language: str = "en"
    title: str = "Picture quality"
    introduction: list[str]
    question: str
    labels: list[str]
    labels_stacked: list[str] = Field(["Upper", "Lower"])
    start: str = "Start"
    resume: str = "Continue"
    practice: str = "Practice"
    practice_done: str = "That was the practice. From here on, your answers count."
    finished: str = "That was the last picture. Thank you!"
    finished_note: str = "Your answers are saved. You can close this page."
    no_connection: str = "No connection. Your answer is kept and sent again in a moment."
    loading: str = "Loading"
    unusable: str = "This page cannot go on. Please reload it, or ask the person who invited you."


class Stimulus(StrictConfig):
    """One picture of one method, as it is shown.

    Attributes:
        set: Name of its test set.
        image: Name of the picture.
        method: Which method made it, or `reference`.
        training: Whether it is shown for practice only.
        file: Name in the study's `pictures`; it tells participants nothing.
        width: Of what is shown, in pixels.
        height: Of what is shown, in pixels.
        pixels_sha256: Digest of the method's whole picture, before it was cut to what is shown.
    """

    set: str
    image: str
    method: str
    training: bool
    file: str
    width: int
    height: int
    pixels_sha256: str

    @property
    def content(self) -> tuple[str, str]:
        """Which picture it is, whatever the method."""
        return (self.set, self.image)


class Item(NamedTuple):
    """What is judged at once: a stimulus, or two beside each other, by index."""

    first: int
    second: int | None = None


class Study(StrictConfig):
    """A whole study.

    Attributes:
        name: For people, and to tell studies in one database apart.
        kind: `rating`: absolute category rating from 1 to 5; `pairs`: two side by side.
        seed: Of every participant's order.
        repeats: How many items each participant judges twice.
    """

    name: str
    kind: Kind
    seed: int
    repeats: int = Field(ge=0)
    texts: Texts
    stimuli: list[Stimulus] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_label_for_every_answer(self) -> "Study":
        if len(self.texts.labels) != self.grades:
            raise ValueError(f"texts.labels: the kind {self.kind} takes {self.grades} labels")
        return self

    @property
    def grades(self) -> int:
        """Answers are the integers from 1 to this."""
        return 5 if self.kind == "rating" else 2

    @property
    def key(self) -> str:
        """What its answers are stored under: another study for anything but changed texts."""
        content = self.model_dump(mode="json", exclude={"texts"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order of their first picture."""
        return list(dict.fromkeys(stimulus.method for stimulus in self.stimuli))

    def items(self, *, training: bool) -> list[Item]:
        """What there is to judge: each stimulus, or each pair of methods of each picture."""
        chosen = [i for i, stimulus in enumerate(self.stimuli) if stimulus.training == training]
        if self.kind == "rating":
            return [Item(i) for i in chosen]
        return [
            Item(i, j)
            for i, j in combinations(chosen, 2)
            if self.stimuli[i].content == self.stimuli[j].content
        ]


def default_texts(kind: Kind, title: str) -> Texts:
    """English texts of a kind of study."""
    values: Mapping[str, object] = _RATING if kind == "rating" else _PAIRS
    return Texts.model_validate({**values, "title": title})


def write_study(folder: Path, study: Study) -> None:
    """Write `study.json`, after the pictures: a folder without it is no study."""
    text = json.dumps(study.model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / _FILE).write_text(text + "\n", encoding="utf-8")


def read_study(folder: Path) -> Study:
    """Read a study's folder.

    Raises:
        UserError: If it holds no study, the study is not valid, or a picture is missing.
    """
    path = folder / _FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; `sr study create` makes it") from None
    except ValueError as error:
        raise UserError(f"{path}: this is not JSON ({error})") from None
    study = validate(Study, values, where=str(path))
    for stimulus in study.stimuli:
        if not picture_path(folder, stimulus.file).is_file():
            raise UserError(f"{picture_path(folder, stimulus.file)}: this picture is missing")
    return study


def exists(folder: Path) -> bool:
    """Whether a folder holds a study."""
    return (folder / _FILE).exists()


def picture_path(folder: Path, file: str) -> Path:
    """File of a stimulus."""
    return folder / _PICTURES / file
