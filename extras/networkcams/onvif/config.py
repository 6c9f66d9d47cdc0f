"""ONVIF's nested imaging settings as flat names, such as ``Exposure.Gain`` or ``IrCutFilter``."""

from collections.abc import Iterator, Mapping
from typing import Any

from defocus.capture.camera import Word
from defocus.errors import InputError

_CHOICES = {
    "Exposure.Mode": ("Exposure", "Mode"),
    "Exposure.Priority": ("Exposure", "Priority"),
    "Focus.AutoFocusMode": ("Focus", "AutoFocusModes"),
    "WhiteBalance.Mode": ("WhiteBalance", "Mode"),
    "WideDynamicRange.Mode": ("WideDynamicRange", "Mode"),
    "BacklightCompensation.Mode": ("BacklightCompensation", "Mode"),
    "IrCutFilter": ("IrCutFilterModes",),
}
"""Where the options list what a word can be."""

_SPANS = {
    "WhiteBalance.CrGain": "WhiteBalance.YrGain",
    "WhiteBalance.CbGain": "WhiteBalance.YbGain",
}
"""Options that ONVIF names otherwise than the settings."""

_LOCKED = {
    "Exposure.Mode": "MANUAL",
    "Focus.AutoFocusMode": "MANUAL",
    "WhiteBalance.Mode": "MANUAL",
    "WideDynamicRange.Mode": "OFF",
    "BacklightCompensation.Mode": "OFF",
    "IrCutFilter": "ON",
}
"""What a camera must not change by itself between the members of a pair."""


def cleaned(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without unset values and without extensions, which have no schema."""
    kept: dict[str, Any] = {}
    for name, value in settings.items():
        if value is None or name.startswith("_") or name in ("Extension", "Window"):
            continue
        kept[name] = cleaned(value) if isinstance(value, Mapping) else value
    return {name: value for name, value in kept.items() if value != {}}


def words(settings: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Word]:
    """Every entry of cleaned settings, with choices or limits from the options."""
    return {
        path: Word(str(value), _choices(path, options), _span(path, options))
        for path, value in _leaves(settings, "")
    }


def _leaves(settings: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield before + name, value


def _choices(path: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    listed = _at(options, _CHOICES.get(path, ()))
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def _span(path: str, options: Mapping[str, Any]) -> tuple[float, float] | None:
    limits = _at(options, tuple(_SPANS.get(path, path).split(".")))
    if not isinstance(limits, Mapping) or None in (limits.get("Min"), limits.get("Max")):
        return None
    return float(limits["Min"]), float(limits["Max"])


def _at(document: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - nested dicts
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if path else None


def with_word(
    settings: Mapping[str, Any], word: str, value: str, description: Word
) -> dict[str, Any]:
    """Settings with one entry changed."""
    if description.choices and value not in description.choices:
        raise InputError(f"{word} cannot be '{value}'; it can be {', '.join(description.choices)}")
    typed: Any = value
    if not description.choices and not isinstance(_at(settings, tuple(word.split("."))), str):
        typed = _number(word, value, description.span)
    changed: dict[str, Any] = {**settings}
    inner, names = changed, word.split(".")
    for name in names[:-1]:
        inner[name] = {**inner[name]}
        inner = inner[name]
    inner[names[-1]] = typed
    return changed


def _number(word: str, value: str, span: tuple[float, float] | None) -> float:
    try:
        number = float(value)
    except ValueError as error:
        raise InputError(f"{word} is a number, not '{value}'; correct it") from error
    if span is not None and not span[0] <= number <= span[1]:
        raise InputError(f"{word} cannot be {value}; it goes from {span[0]:g} to {span[1]:g}")
    return number


def locked(settings: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with all automatic functions off, if the camera supports it."""
    changed = dict(settings)
    for word, entry in words(settings, options).items():
        wanted = _LOCKED.get(word)
        if wanted is not None and wanted in entry.choices:
            changed = with_word(changed, word, wanted, entry)
    return changed
