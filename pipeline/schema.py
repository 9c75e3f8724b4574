"""What every configuration class shares: strictness, presets, and errors a person can act on."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from pipeline.errors import UserError

Config = TypeVar("Config", bound=BaseModel)


class StrictConfig(BaseModel):
    """A frozen configuration that knows all its keys and converts nothing in silence.

    Integers are taken where a float is asked for; nothing else converts. Fields that hold several
    values are declared `list`, as YAML gives them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PresetConfig(StrictConfig):
    """A configuration whose class names complete settings, for example a paper's variants.

    `preset` fills in the values of that name; keys given beside it win.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    preset: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("preset") is None:
            return values
        name = values["preset"]
        if name not in cls.presets:
            raise ValueError(f"preset {name!r} is unknown{nearest(str(name), cls.presets)}")
        return {**cls.presets[name], **values}


def read_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file as DVC does, so that `1e-4` is a number.

    Raises:
        UserError: If the file is missing or is not YAML.
    """
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (MarkedYAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not UTF-8 text"
        raise UserError(f"{path}{line}: this is not YAML: {problem}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, and which names there are."""
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    meant = f"; did you mean {match[0]!r}?" if match else ""
    return f"{meant} (known: {', '.join(names)})" if names else meant


def validate(config_class: type[Config], values: Any, *, where: str) -> Config:
    """Build a configuration, or raise one line per mistake.

    Args:
        config_class: Class to build.
        values: Plain data, as YAML gives it.
        where: The file or argument that the values are from, for the message.

    Raises:
        UserError: If anything is wrong; each line has the key's full path, what was wrong, and
            the nearest valid key or the allowed range.
    """
    try:
        return config_class.model_validate(values)
    except ValidationError as error:
        details = error.errors()
        meant = {_place_meant(detail, config_class, values) for detail in details}
        lines = [
            f"{where}: {_explain(detail, config_class, values)}"
            for detail in details
            if detail["type"] != "missing" or detail["loc"] not in meant
        ]
        raise UserError("\n".join(dict.fromkeys(lines))) from None


def _place_meant(
    detail: ErrorDetails, config_class: type[BaseModel], values: Any
) -> tuple[int | str, ...] | None:
    """Where the key belongs that a misspelt one stands for: it need not be called missing too."""
    if detail["type"] != "extra_forbidden":
        return None
    keys, owner = _walk(detail["loc"], config_class, values)
    known = () if owner is None else sorted(owner.model_fields)
    match_ = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.6)
    return (*detail["loc"][:-1], match_[0]) if match_ else None


def _explain(detail: ErrorDetails, config_class: type[BaseModel], values: Any) -> str:
    keys, owner = _walk(detail["loc"], config_class, values)
    path = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in keys).lstrip(".")
    context = detail.get("ctx", {})
    given = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            known = () if owner is None else owner.model_fields
            return f"{path}: there is no such key{nearest(str(keys[-1]), known)}"
        case "missing":
            return f"{path}: this key is missing"
        case "union_tag_invalid":
            tags = [tag.strip().strip("'") for tag in str(context["expected_tags"]).split(",")]
            return f"{path}.name: {context['tag']!r} is unknown{nearest(context['tag'], tags)}"
        case "union_tag_not_found":
            return f"{path}.name: this key is missing"
        case "literal_error":
            allowed = str(context["expected"])
            names = [word.strip("'") for word in allowed.replace(" or ", ", ").split(", ")]
            match_ = difflib.get_close_matches(str(given), names, n=1)
            meant = f"; did you mean {match_[0]!r}?" if match_ else ""
            return f"{path}: {given!r} is not one of {allowed}{meant}"
        case "value_error":
            prefix = f"{path}: " if path else ""
            return f"{prefix}{context['error']}"
        case _:
            shown = "" if isinstance(given, Mapping | list) else f", not {given!r}"
            message = detail["msg"].replace("Input should be", "should be")
            return f"{path}: {message[0].lower()}{message[1:]}{shown}"


def _walk(
    location: Sequence[int | str], config_class: type[BaseModel], values: Any
) -> tuple[list[int | str], type[BaseModel] | None]:
    """Follow an error's location to the keys a person wrote and the class that owns the last."""
    keys: list[int | str] = []
    owner: type[BaseModel] | None = config_class
    root = issubclass(config_class, RootModel)
    annotation: Any = config_class.model_fields["root"].annotation if root else config_class
    for position, step in enumerate(location):
        last = position == len(location) - 1
        present = (isinstance(values, Mapping) and step in values) or (
            isinstance(values, list) and isinstance(step, int) and step < len(values)
        )
        tag = not present and isinstance(values, Mapping) and step == values.get("name")
        if tag or (not present and not (last and isinstance(values, Mapping))):
            # A discriminator's tag: it chooses the class and is no key of its own.
            annotation = _member(annotation, values)
            continue
        owner = _member(annotation, values) or owner
        keys.append(step)
        if isinstance(step, str) and owner is not None and step in owner.model_fields:
            annotation = owner.model_fields[step].annotation
        values = values[step] if present else None
    return keys, owner


def _member(annotation: Any, values: Any) -> type[BaseModel] | None:
    """The configuration class inside an annotation, chosen by `name` where there are several."""
    classes = _classes(annotation)
    name = values.get("name") if isinstance(values, Mapping) else None
    for candidate in classes:
        field = candidate.model_fields.get("name")
        if field is not None and name in get_args(field.annotation):
            return candidate
    return classes[0] if len(classes) == 1 else None


def _classes(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _classes(part)]
