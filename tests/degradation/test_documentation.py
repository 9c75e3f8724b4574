"""docs/degradations.md names every operator and setting, its default and what is allowed."""

import re
from fractions import Fraction
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from pipeline.degradation.compose import AnyStep
from pipeline.degradation.presets import PRESETS
from pipeline.schema import YAML
from tests.conftest import ROOT

TEXT = (ROOT / "docs/degradations.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0].strip(): part for part in re.split(r"^#{2,3} ", TEXT, flags=re.M)[1:]
}
KINDS = {kind.model_fields["name"].default: kind for kind in get_args(get_args(AnyStep)[0])}
STEP = TypeAdapter(AnyStep)


def rows(name):
    lines = [line for line in SECTIONS[name].splitlines() if line.startswith("| ")][1:]
    return {
        cells[0]: cells[1:]
        for cells in ([c.strip() for c in li.strip("|").split("|")] for li in lines)
    }


def settings(name):
    return {k: f for k, f in KINDS[name].model_fields.items() if k not in ("name", "border")}


def yaml(text):
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("name", KINDS)
def test_every_setting_is_documented_with_its_default(name):
    documented = {key: cells[0] for key, cells in rows(name).items()}
    expected = {}
    for key, field in settings(name).items():
        default = field.get_default(call_default_factory=True)
        expected[key] = "required" if default is PydanticUndefined else default
    written = {
        key: yaml(text) if expected.get(key) != text else text for key, text in documented.items()
    }
    assert written == expected


def accepted(name, key, value):
    needed = {"kernel_blur": {"file": "k"}}.get(name, {})
    beside = {"rotation": {"sigma_y": 1}, "of": {"factor": 0.5}}.get(key, {})
    try:
        STEP.validate_python({"name": name, **needed, **beside, key: value})
    except ValidationError:
        return False
    return True


LIMITED = [
    (name, key, cells[1])
    for name in KINDS
    for key, cells in rows(name).items()
    if " to " in cells[1]
]


@pytest.mark.parametrize(("name", "key", "allowed"), LIMITED)
def test_documented_limits_are_those_that_hold(name, key, allowed):
    ends = re.search(r"(\S+) to (\S+)$", allowed).groups()
    number = int if KINDS[name].model_fields[key].annotation in (int, int | list[int]) else float
    low, high = (number(Fraction(end)) for end in ends)
    assert accepted(name, key, low)
    assert accepted(name, key, high)
    assert not accepted(name, key, low - (1 if number is int else 0.01))
    assert not accepted(name, key, high + (1 if number is int else 0.01))
    drawn = [3, 5] if key == "size" else [low, high]
    assert accepted(name, key, drawn) == (allowed.startswith("range") or key == "size")


NAMED = [
    (name, key, cells[1])
    for name in KINDS
    for key, cells in rows(name).items()
    if ", " in cells[1] and not cells[1].startswith("range")
]


@pytest.mark.parametrize(("name", "key", "allowed"), NAMED)
def test_documented_choices_are_those_that_there_are(name, key, allowed):
    words = allowed.split(", ")
    if words == ["true", "false"]:
        assert KINDS[name].model_fields[key].annotation is bool
    else:
        assert set(words) == set(get_args(KINDS[name].model_fields[key].annotation))


def test_every_preset_is_documented():
    assert {key.strip("`") for key in rows("Presets")} == set(PRESETS)
