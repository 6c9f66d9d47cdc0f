"""Typed settings from TOML; the error for an unknown key suggests a valid one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from defocus.errors import FileError, SettingsError
from defocus.near_names import did_you_mean
from defocus.reading import read_toml


class Settings(BaseModel):
    """Base of all settings: immutable, without undeclared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


S = TypeVar("S", bound=Settings)


class CommandSettings(Settings):
    """Settings that are options of a command; the text below a field is the option's help."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def option(
    default: Any,  # noqa: ANN401 - of any type
    words: str,
    *,
    heading: str = "",
    text: str | None = None,
    exclude: bool | None = None,
    **click_settings: Any,  # noqa: ANN401 - of any type
) -> Any:  # noqa: ANN401 - stands for the field's value
    """A field that is an option, in words such as ``--every SECONDS``; a default is shown.

    A heading of the help is also that of the fields after it. What is excluded is not written."""
    extra = {"words": words, "heading": heading, **click_settings}
    return Field(
        default, validate_default=True, description=text, exclude=exclude, json_schema_extra=extra
    )


def option_names(kind: type[Settings]) -> set[str]:
    """The options of a model as typed, without leading dashes."""
    extras = (field.json_schema_extra for field in kind.model_fields.values())
    words = (str(extra["words"]) for extra in extras if isinstance(extra, dict))
    return {re.split("[ /]", each)[0].lstrip("-") for each in words}


def load_settings(kind: type[S], path: Path) -> S:
    """Read a TOML file into settings of one kind."""
    try:
        document = read_toml(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such settings file; check the path") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error}); check the file") from error
    except FileError as error:
        raise SettingsError(str(error)) from error
    return parse_settings(kind, document, origin=str(path))


def parse_settings(kind: type[S], document: dict[str, object], *, origin: str) -> S:
    """Check nested tables against settings of one kind; ``origin`` is for the message."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise SettingsError(f"{origin}: {_first_problem(kind, error)}") from error


def _first_problem(kind: type[BaseModel], error: ValidationError) -> str:
    problems = error.errors()
    # a misspelt key comes before the one that is missing for it
    unknown = (one for one in problems if one["type"] == "extra_forbidden")
    # where a text or a table may be, a bad text is also said not to be a table
    others = [one for one in problems if one["type"] != "model_type"]
    problem = next(unknown, (others or problems)[0])
    kinds = {one.__name__ for one in _settings_within(kind)}  # which of several was tried
    loc = [str(part) for part in problem["loc"]]
    path = [part for part in loc if part not in kinds and not part.startswith("function-after[")]
    where = ".".join(path)
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{where}'; {_hint(kind, path)}"
    if problem["type"] == "missing":
        return f"'{where}': field required; add it"
    if problem["type"] == "too_short":
        return f"'{where}': is empty; name one or leave the key out"
    text = problem["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    text = re.sub(r"a valid dictionary or instance of \w+", "a table", text)
    return f"'{where}': {text[:1].lower()}{text[1:]}, got {problem['input']!r}"


def _hint(kind: type[BaseModel], path: list[str]) -> str:
    """Suggestion for an unknown key."""
    if len(path) == 1 and (table := _table_with(kind, path[0])):
        return f"it belongs under {table}"
    legal = sorted(_legal_keys(kind, path[:-1]))
    hint = did_you_mean(path[-1], legal, most=1)
    if hint:
        return hint
    return f"there are {', '.join(legal)}" if legal else "no key is legal there"


def _table_with(kind: type[BaseModel], key: str) -> str | None:
    """The header of the table that has this key, if there is one."""
    for name, field in kind.model_fields.items():
        inner = _settings_in(field.annotation)
        if inner is not None and key in inner.model_fields:
            return f"[[{name}]]" if get_origin(field.annotation) is tuple else f"[{name}]"
    return None


def _legal_keys(kind: type[BaseModel], path: list[str]) -> list[str]:
    """The field names of the settings class at ``path``."""
    for name in path:
        field = kind.model_fields.get(name)
        kind = (_settings_in(field.annotation) if field else None) or kind
    return list(kind.model_fields)


def _settings_in(annotation: object) -> type[BaseModel] | None:
    """The settings class of a field's type; for a list or an optional table, that of its items."""
    return next(_settings_parts(annotation), None)


def _settings_parts(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _settings_parts(part)


def _settings_within(kind: type[BaseModel]) -> set[type[BaseModel]]:
    """The settings classes of a class's fields, and of theirs; a class may hold its own kind."""
    kinds: set[type[BaseModel]] = set()
    left = [kind]
    while left:
        for field in left.pop().model_fields.values():
            new = set(_settings_parts(field.annotation)) - kinds
            kinds |= new
            left += new
    return kinds
