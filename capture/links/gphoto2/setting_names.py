"""Manufacturers' setting names of USB cameras, mapped to common meanings, never by index.

Source: libgphoto2, ``camlibs/ptp2/config.c``. Nothing here has been tried on a real body."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from defocus.capture.camera import FileKind, Setting, SettingName, Word
from defocus.errors import InputError
from defocus.near_names import meant

WordOf = Mapping[str, Word]
"""The word of each setting."""

SETTING_WORDS: dict[SettingName, tuple[str, ...]] = {
    "aperture": ("f-number", "aperture"),
    "shutter": ("shutterspeed2", "shutterspeed"),
    "iso": ("iso",),
}
"""Makers' names of each setting; the first that a camera has is used. Nikon bodies have two for the
time, and ``shutterspeed`` is rounded to four decimals."""

FORMAT_WORDS = (
    "imageformat",
    "imageformatsd",
    "imageformatcf",
    "imageformatxd",
    "imagequality",
)
"""Makers' names of the file format; Canon also has an entry for each card."""

THIRD_STOPS = (
    "1", "1.1", "1.2", "1.4", "1.6", "1.8", "2", "2.2", "2.5", "2.8", "3.2", "3.5", "4", "4.5", "5",
    "5.6", "6.3", "7.1", "8", "9", "10", "11", "13", "14", "16", "18", "20", "22", "25", "29", "32",
)  # fmt: skip
"""Apertures offered where a body accepts any number. The pictures show which of them the lens
has."""

FILES_OF_KIND: dict[FileKind, int] = {"raw": 1, "raw+jpeg": 2, "jpeg": 1}
"""Number of files that a shot makes, by file format."""

_OFF = re.compile(r"off|no|none|0|disabled?|false", re.IGNORECASE)
_NEVER = re.compile(r"0|off|never|disabled?", re.IGNORECASE)
_CARD = re.compile(r"memory card|card\+sdram", re.IGNORECASE)
_COMPUTER = re.compile(r"application|usb", re.IGNORECASE)
_SINGLE = re.compile(r"single( shot)?|single frame", re.IGNORECASE)
_MANUAL = re.compile(r"manual( focus)?|mf( \((fixed|selection)\))?", re.IGNORECASE)
"""Words for manual focus. Nikon's say whether the switch on the lens or on the body is meant."""

_BURST = re.compile(r"burst|continuous|[2-9] pictures", re.IGNORECASE)

_WANTED: dict[str, re.Pattern[str]] = {
    "autoiso": _OFF,
    "isoauto": _OFF,
    "autofocus": _OFF,
    "continuousaf": _OFF,
    "focusmode": _MANUAL,
    "focusmode2": _MANUAL,
    "longexpnr": _OFF,
    "aeb": _OFF,
    "autopoweroff": _NEVER,
    "drivemode": _SINGLE,
    "capturemode": _SINGLE,
    "capturetarget": _CARD,
    "prioritymode": _COMPUTER,
}
"""Values that entries should have while pairs are shot. A shot on the card survives a failed
transfer, but Sony's ``card`` keeps it from the computer. The priority mode decides who may change
settings: Sony's words are Camera and Application, Fujifilm's Camera and USB."""

DRIVE_WORDS = ("drivemode", "capturemode")
"""Makers' names of the drive mode: how many pictures a release takes."""

PROGRAM_WORDS = ("autoexposuremode", "expprogram")
"""Makers' names of the mode dial."""

_TIME_IS_AUTOMATIC = re.compile(r"av?", re.IGNORECASE)
_APERTURE_IS_AUTOMATIC = re.compile(r"tv|s", re.IGNORECASE)
_ALL_IS_AUTOMATIC = re.compile(
    r"p|auto|green|(intelligent|superior) auto|a_dep|dep|portrait|landscape|sports|closeup",
    re.IGNORECASE,
)

_RAW = re.compile(r"raw|nef|arw|raf|\bcr[23]\b", re.IGNORECASE)
_SMALL_RAW = re.compile(r"\b([ms]|small|medium|compressed|c)[ -]?raw", re.IGNORECASE)
_JPEG = re.compile(
    r"jpe?g|fine|normal|basic|standard|large|medium|small|\b[LMS]\b", re.IGNORECASE
)
_BEST = (
    re.compile(r"extra ?fine|super ?fine|x\.?fine", re.IGNORECASE),
    re.compile(r"fine", re.IGNORECASE),
    re.compile(r"large|\bL\b", re.IGNORECASE),
)

_KELVIN = re.compile(r"(\d{4,5})\s*K?", re.IGNORECASE)
_BY_KELVIN = re.compile(
    r"(choose )?colou?r temp(erature|\.)?( \(K\))?|kelvin|temperature", re.IGNORECASE
)
_ON = re.compile(r"on|yes|enabled?|1", re.IGNORECASE)
_DELAY = re.compile(r"(\d+(?:\.\d+)?) ?s(ec(onds?)?)?\.?", re.IGNORECASE)

TOLERATED_KELVIN = 0.05
"""Largest relative error of a colour temperature that counts as set."""


def white_balance_changes(words: WordOf, asked: str) -> dict[str, str]:
    """Entries to set, in their order, for ``5200K`` or the beginning of a preset's name."""
    entry = words.get("whitebalance")
    if entry is None or entry.read_only:
        raise InputError(
            "the white balance of this camera cannot be set; set it on the camera and drop --wb"
        )
    kelvin = _KELVIN.fullmatch(asked.strip())
    if kelvin:
        return _by_kelvin(words, float(kelvin[1]))
    if "auto" in asked.lower():
        raise InputError(
            f"--wb {asked} would change between two shots; give 5200K or a preset"
        )
    same = asked.strip().lower()
    presets = [one for one in entry.choices if one.lower() == same]
    if not presets:
        presets = [one for one in entry.choices if one.lower().startswith(same)]
    if len(presets) != 1:
        offered = meant(asked, entry.choices)
        raise InputError(f"this camera has no white balance '{asked}'; {offered}")
    return {"whitebalance": presets[0]}


def _fitting(choices: Iterable[str], pattern: re.Pattern[str]) -> str | None:
    """The first choice that a pattern fits."""
    return next((one for one in choices if pattern.fullmatch(one.strip())), None)


def _by_kelvin(words: WordOf, kelvin: float) -> dict[str, str]:
    entry = words["whitebalance"]
    degrees = words.get("colortemperature")
    choice = _fitting(entry.choices, _BY_KELVIN)
    if choice is None or degrees is None:
        presets = ", ".join(entry.choices) or "none"
        raise InputError(
            f"this camera takes no colour temperature; its presets are {presets}"
        )
    value = _degrees(kelvin, degrees)
    return {"whitebalance": choice, "colortemperature": value}


def _degrees(kelvin: float, degrees: Word) -> str:
    """The camera's word for a colour temperature."""
    value = f"{kelvin:g}"
    if degrees.choices:
        numbers = {}
        for choice in degrees.choices:
            match = _KELVIN.fullmatch(choice.strip())
            if match:
                numbers[choice] = float(match[1])
        value = min(numbers, key=lambda c: abs(numbers[c] - kelvin), default="")
        if not value or abs(numbers[value] / kelvin - 1.0) > TOLERATED_KELVIN:
            offered = ", ".join(degrees.choices)
            raise InputError(f"this camera has no {kelvin:g} K; it has {offered}")
    elif degrees.span is not None and not degrees.span[0] <= kelvin <= degrees.span[1]:
        low, high = degrees.span
        raise InputError(
            f"this camera has no {kelvin:g} K; it goes from {low:g} to {high:g} K"
        )
    return value


def mirror_changes(words: WordOf) -> dict[str, str]:
    """Settings to change so that the mirror does not shake shots: a delay, or live view.

    Canon's ``mirrorlock`` cannot be used: it needs two releases, and libgphoto2 gives one."""
    delay = words.get("exposuredelaymode")
    view = words.get("viewfinder")
    if delay is not None and not delay.read_only:
        longest = max(delay.choices, key=_delay_seconds, default="")
        if _delay_seconds(longest) > 0:
            return {"exposuredelaymode": longest}
    if view is not None and not view.read_only:
        on = _fitting(view.choices, _ON)
        if on is not None:
            return {"viewfinder": on}
    raise InputError(
        "the mirror lock of this camera cannot be set; set it on the camera and drop --mirror-lock"
    )


def _delay_seconds(choice: str) -> float:
    """Seconds of a delay choice; a plain ``On`` is one second, according to Nikon's manuals."""
    said = _DELAY.fullmatch(choice.strip())
    if said:
        return float(said[1])
    return float(_ON.fullmatch(choice.strip()) is not None)


def unwanted_automatics(words: WordOf) -> dict[str, str]:
    """Entry → choice to set before pairs are shot, without missing entries and those of a dial."""
    changes = {}
    for name, wanted in _WANTED.items():
        word = words.get(name)
        if word is None or word.read_only or wanted.fullmatch(word.value.strip()):
            continue
        choice = _fitting(word.choices, wanted)
        if choice is not None:
            changes[name] = choice
    return changes


def refuse_burst(words: WordOf) -> None:
    """Refuse a dial at a burst: later releases of some bodies hand out its old pictures."""
    changes = unwanted_automatics(words)
    for name in DRIVE_WORDS:
        word = words.get(name)
        if word is not None and name not in changes and _BURST.search(word.value):
            raise InputError(
                f"{name} is {word.value}: each release takes several pictures; set its dial to "
                "single pictures"
            )


def automatic_settings(program: str) -> frozenset[SettingName]:
    """Settings that a body chooses in a mode: in P aperture and shutter; none in M or others."""
    if _ALL_IS_AUTOMATIC.fullmatch(program):
        return frozenset({"aperture", "shutter"})
    if _TIME_IS_AUTOMATIC.fullmatch(program):
        return frozenset({"shutter"})
    return frozenset({"aperture"} if _APERTURE_IS_AUTOMATIC.fullmatch(program) else ())


def program_of(words: WordOf) -> str:
    """The mode that a body's dial is at, in its own words; empty where it does not say."""
    return _first_value(words, PROGRAM_WORDS) or ""


def _first_value(words: WordOf, names: Iterable[str]) -> str | None:
    """The value of the first of some entries that a camera has."""
    return next((words[name].value for name in names if name in words), None)


def setting_of(
    name: SettingName, word: str, entry: Mapping[str, Any], program: str
) -> Setting:
    """A setting as a body has it in a mode; an aperture that is a number gets our third stops."""
    choices = tuple(entry["choices"])
    if entry["span"] is not None:
        low, high = entry["span"]
        choices = tuple(stop for stop in THIRD_STOPS if low <= float(stop) <= high)
    follows = entry["read_only"] or name in automatic_settings(program)
    return Setting(name, word, entry["value"], choices, follows)


def file_kind_of(choice: str) -> FileKind | None:
    """Kind of files of a format choice, such as raw+jpeg for ``NEF+Fine``; None if unknown."""
    if not _RAW.search(choice):
        return "jpeg" if _JPEG.search(choice) else None
    rest = re.sub(r"\([^)]*\)", "", choice)
    return "raw+jpeg" if "+" in rest else "raw"


def format_choice(choices: Sequence[str], kind: FileKind) -> str | None:
    """The format choice for a kind of files, full-size RAW and best JPEG; None if there is none."""
    fitting = [choice for choice in choices if file_kind_of(choice) == kind]
    return max(fitting, key=_rank, default=None)


def _rank(choice: str) -> tuple[bool, ...]:
    """Rank of a choice, higher is better; among equals the first is used, which is the largest."""
    return (not _SMALL_RAW.search(choice), *_found(_BEST, choice))


def _found(patterns: Iterable[re.Pattern[str]], text: str) -> tuple[bool, ...]:
    return tuple(pattern.search(text) is not None for pattern in patterns)


def expected_files(words: WordOf) -> int | None:
    """How many files a shot makes by the body's own words, which may be wrong; None if unsaid."""
    said = _first_value(words, FORMAT_WORDS)
    kind = None if said is None else file_kind_of(said)
    return None if kind is None else FILES_OF_KIND[kind]


def serial_of(summary: Mapping[str, str]) -> str | None:
    """The serial number in what a camera says about itself."""
    for word in ("serialnumber", "eosserialnumber"):
        serial = summary.get(word, "")
        if serial not in ("", "(null)", "None"):
            return serial
    return None
