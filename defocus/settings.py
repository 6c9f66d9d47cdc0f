"""Typed settings from TOML; the error for an unknown key suggests a valid one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import PydanticKnownError, core_schema

from defocus.errors import FileError, SettingsError
from defocus.near_names import did_you_mean, meant
from defocus.reading import read_toml


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


_CHECK = {"type": "no-info", "function": _no_flag}


def _with_numbers(schema: Any) -> Any:  # noqa: ANN401 - a part of a schema
    if isinstance(schema, list):
        return list(map(_with_numbers, schema))
    if not isinstance(schema, dict) or schema.get("function") == _CHECK:
        return schema
    if schema.get("type") in ("int", "float"):
        return core_schema.no_info_before_validator_function(_no_flag, schema)
    return {name: _with_numbers(part) for name, part in schema.items()}


class StrictNumbers:
    """Base of all settings: ``true`` is no number, although pydantic would read it as 1."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source: type,
        handler: GetCoreSchemaHandler,
    ) -> core_schema.CoreSchema:
        """Pydantic's schema, with the refusal of ``true`` as a number."""
        schema: core_schema.CoreSchema = _with_numbers(handler(source))
        return schema


class Settings(StrictNumbers, BaseModel):
    """Base of all settings: immutable, without undeclared keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
    )


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
    extra = {
        "words": words,
        "heading": heading,
        **click_settings,
    }
    return Field(
        default,
        validate_default=True,
        description=text,
        exclude=exclude,
        json_schema_extra=extra,
    )


JSON = option(False, "--json", text="Print one JSON object on stdout.")
JSON_LIST = option(False, "--json", text="Print one JSON list on stdout.")


def load_settings(kind: type[S], path: Path) -> S:
    """Read a TOML file into settings of one kind."""
    try:
        document = read_toml(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such settings file; check the path") from error
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error}); check the file"
        ) from error
    except FileError as error:
        raise SettingsError(str(error)) from error
    return parse_settings(kind, document, origin=str(path))


def parse_settings(
    kind: type[S],
    document: dict[str, object],
    *,
    origin: str,
) -> S:
    """Check nested tables against settings of one kind; ``origin`` is for the message."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise SettingsError(f"{origin}: {_first_problem(kind, error)}") from error


_SIGNS = {
    "ge": ">=",
    "gt": ">",
    "le": "<=",
    "lt": "<",
}
_NUMBERS = {
    "int": "valid integer",
    "float": "valid number",
    "finite": "finite number",
}


def problem_text(problem: Mapping[str, Any]) -> str:
    """What is wrong with a value; for a number, in the words of an option."""
    value = problem["input"]
    facts = problem.get("ctx", {})
    for end in facts.keys() & _SIGNS.keys():
        return (
            f"{_short(str(value))} is not in the range x{_SIGNS[end]}{facts[end]:.15g}"
        )
    if number := _NUMBERS.get(problem["type"].partition("_")[0]):
        return f"{_short(repr(value))} is not a {number}"
    if problem["type"] == "missing":
        return "field required"
    if problem["type"] == "string_too_short":
        return f"needs {facts['min_length']} or more characters"
    text = str(problem["msg"]).replace("a valid tuple", "a list")
    # Python 3.13 has another module
    text = re.sub(r" for <class 'pathlib[\w.]*Path'>$", "", text)
    text = re.sub(r"a (valid )?dictionary or (an )?instance of \w+", "a table", text)
    return text.removeprefix("Value error, ")


def document_problem(error: ValidationError, whole: str) -> str:
    """The first error in a document that a program wrote, and where; else that of the ``whole``."""
    problems = error.errors()
    problem = _most_telling(problems)
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] in _UNKNOWN:
        *table, key = problem["loc"]
        absent = [one["loc"] for one in problems if one["type"] == "missing"]
        beside = [str(one[-1]) for one in absent if [*one[:-1]] == table]
        return f"unknown key '{where}'; {did_you_mean(str(key), beside) or 'remove it'}"
    return f"'{where or whole}': {_problem_at(where, problem)}"


def _problem_at(where: str, problem: Mapping[str, Any]) -> str:
    text = problem_text(problem)
    value = problem["input"]
    starts = f"{_short(str(value))} ", f"{_short(repr(value))} "
    # what is wrong with a table as a whole is not seen in what it begins with
    complete = not where or isinstance(value, dict) or text.startswith(starts)
    literal = problem["type"] == "literal_error"
    names = re.findall("'([^']*)'", problem["ctx"]["expected"]) if literal else []
    near = f"; {hint}" if (hint := did_you_mean(str(value), names)) else ""
    got = "" if complete else f", got {_short(repr(value))}"
    return f"{text[:1].lower()}{text[1:]}{got}{near}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
"""Pydantic's words for a key that settings, or a dataclass in them, do not have."""


def _most_telling(problems: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first problem; a misspelt key comes before the key that is missing because of it."""
    # where a text or a table may be, a bad text is also said not to be a table; and a list whose
    # one entry is bad is also said to be too short
    others = [one for one in problems if one["type"] not in {"model_type", "too_short"}]
    return next(
        (one for one in problems if one["type"] in _UNKNOWN),
        (others or problems)[0],
    )


def _first_problem(kind: type[BaseModel], error: ValidationError) -> str:
    problem = _most_telling(error.errors())
    # which of several was tried
    kinds = {one.__name__ for one in _settings_within(kind)}
    loc = list(map(str, problem["loc"]))
    path = [
        part for part in loc if part not in kinds and not part.startswith("function-")
    ]
    where = ".".join(path)
    if problem["type"] in _UNKNOWN:
        return f"unknown key '{where}'; {_hint(kind, path)}"
    if problem["type"] == "missing":
        return f"'{where}': field required; add it"
    if problem["type"] == "too_short":
        return f"'{where}': is empty; name one or leave the key out"
    text = _problem_at(where, problem)
    return f"'{where}': {text}" if where else text


def _hint(kind: type[BaseModel], path: list[str]) -> str:
    """Suggestion for an unknown key."""
    if len(path) == 1 and (table := _table_with(kind, path[0])):
        return f"it belongs under {table}"
    legal = sorted(_legal_keys(kind, path[:-1]))
    return meant(path[-1], legal, most=1) if legal else "no key is legal there"


def _table_with(kind: type[BaseModel], key: str) -> str | None:
    """The header of the table that has this key, if there is one."""
    for name, annotation in _types(kind).items():
        inner = _settings_in(annotation)
        if inner is not None and key in _types(inner):
            return f"[[{name}]]" if get_origin(annotation) is tuple else f"[{name}]"
    return None


def _legal_keys(kind: type, path: list[str]) -> list[str]:
    """The field names of the settings class at ``path``."""
    for name in path:
        kind = _settings_in(_types(kind).get(name)) or kind
    return list(_types(kind))


def _types(kind: type) -> dict[str, Any]:
    """The type of each field of settings, or of a dataclass in them."""
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return get_type_hints(kind)


def _settings_in(annotation: object) -> type | None:
    """The settings class of a field's type; for a list or an optional table, that of its items."""
    return next(_settings_parts(annotation), None)


def _settings_parts(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or is_dataclass(annotation)
    ):
        yield annotation
    for part in get_args(annotation):
        yield from _settings_parts(part)


def _settings_within(kind: type) -> set[type]:
    """The settings classes of a class's fields, and of theirs; a class may hold its own kind."""
    kinds: set[type] = set()
    left = [kind]
    while left:
        for annotation in _types(left.pop()).values():
            new = set(_settings_parts(annotation)) - kinds
            kinds |= new
            left += new
    return kinds
