"""Errors that a person can act on."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from pipeline.errors import UserError
from pipeline.schema import PresetConfig, StrictConfig, nearest, read_yaml, validate


class _Inner(StrictConfig):
    name: Literal["inner"] = "inner"
    size: int = Field(3, gt=0, le=9)
    kind: Literal["round", "square"] = "round"


class _Other(StrictConfig):
    name: Literal["other"] = "other"
    rate: float = 0.5


class _Third(StrictConfig):
    name: Literal["third"] = "third"
    weight: float


class _Outer(StrictConfig):
    items: list[Annotated[_Inner | _Other | _Third, Field(discriminator="name")]]
    single: _Inner = _Inner()


class _Preset(PresetConfig):
    presets: ClassVar = {"large": {"width": 256, "depth": 32}}
    width: int = 64
    depth: int = 16


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"items": [], "singel": {}}, "singel: there is no such key; did you mean 'single'?"),
        ({}, "items: this key is missing"),
        ({"items": [], "single": {"size": 10}}, "single.size: should be less than or equal to 9"),
        ({"items": [], "single": {"size": "3"}}, "single.size: should be a valid integer, not '3'"),
        ({"items": [], "single": {"kind": "rund"}}, "did you mean 'round'?"),
        ({"items": [], "single": {"sise": 1}}, "single.sise: there is no such key; did you mean"),
    ],
)
def test_a_mistake_is_one_line_with_path_and_remedy(values: object, expected: str):
    with pytest.raises(UserError) as caught:
        validate(_Outer, values, where="params.yaml")
    assert expected in str(caught.value)
    assert all(line.startswith("params.yaml: ") for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"itmes": []}, ["itmes: there is no such key; did you mean 'items'?"]),
        # Within a choice by name, the place in the error has the name's value in it.
        (
            {"items": [{"name": "third", "wieght": 1}]},
            ["items[0].wieght: there is no such key; did you mean 'weight'?"],
        ),
        # What was not meant is still missing.
        ({"xyz": 1}, ["items: this key is missing", "xyz: there is no such key (known:"]),
    ],
)
def test_a_misspelt_key_is_not_called_missing_too(values: object, expected: list[str]):
    with pytest.raises(UserError) as caught:
        validate(_Outer, values, where="p")
    lines = str(caught.value).splitlines()
    assert len(lines) == len(expected)
    assert all(line.startswith(f"p: {start}") for line, start in zip(lines, expected, strict=True))


def test_a_preset_fills_in_and_explicit_keys_win():
    config = validate(_Preset, {"preset": "large", "depth": 8}, where="here")
    assert (config.width, config.depth) == (256, 8)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'large'"):
        validate(_Preset, {"preset": "lage"}, where="here")


def test_numbers_are_read_as_yaml_1_2(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text("rate: 1e-4\nanswer: no\n")
    assert read_yaml(path) == {"rate": 1e-4, "answer": "no"}


def test_broken_yaml_is_named_with_its_line(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text("a: 1\nb: [1\n")
    with pytest.raises(UserError, match=r"params.yaml, line 3: this is not YAML"):
        read_yaml(path)


def test_a_key_given_twice_is_refused(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(UserError, match="duplicate key"):
        read_yaml(path)


def test_nearest_stays_silent_where_nothing_is_near():
    assert nearest("zzz", ["edsr", "rcan"]) == " (known: edsr, rcan)"
