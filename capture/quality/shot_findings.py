"""Checks of a pair's shots without registration: EXIF, light, grey card, clipping, detail."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.unknown_causes import cause
from defocus.blur.gradients import block_means, gradient_energy
from defocus.capture.clocks import comparable_moments
from defocus.capture.planning.exposure import Bracket, Exposure
from defocus.capture.quality.limits import QualityLimits
from defocus.capture.quality.quick_look import CLIPPED, QuickLook, read_look
from defocus.capture.quality.verdict import Quality, Severity
from defocus.capture.sidecars import REJECTED, rating_words
from defocus.pictures.metadata import Exif
from defocus.pictures.values import FloatImage, as_integer, linear_to_srgb
from defocus.scene.geometry import IDENTITY, Similarity

Grey = NDArray[np.float32]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

GREY_REFLECTANCE = 0.18
CENTRE_SHARE = 0.2
"""Side of the measured centre as a share of the picture's: a grey card held by hand fills this
much."""


@dataclass(frozen=True)
class GreyCard:
    """Grey card: factors that make it grey (green is 1), green level, scatter (std over mean)."""

    white_balance: tuple[float, float, float]
    level: float  # linear green light of the card, 1 = clipping of the sensor
    scatter: float
    clipped: bool

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return {
            "white_balance": list(self.white_balance),
            "level": self.level,
            "level_ev": float(np.log2(max(self.level, 1e-6) / GREY_REFLECTANCE)),
            "scatter": self.scatter,
            "clipped": self.clipped,
        }


def measure_grey_card(path: Path) -> GreyCard:
    """Measure the centre of a picture of a grey card."""
    linear = read_look(path).linear
    height, width = linear.shape[:2]
    rows = _central(height)
    columns = _central(width)
    centre = linear[rows, columns].astype(np.float64)
    means = centre.mean(axis=(0, 1))
    red, green, blue = np.maximum(means, 1e-6)
    light = centre.mean(axis=2)
    scatter = light.std() / max(light.mean(), 1e-6)
    clipped = centre >= CLIPPED
    return GreyCard(
        white_balance=(float(green / red), 1.0, float(green / blue)),
        level=float(green),
        scatter=float(scatter),
        clipped=bool(clipped.mean() > 0.001),
    )


def _central(side: int) -> slice:
    """The pixels in the middle of a side that are measured."""
    half = max(round(side * CENTRE_SHARE / 2), 1)
    middle = side // 2
    return slice(middle - half, middle + half)


BLOCK_PX = 32
"""Side of the blocks over which light is compared, px: blur carries light across pixels, but hardly
across blocks."""

BLACK = 0.002
"""Linear value up to which a block counts as black."""


class Light:
    """Light of two pictures over their comparable area."""

    def __init__(self, sums: Array) -> None:
        """Begin with ``(2, 3)`` sums over red, green and blue."""
        self._sums = sums

    @property
    def gain_ev(self) -> float:
        """log2 of the light of the first over that of the second picture."""
        first, second = self._sums.sum(axis=1)
        return float(np.log2(first / second))

    @property
    def colour_ev(self) -> tuple[float, float]:
        """Red and blue relative to green of the first picture, compared with the second, EV."""
        first, second = np.maximum(self._sums, 1e-9)
        red, green, blue = np.log2(first / second)
        return float(red - green), float(blue - green)


def compare_light(
    first: FloatImage,
    second: FloatImage,
    inside: Mask | None = None,
) -> Light | None:
    """Compare ``(H, W, 3)`` linear light in [0, 1] where neither picture is clipped or black.

    None if every block of 32 × 32 pixels is black or has clipped pixels."""
    shown = np.ones(first.shape[:2], bool) if inside is None else inside
    brightest = np.maximum(first, second).max(axis=2)
    clipped = (brightest >= CLIPPED) & shown
    usable = block_means(clipped, BLOCK_PX) == 0
    light = np.array([_light_of_blocks(first, shown), _light_of_blocks(second, shown)])
    darker = light.mean(axis=1).min(axis=0)
    usable &= darker > BLACK
    if not usable.any():
        return None
    sums = light[:, :, usable].sum(axis=2)
    return Light(sums)


def _light_of_blocks(picture: FloatImage, shown: Mask) -> list[Array]:
    """Mean light of each channel in the blocks, 0 where nothing is shown."""
    channels = []
    for channel in range(3):
        light = picture[:, :, channel] * shown
        channels.append(block_means(light, BLOCK_PX))
    return channels


@dataclass(frozen=True)
class PairShots:
    """The shots of a pair by role, and what is known besides; ``virtual`` delivers prepared files.

    ``anchor`` repeats the role ``anchored``; ``companion`` has the blurry shot's geometry."""

    paths: Mapping[str, Path]
    asked: Mapping[str, Exposure]
    exif: Mapping[str, Exif]
    anchored: str = "sharp"
    focus_moved: bool = False
    sharp_mirrored: bool = False
    expected_ev: float = (
        0.0  # exposure difference that a calibration explains, blurry over sharp
    )
    expected: Similarity = IDENTITY  # from blurry to sharp; what a calibration explains
    skew_seconds: float | None = (
        None  # from the release of the blurry to that of the sharp one
    )
    virtual: bool = False
    writes_exif: bool = True
    ratings: Mapping[str, int | None] = field(default_factory=dict)  # stars, by role

    @property
    def light_ev(self) -> float:
        """Expected light of the blurry over that of the sharp shot, EV."""
        return (
            Bracket(self.asked["blurry"], self.asked["sharp"]).residual_ev
            + self.expected_ev
        )


def check_exif(
    quality: Quality,
    role: str,
    asked: Exposure,
    exif: Exif,
    limits: QualityLimits,
) -> None:
    """Compare the settings that a file states with the requested ones."""
    if exif.empty:
        quality.say(
            "warn", f"the {role} file has no EXIF, so its settings are not confirmed"
        )
        return
    f_number, seconds, iso = asked.nominal
    pairs = [
        ("f-number", f_number, exif.f_number, 2.0),
        ("time", seconds, exif.seconds, 1.0),
    ]
    if asked.iso is not None:
        pairs.append(("ISO", iso, exif.iso, 1.0))
    for name, wanted, got, steps in pairs:
        if got is not None and abs(steps * math.log2(got / wanted)) > limits.exif_ev:
            text = f"EXIF of the {role} file says {name} {got:g}, asked was {wanted:g}"
            quality.say("reject", text)


def check_ratings(quality: Quality, ratings: Mapping[str, int | None]) -> None:
    """Say which shots a sidecar rejects, and which it gives no star."""
    for role, stars in ratings.items():
        if stars is not None and stars <= 0:
            severity: Severity = "warn" if stars == REJECTED else "note"
            quality.say(
                severity, f"the sidecar of the {role} picture {rating_words(stars)}"
            )


def check_skew(quality: Quality, seconds: float | None, limits: QualityLimits) -> None:
    """Check the time between the releases of two cameras; None with one camera."""
    quality.numbers["release_skew_seconds"] = seconds
    if seconds is None:
        return
    if abs(seconds) > limits.skew_warn_seconds:
        text = f"the sharp camera was released {seconds * 1000:+.0f} ms after the other"
        quality.say("warn", text)


def check_exposure(
    quality: Quality,
    blurry: FloatImage,
    sharp: FloatImage,
    inside: Mask,
    expected_ev: float,
    limits: QualityLimits,
) -> None:
    """Compare the linear light of both members on one grid; ``expected_ev`` is blurry/sharp."""
    light = compare_light(blurry, sharp, inside)
    measured = None if light is None else light.gain_ev
    residual = None if measured is None else measured - expected_ev
    quality.numbers["measured_ev"] = measured
    quality.numbers["exposure_residual_ev"] = residual
    if residual is None:
        quality.say(
            "warn", "no part of the pictures is bright enough to compare their exposure"
        )
        return
    text = f"exposure is off by {residual:+.2f} EV: flickering light or an inexact aperture"
    quality.compare(
        abs(residual), limits.exposure_warn_ev, limits.exposure_reject_ev, text
    )
    _check_colour(quality, light, limits)


def _check_colour(quality: Quality, light: Light | None, limits: QualityLimits) -> None:
    colour = None if light is None else light.colour_ev
    quality.numbers["colour_ev"] = colour
    if colour is not None:
        red, blue = colour
        text = (
            f"the colour of the light changed by {red:+.2f} EV of red and {blue:+.2f} EV of blue; "
            "fix the white balance"
        )
        worst = max(abs(red), abs(blue))
        quality.compare(worst, limits.colour_warn_ev, limits.colour_reject_ev, text)


def check_clipping(
    quality: Quality, looks: Mapping[str, QuickLook], limits: QualityLimits
) -> None:
    """Check the share of clipped pixels of each member."""
    for role, look in looks.items():
        share = look.clipped_share
        if share is None:
            share = float((look.linear.max(axis=2) >= CLIPPED).mean())
        quality.numbers[f"{role}_clipped_share"] = share
        if share > limits.clipped_warn:
            quality.say("warn", f"{share:.1%} of the {role} picture is clipped")


def check_gradient_energy(
    quality: Quality,
    blurry: Grey,
    sharp: Grey,
    limits: QualityLimits,
) -> None:
    """Check that the sharp member has more detail; both are ``(H, W)``, sRGB-encoded."""
    energy = gradient_energy(blurry)
    ratio = gradient_energy(sharp) / energy if energy > 0 else None
    quality.numbers["gradient_energy_ratio"] = ratio
    if ratio is None:
        quality.say("reject", "the blurry picture shows no detail", lasting=True)
        return
    text = (
        f"the sharp picture has {ratio:.2f} times the gradient energy of the blurry one"
    )
    warn = -limits.gradient_energy_warn
    reject = -limits.gradient_energy_reject
    quality.compare(-ratio, warn, reject, text, lasting=True)


def check_clock(quality: Quality, shots: Sequence[Exif], limits: QualityLimits) -> None:
    """Check that the camera's clock says that the shots were taken together."""
    times = list(filter(None, comparable_moments(shots)))
    if not times:
        return
    apart = max(times) - min(times)
    seconds = apart.total_seconds()
    if seconds > limits.clock_warn_seconds:
        apart_words = f"the shots of the pair are {seconds:.0f} s apart"
        quality.say("warn", f"by the camera's clock {apart_words}; set its clock")


def why_unknown(reason: str, blurry: QuickLook, sharp: QuickLook) -> str:
    """The reason of a registration, and what the pictures themselves show of it."""
    first = as_integer(linear_to_srgb(blurry.linear), 8)
    second = as_integer(linear_to_srgb(sharp.linear), 8)
    words = [reason, cause(first, second)]
    return "; ".join(filter(None, words))
