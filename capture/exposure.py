"""Exposure: labels and true values, and an aperture bracket at constant exposure.

Cameras engrave rounded numbers: "f/22" is f/22.63 and "1/125" is 1/128 s, because real settings
lie on third stops, 2^(k/6) for the f-number and 2^(k/3) for the time. From f/4 to f/22 the labels
give 4.92 EV, the truth is 5.00 EV. Times are therefore chosen on the true grid, from the camera's
own list. Source: capture.md section 6.1; checked against the series of ISO 2720 third stops.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from defocus.capture.cameras.camera import Setting, SettingName
from defocus.errors import InputError
from defocus.optics.thin_lens import exposure_difference_ev, true_exposure_time, true_f_number

__all__ = [
    "Bracket",
    "Exposure",
    "nearest_choice",
    "parse_f_number",
    "parse_iso",
    "parse_seconds",
    "parse_value",
    "plan_bracket",
    "true_f",
    "true_seconds",
    "values",
]

DEFAULT_ISO = 100.0
"""Assumed where a camera has no such setting; both shots then have the same one."""

RAISE_ISO_BEYOND_EV = 0.2
"""A time that misses by more than a fifth of a stop is not constant exposure any more."""

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_F_NUMBER = re.compile(rf"(?:[fF]/?\s*)?{_NUMBER}")
_SECONDS = re.compile(rf"(?:(\d+)/{_NUMBER}|{_NUMBER})\s*(?:s|\"|sec)?")


@dataclass(frozen=True)
class Exposure:
    """Settings of one shot: the camera's own words, and the values they stand for.

    Attributes:
        aperture: The camera's word, such as ``f/22``.
        shutter: The camera's word, such as ``1/4`` or ``0.2500s``.
        iso: The camera's word; None where it has no such setting.
        f_number: True f-number.
        seconds: True exposure time.
        iso_value: ISO.
        nominal: f-number, seconds and ISO as the words say them; EXIF repeats these.
    """

    aperture: str
    shutter: str
    iso: str | None
    f_number: float
    seconds: float
    iso_value: float
    nominal: tuple[float, float, float]

    @property
    def words(self) -> dict[SettingName, str]:
        """What to set on the camera."""
        words: dict[SettingName, str] = {"aperture": self.aperture, "shutter": self.shutter}
        return words if self.iso is None else {**words, "iso": self.iso}

    @property
    def true(self) -> tuple[float, float, float]:
        """True f-number, seconds and ISO."""
        return self.f_number, self.seconds, self.iso_value


@dataclass(frozen=True)
class Bracket:
    """A blurry and a sharp shot of equal exposure, as nearly as the camera's lists allow.

    Attributes:
        blurry: The shot with the wide aperture.
        sharp: The shot with the narrow aperture.
        notes: What a person should know before the first shot.
    """

    blurry: Exposure
    sharp: Exposure
    notes: tuple[str, ...] = ()

    @property
    def aperture_ev(self) -> float:
        """Light lost by stopping down, on true f-numbers, EV."""
        return 2.0 * math.log2(self.sharp.f_number / self.blurry.f_number)

    @property
    def nominal_aperture_ev(self) -> float:
        """The same as the labels say it, EV."""
        return 2.0 * math.log2(self.sharp.nominal[0] / self.blurry.nominal[0])

    @property
    def residual_ev(self) -> float:
        """Exposure of the blurry shot over that of the sharp one, on true values, EV."""
        return exposure_difference_ev(self.blurry.true, self.sharp.true)

    @property
    def nominal_residual_ev(self) -> float:
        """The same computed from labels, which is off although nothing is wrong, EV."""
        return exposure_difference_ev(self.blurry.nominal, self.sharp.nominal)

    def to_json(self) -> dict[str, Any]:
        """The bracket as a JSON object."""
        return {
            "blurry": asdict(self.blurry),
            "sharp": asdict(self.sharp),
            "aperture_ev": self.aperture_ev,
            "nominal_aperture_ev": self.nominal_aperture_ev,
            "residual_ev": self.residual_ev,
            "nominal_residual_ev": self.nominal_residual_ev,
            "notes": list(self.notes),
        }


def parse_f_number(text: str) -> float | None:
    """The f-number of a label: ``f/22``, ``22``, ``F4.0``; None where there is none.

    Example:
        >>> parse_f_number("f/5.6")
        5.6
    """
    match = _F_NUMBER.fullmatch(text.strip())
    value = float(match[1]) if match else 0.0
    return value if 0.5 <= value <= 128 else None


def parse_seconds(text: str) -> float | None:
    """The time of a label: ``1/125``, ``0.0080s``, ``0.5``, ``30"``; None for ``bulb`` and such.

    Example:
        >>> parse_seconds("1/4")
        0.25
    """
    match = _SECONDS.fullmatch(text.strip())
    if match is None:
        return None
    if match[3] is not None:
        seconds = float(match[3])
    else:
        divisor = float(match[2])
        seconds = float(match[1]) / divisor if divisor > 0 else 0.0
    return seconds if 1e-6 <= seconds <= 3600 else None


def parse_iso(text: str) -> float | None:
    """The ISO of a label: ``100``; None for ``Auto``."""
    stripped = text.strip()
    return float(stripped) if stripped.isascii() and stripped.isdigit() and int(stripped) else None


def true_f(nominal: float) -> float:
    """True f-number of a label; a label that is no rounded third stop stays as it is.

    Third-stop labels are rounded by up to 3 %; half stops (f/6.7) lie further off.
    """
    true = true_f_number(nominal)
    return true if abs(math.log2(nominal / true)) <= 0.045 else nominal


def true_seconds(nominal: float) -> float:
    """True time of a label, in seconds; a label that is no rounded third stop stays as it is.

    Third-stop labels are rounded by up to 7 % (1/60 for 1/64); half stops (1/90) lie further off.
    """
    true = true_exposure_time(nominal)
    return true if abs(math.log2(nominal / true)) <= 0.1 else nominal


_PARSERS: dict[SettingName, Callable[[str], float | None]] = {
    "aperture": parse_f_number,
    "shutter": parse_seconds,
    "iso": parse_iso,
}


def parse_value(name: SettingName, text: str) -> float | None:
    """The number that a word of a setting says; None where it says none."""
    return _PARSERS[name](text)


def values(setting: Setting) -> dict[str, float]:
    """The numeric choices of a setting: the camera's word → the number it says."""
    words = setting.choices or (setting.value,)
    parsed = {word: _PARSERS[setting.name](word) for word in words}
    return {word: number for word, number in parsed.items() if number is not None}


def nearest_choice(setting: Setting, asked: str) -> str:
    """The camera's own word for a value that a person typed, such as ``f/22`` for ``22``.

    Raises:
        InputError: Not a value of that kind, or none of the choices is within a sixth of a stop.
    """
    number = _PARSERS[setting.name](asked)
    if number is None:
        raise InputError(
            f"{setting.name} '{asked}' cannot be read; give one like f/4, 1/125 or 100"
        )
    choices = values(setting)
    steps = 2.0 if setting.name == "aperture" else 1.0
    distance = {word: abs(steps * math.log2(value / number)) for word, value in choices.items()}
    best = min(distance, key=lambda word: distance[word], default=None)
    if best is None or distance[best] > 1 / 6:
        raise InputError(
            f"the camera has no {setting.name} '{asked}'; it has {', '.join(choices) or 'none'}"
        )
    return best


def make_exposure(
    aperture: tuple[str, float], shutter: tuple[str, float], iso: tuple[str | None, float]
) -> Exposure:
    """An exposure of the camera's words and the numbers they say."""
    return Exposure(
        aperture=aperture[0],
        shutter=shutter[0],
        iso=iso[0],
        f_number=true_f(aperture[1]),
        seconds=true_seconds(shutter[1]),
        iso_value=iso[1],
        nominal=(aperture[1], shutter[1], iso[1]),
    )


def plan_bracket(
    settings: Mapping[SettingName, Setting],
    blurry: str,
    sharp: str,
    *,
    shutter: str | None = None,
    iso: str | None = None,
    max_seconds: float = 30.0,
) -> Bracket:
    """Choose times (and only where they do not suffice, ISO) for two apertures.

    Args:
        settings: The camera's settings with their choices.
        blurry: Wide aperture, as typed.
        sharp: Narrow aperture, as typed.
        shutter: Time of the blurry shot; None takes what the camera is set to.
        iso: ISO of both shots; None takes what the camera is set to.
        max_seconds: Longest time to use.

    Raises:
        InputError: A setting the camera lacks, a value it does not have, or apertures in the
            wrong order.
    """
    for name in ("aperture", "shutter"):
        if name not in settings:
            raise InputError(
                f"this camera lets nobody set the {name}; an aperture bracket needs it"
            )
    wide, narrow = (_chosen(settings["aperture"], text) for text in (blurry, sharp))
    if narrow[1] <= wide[1]:
        raise InputError(
            f"--sharp {sharp} is not narrower than --blurry {blurry}; exchange the two"
        )
    base_time = _chosen(settings["shutter"], shutter)
    base_iso = _chosen(settings["iso"], iso) if "iso" in settings else (None, DEFAULT_ISO)
    first = make_exposure(wide, base_time, base_iso)
    second = _equal_exposure(first, narrow, settings, base_iso, max_seconds)
    return Bracket(first, second, tuple(_notes(first, second)))


def _chosen(setting: Setting, asked: str | None) -> tuple[str, float]:
    word = nearest_choice(setting, setting.value if asked is None else asked)
    return word, values(setting)[word]


def _equal_exposure(
    first: Exposure,
    aperture: tuple[str, float],
    settings: Mapping[SettingName, Setting],
    base_iso: tuple[str | None, float],
    max_seconds: float,
) -> Exposure:
    """The exposure at ``aperture`` nearest to ``first``; the base ISO wins where it suffices."""
    times = {w: t for w, t in values(settings["shutter"]).items() if t <= max_seconds}
    if not times:
        raise InputError(
            f"the camera has no time of {max_seconds:g} s or less; raise --max-shutter"
        )

    def best(iso: tuple[str | None, float]) -> Exposure:
        candidates = (make_exposure(aperture, time, iso) for time in times.items())
        return min(candidates, key=lambda e: abs(exposure_difference_ev(first.true, e.true)))

    chosen = best(base_iso)
    if "iso" in settings:
        for iso in sorted(values(settings["iso"]).items(), key=lambda item: item[1]):
            missing = exposure_difference_ev(first.true, chosen.true)
            if missing <= RAISE_ISO_BEYOND_EV:
                break
            if iso[1] > chosen.iso_value:
                chosen = best(iso)
    return chosen


def _notes(first: Exposure, second: Exposure) -> list[str]:
    notes = []
    residual = exposure_difference_ev(first.true, second.true)
    if abs(residual) > 0.1:
        notes.append(
            f"the camera's list of times leaves {residual:+.2f} EV between the two; "
            "another --shutter may do better"
        )
    if second.iso_value != first.iso_value:
        notes.append(
            f"the sharp shot needs ISO {second.iso_value:g}: it will be noisier than the blurry one"
        )
    if second.seconds > 1:
        notes.append(f"the sharp shot takes {second.seconds:.3g} s: nothing may move meanwhile")
    return notes
