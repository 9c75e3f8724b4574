"""Making a study from what methods made of the same pictures."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pipeline.errors import UserError
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import Picture, write_png
from pipeline.parallel import parallel_map
from pipeline.study import Kind
from pipeline.study.definition import (
    REFERENCE,
    Stimulus,
    Study,
    default_texts,
    exists,
    picture_path,
    write_study,
)
from pipeline.study.sources import BICUBIC, Material

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Design:
    """How the material is shown.

    Attributes:
        kind: `rating` or `pairs`.
        reference: Whether HR is shown too, as one method among the others.
        crop: Pixels a side that are shown, from the picture's middle; 0 shows whole pictures.
        pictures: At most this many, chosen by the seed; 0 takes all.
        training_pictures: How many of them serve for practice only.
        repeats: How many items each participant judges twice; None for a tenth, at least two.
        seed: Of the choice and of every order.
    """

    kind: Kind = "rating"
    reference: bool = True
    crop: int = 512
    pictures: int = 0
    training_pictures: int = 1
    repeats: int | None = None
    seed: int = 0


def named_methods(texts: Iterable[str]) -> dict[str, str]:
    """Read `name=source` or just `source`, whose name then is its own.

    Raises:
        UserError: If a name is not usable or given twice.
    """
    methods: dict[str, str] = {}
    for text in texts:
        left, equals, right = text.partition("=")
        name, source = (left, right) if equals else (_own_name(text), text)
        if not _NAME.fullmatch(name) or name == REFERENCE:
            raise UserError(
                f"--method {text}: give it a name of letters, digits, '.', '_' and '-' other than "
                f"{REFERENCE}, such as mine={source}"
            )
        if name in methods:
            raise UserError(f"--method {text}: there is a method {name} already; name it name=...")
        methods[name] = source
    return methods


def _own_name(source: str) -> str:
    return source if source == BICUBIC else Path(source.removeprefix("runs:/")).stem


def create_study(folder: Path, material: Material, design: Design, *, title: str) -> Study:
    """Write a study's pictures and its `study.json`.

    Args:
        folder: For the study; its name is the study's.
        material: HR and methods.
        design: Kind, sizes, counts, seed.
        title: What participants read first.

    Raises:
        UserError: If there is a study already, or pictures or methods do not fit together.
    """
    if exists(folder):
        raise UserError(f"{folder}: there is a study already; name another folder")
    if len(material.methods) + design.reference < 2 and design.kind == "pairs":
        raise UserError("pairs need two methods, or one and the reference: give another --method")
    keys = _choose(sorted(material.hr.files), design)
    material.check_names(keys)
    training = set(keys[: design.training_pictures])

    def show(key: str) -> list[Stimulus]:
        pictures = material.pictures(key)
        if not design.reference:
            del pictures[REFERENCE]
        above, _, image = key.rpartition("/")
        content = (above or material.hr.folder.resolve().name, image)
        return [
            _store(folder, picture, design.crop, content, method, training=key in training)
            for method, picture in pictures.items()
        ]

    groups = parallel_map(show, sorted(keys), description="pictures", shared=True)
    study = Study(
        name=folder.resolve().name,
        kind=design.kind,
        seed=design.seed,
        repeats=0,
        texts=default_texts(design.kind, title),
        stimuli=[stimulus for group in groups for stimulus in group],
    )
    count = len(study.items(training=False))
    repeats = max(2, round(count / 10)) if design.repeats is None else design.repeats
    study = study.model_copy(update={"repeats": min(repeats, count)})
    write_study(folder, study)
    return study


def _choose(keys: list[str], design: Design) -> list[str]:
    Random(f"{design.seed} pictures").shuffle(keys)
    chosen = keys[: design.pictures or None]
    if len(chosen) <= design.training_pictures:
        raise UserError(
            f"{len(chosen)} pictures, {design.training_pictures} of them for practice: none is "
            "left to judge; add pictures, or give --training-pictures 0"
        )
    return chosen


def _store(
    folder: Path,
    picture: Picture,
    crop: int,
    content: tuple[str, str],
    method: str,
    *,
    training: bool,
) -> Stimulus:
    shown = _middle(picture, crop)
    # Named by content: the name tells participants nothing, and browsers may keep it for ever.
    facts = f"{content} {shown.shape} {pixels_sha256(shown)}"
    digest = hashlib.sha256(facts.encode()).hexdigest()
    file = f"{digest[:32]}.png"
    write_png(picture_path(folder, file), shown)
    return Stimulus(
        set=content[0],
        image=content[1],
        method=method,
        training=training,
        file=file,
        width=shown.shape[1],
        height=shown.shape[0],
        pixels_sha256=pixels_sha256(picture),
    )


def _middle(picture: Picture, side: int) -> Picture:
    if side == 0:
        return picture
    top, left = (max(length - side, 0) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]
