"""An aperture bracket at constant exposure, from a camera's own lists of values.

Times are compared by their true values, so that a correct bracket is not reported as wrong."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from defocus.capture.camera import Setting, SettingName
from defocus.capture.planning.labels import parse_value, true_f, true_seconds, values
from defocus.errors import InputError
from defocus.scene.thin_lens import exposure_difference_ev

Iso = tuple[str | None, float]
"""ISO as the camera writes it (None if it has no ISO setting), and as a number."""

SettingsOf = Mapping[SettingName, Setting]
"""The settings of a camera by their names."""

DEFAULT_ISO = 100.0
"""ISO that is assumed for a camera without an ISO setting; both shots then have the same one."""

TOLERATED_EV = 0.1
"""Largest difference of exposure within a pair, in EV, that is not mentioned."""

SAME_VALUE = 0.02
"""Difference between labels, in powers of two, below which they are one value: 1/60 is 0.0166s."""

RAISE_ISO_BEYOND_EV = 0.2
"""Error of the exposure time, in EV, above which ISO is changed instead: a fifth of a stop is not
constant exposure any more."""


@dataclass(frozen=True)
class Exposure:
    """Settings of one shot: the camera's own values, and the true numbers they stand for."""

    aperture: str
    shutter: str  # the camera's time value, such as ``1/4`` or ``0.2500s``
    iso: str | None  # the camera's ISO value; None if it has no such setting
    f_number: float
    seconds: float
    iso_value: float
    # F-number, seconds and ISO as labelled, and as in EXIF
    nominal: tuple[float, float, float]

    @property
    def words(self) -> dict[SettingName, str]:
        """The values to set on the camera."""
        words: dict[SettingName, str] = {
            "aperture": self.aperture,
            "shutter": self.shutter,
        }
        return words if self.iso is None else {**words, "iso": self.iso}

    @property
    def true(self) -> tuple[float, float, float]:
        """True f-number, seconds and ISO."""
        return self.f_number, self.seconds, self.iso_value


@dataclass(frozen=True)
class Bracket:
    """A blurry and a sharp shot with exposures as equal as the camera allows."""

    blurry: Exposure
    sharp: Exposure
    notes: tuple[str, ...] = ()

    @property
    def aperture_ev(self) -> float:
        """Light lost by stopping down, from true f-numbers, EV."""
        return 2.0 * math.log2(self.sharp.f_number / self.blurry.f_number)

    @property
    def nominal_aperture_ev(self) -> float:
        """Light lost by stopping down, from labels, EV."""
        return 2.0 * math.log2(self.sharp.nominal[0] / self.blurry.nominal[0])

    @property
    def residual_ev(self) -> float:
        """Exposure of the blurry relative to the sharp shot, from true values, EV."""
        return exposure_difference_ev(self.blurry.true, self.sharp.true)

    @property
    def nominal_residual_ev(self) -> float:
        """The remaining difference by labels, which differs although nothing is wrong, EV."""
        return exposure_difference_ev(self.blurry.nominal, self.sharp.nominal)

    @property
    def differences_ev(self) -> dict[str, float]:
        """The four differences, as files have them."""
        return {
            "aperture_ev": self.aperture_ev,
            "nominal_aperture_ev": self.nominal_aperture_ev,
            "residual_ev": self.residual_ev,
            "nominal_residual_ev": self.nominal_residual_ev,
        }

    def to_json(self) -> dict[str, Any]:
        """The bracket as a JSON object."""
        members = {"blurry": asdict(self.blurry), "sharp": asdict(self.sharp)}
        return {**members, **self.differences_ev, "notes": list(self.notes)}


def nearest_choice(setting: Setting, asked: str) -> str:
    """The camera's value for a typed one, such as ``f/22`` for ``22``, within a sixth of a stop."""
    number = parse_value(setting.name, asked)
    choices = values(setting)
    steps = 2.0 if setting.name == "aperture" else 1.0
    distance: dict[str, float] = {}
    if number is not None:
        for word, value in choices.items():
            distance[word] = abs(steps * math.log2(value / number))
    best = min(distance, key=lambda word: distance[word], default=None)
    if best is None or distance[best] > 1 / 6:
        there = (
            ", ".join(choices)
            or "none: set its dial to M, see that a lens is on it, replug it"
        )
        raise InputError(
            f"the camera has no {setting.name} '{asked:.40}'; it has {there}"
        )
    return best


def make_exposure(
    aperture: tuple[str, float],
    shutter: tuple[str, float],
    iso: Iso,
) -> Exposure:
    """Make an exposure from the camera's values."""
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
    settings: SettingsOf,
    blurry: str,
    sharp: str,
    *,
    shutter: str | None = None,
    iso: str | None = None,
    max_seconds: float = 30.0,
    sharp_settings: SettingsOf | None = None,
) -> Bracket:
    """Choose times (and ISO only if needed) for two apertures, as typed.

    None uses the present setting; ``sharp_settings`` are those of a second camera."""
    others = sharp_settings or settings
    first = plan_exposure(settings, blurry, shutter, iso)
    _require_settable(others)
    narrow = _chosen(others["aperture"], sharp)
    if narrow[1] <= first.nominal[0]:
        raise InputError(
            f"--sharp {sharp} is not narrower than --blurry {blurry}; give --sharp a narrower "
            "aperture"
        )
    second = _equal_exposure(
        first, narrow, others, _same_iso(first, others), max_seconds
    )
    notes = _typed_otherwise(blurry, sharp, shutter, iso, first, second)
    notes += _notes(first, second)
    bracket = Bracket(first, second)
    if abs(bracket.residual_ev) > TOLERATED_EV:
        notes.append(_residual_note(bracket, others["shutter"]))
    return replace(bracket, notes=tuple(notes))


def _same_iso(first: Exposure, settings: SettingsOf) -> Iso:
    """The ISO of the first exposure, as the second camera writes it."""
    if "iso" in settings:
        return _chosen(settings["iso"], first.iso or f"{first.iso_value:g}")
    return first.iso, first.iso_value


def _typed_otherwise(
    blurry: str,
    sharp: str,
    shutter: str | None,
    iso: str | None,
    first: Exposure,
    second: Exposure,
) -> list[str]:
    """Typed values that the camera names differently."""
    return [
        *_exchanged("aperture", blurry, first.aperture),
        *_exchanged("aperture", sharp, second.aperture),
        *_exchanged("shutter", shutter, first.shutter),
        *_exchanged("iso", iso, first.iso),
    ]


def plan_exposure(
    settings: SettingsOf,
    aperture: str | None,
    shutter: str | None = None,
    iso: str | None = None,
) -> Exposure:
    """The exposure of one shot in the camera's own values; None uses its present setting."""
    _require_settable(settings)
    return make_exposure(
        _chosen(settings["aperture"], aperture),
        _chosen(settings["shutter"], shutter),
        _chosen(settings["iso"], iso) if "iso" in settings else (None, DEFAULT_ISO),
    )


def _require_settable(settings: SettingsOf) -> None:
    for name in ("aperture", "shutter"):
        if name not in settings:
            raise InputError(
                f"the {name} of this camera cannot be set, which these shots need; on a body set "
                "the dial to M and the lens ring to A; if they are there, turn it off and on"
            )
        if settings[name].read_only:
            raise InputError(
                f"{settings[name].word} is {settings[name].value} and follows the camera's dial; "
                "set the dial to M and the lens ring to A"
            )


def matching_shutter(settings: SettingsOf, aperture: str, exposure: Exposure) -> str:
    """The camera's time value that gives another aperture the same light."""
    number = true_f(_chosen(settings["aperture"], aperture)[1])
    wanted = exposure.seconds * (number / exposure.f_number) ** 2
    times = values(settings["shutter"])
    return min(
        times, key=lambda word: abs(math.log2(true_seconds(times[word]) / wanted))
    )


def _residual_note(bracket: Bracket, shutter: Setting) -> str:
    """Note on the remaining exposure difference, and the nearest blurry time without any."""
    steps = bracket.aperture_ev
    times = {word: true_seconds(seconds) for word, seconds in values(shutter).items()}
    good = []
    for word, seconds in times.items():
        in_steps = [math.log2(time / seconds) for time in times.values()]
        left_ev = [abs(one - steps) for one in in_steps]
        if min(left_ev) <= TOLERATED_EV / 2:
            good.append(word)
    nearest = min(
        good,
        key=lambda w: abs(math.log2(times[w] / bracket.blurry.seconds)),
        default=None,
    )
    hint = "no other --shutter does better"
    if nearest:
        hint = f"--shutter {nearest} leaves none"
    return f"the camera's times leave {bracket.residual_ev:+.2f} EV between the two; {hint}"


def _chosen(setting: Setting, asked: str | None) -> tuple[str, float]:
    if asked is None and parse_value(setting.name, setting.value) is None:
        raise InputError(
            f"the camera's {setting.name} is '{setting.value}'; give --{setting.name} with a value"
        )
    word = nearest_choice(setting, setting.value if asked is None else asked)
    return word, values(setting)[word]


def _equal_exposure(
    first: Exposure,
    aperture: tuple[str, float],
    settings: SettingsOf,
    base_iso: Iso,
    max_seconds: float,
) -> Exposure:
    """The exposure at ``aperture`` nearest to ``first``, with the base ISO if it suffices."""
    offered = values(settings["shutter"])
    times = {word: time for word, time in offered.items() if time <= max_seconds}
    if not times:
        raise InputError(
            f"the camera has no time of {max_seconds:g} s or less; raise --max-shutter"
        )

    def best(iso: Iso) -> Exposure:
        candidates = (make_exposure(aperture, time, iso) for time in times.items())
        return min(
            candidates, key=lambda e: abs(exposure_difference_ev(first.true, e.true))
        )

    chosen = best(base_iso)
    if "iso" in settings:
        for iso in sorted(values(settings["iso"]).items(), key=lambda item: item[1]):
            missing = exposure_difference_ev(first.true, chosen.true)
            if missing <= RAISE_ISO_BEYOND_EV:
                break
            if iso[1] > chosen.iso_value:
                chosen = best(iso)
    return chosen


def _exchanged(name: SettingName, asked: str | None, used: str | None) -> list[str]:
    """A note that the camera lacks a value, unless it only writes it in other words."""
    wanted = parse_value(name, asked or "")
    there = parse_value(name, used or "")
    if wanted is None or there is None:
        return []
    if abs(math.log2(there / wanted)) < SAME_VALUE:
        return []
    return [f"the camera has no {name} {asked}; {used} is used"]


def _notes(first: Exposure, second: Exposure) -> list[str]:
    notes = []
    if second.iso_value != first.iso_value:
        notes.append(
            f"the sharp shot needs ISO {second.iso_value:g}: it will be noisier than the blurry one"
        )
    if second.seconds > 1:
        notes.append(
            f"the sharp shot takes {second.seconds:.3g} s: nothing may move meanwhile"
        )
    return notes
