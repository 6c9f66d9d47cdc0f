"""Full configuration of a camera: read, change, save and restore."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from defocus.capture.camera import Camera, HasConfig, Word
from defocus.errors import CameraError, DatasetError, InputError
from defocus.near_names import meant
from defocus.reading import read_json
from defocus.settings import Settings, parse_settings

WordOf = dict[str, str]
"""The camera's word for each setting."""

CLOCK_SKEW = "clock_skew_seconds"
"""Name of the entry with the difference of the camera's clock from ours, in whole seconds."""


def refuse_value(word: str, value: str, entry: Word) -> None:
    """Refuse a value of a read-only entry, or one that is not among its choices or limits."""
    if entry.read_only:
        raise InputError(
            f"{word} is {entry.value} and can only be changed on the camera itself"
        )
    if entry.choices and value not in entry.choices:
        raise InputError(
            f"{word} cannot be '{value}'; it can be {', '.join(entry.choices)}"
        )
    if entry.span is not None:
        try:
            number = float(value)
        except ValueError as error:
            raise InputError(
                f"{word} is a number, not '{value}'; correct it"
            ) from error
        if not entry.span[0] <= number <= entry.span[1]:
            low, high = entry.span
            raise InputError(
                f"{word} cannot be {value}; it goes from {low:g} to {high:g}"
            )


def words_of(camera: Camera) -> dict[str, Word]:
    """Every entry of a camera; for a camera without a configuration, its settings."""
    if isinstance(camera, HasConfig):
        return camera.config()
    words = {}
    for setting in camera.settings().values():
        word = Word(setting.value, setting.choices, read_only=setting.read_only)
        words[setting.word] = word
    return words


def as_words(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Word]:
    """A configuration that a camera's process sent as JSON."""
    words = {}
    for name, entry in entries.items():
        limits = entry["span"]
        span = None if limits is None else (limits[0], limits[1])
        choices = tuple(entry["choices"])
        words[name] = Word(entry["value"], choices, span, entry["read_only"])
    return words


def word_named(camera: Camera, name: str) -> str:
    """The camera's entry name for a name: its own, or ours for aperture, shutter and iso."""
    words = words_of(camera)
    by_setting = {str(key): setting.word for key, setting in camera.settings().items()}
    word = name if name in words else by_setting.get(name, "")
    if word not in words:
        refuse_unknown(name, words)
    return word


def refuse_unknown(name: str, words: Collection[str], listed_by: str = "") -> None:
    """Refuse a name that no entry of a camera has."""
    if name not in words:
        raise InputError(
            f"this camera has no entry '{name}'; {meant(name, words, listed_by)}"
        )


def configured(camera: Camera, name: str, value: str) -> tuple[str, str]:
    """Set an entry permanently; return the camera's name of it and its new value."""
    word = word_named(camera, name)
    if not isinstance(camera, HasConfig):
        raise InputError(
            f"{camera.describe().model} keeps no settings after a session; give the settings to "
            "'defocus-capture shoot'"
        )
    return word, camera.configure(word, value)


class Dump(Settings):
    """A camera configuration in a file: values of all entries that can be set, by name."""

    model_config = ConfigDict(populate_by_name=True)

    schema_version: int = Field(alias="schema", ge=1, le=1)
    model: str
    entries: WordOf


def dump_of(camera: Camera) -> dict[str, Any]:
    """Make the JSON object of a configuration file."""
    entries = {}
    for name, word in words_of(camera).items():
        if not word.read_only:
            entries[name] = word.value
    return {"schema": 1, "model": camera.describe().model, "entries": entries}


def read_dump(path: Path) -> Dump:
    """Read a file of ``config dump``."""
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); is it of 'config dump'?"
        ) from error
    if not isinstance(document, dict):
        raise DatasetError(f"{path}: not a JSON object; is it of 'config dump'?")
    return parse_settings(Dump, document, origin=str(path))


def restore(camera: Camera, dump: Dump) -> tuple[WordOf, WordOf]:
    """Set every entry that differs from a dump; return the changed ones and reasons of failures.

    Locked entries are tried again at the end; a dump of another model is refused."""
    model = camera.describe().model
    if model != dump.model:
        raise InputError(
            f"that configuration is of '{dump.model}', this camera is a '{model}'"
        )
    changes: WordOf = {}
    failed = _set_each(camera, dump.entries, changes)
    failed = _set_each(camera, {word: dump.entries[word] for word in failed}, changes)
    return changes, failed


def _set_each(camera: Camera, entries: Mapping[str, str], new: WordOf) -> WordOf:
    failed: WordOf = {}
    for word, value in entries.items():
        now = words_of(camera).get(word)
        if now is not None and now.value == value:
            continue
        try:
            new[word] = configured(camera, word, value)[1]
        except (InputError, CameraError) as error:
            failed[word] = str(error)
    return failed
