"""Checks of a pair's shots that need no registration: EXIF, light, clipping, sharpness."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.unknown_causes import cause
from defocus.capture.judging.exposure_match import Light, compare_light
from defocus.capture.judging.limits import QualityLimits
from defocus.capture.judging.quick_look import CLIPPED, QuickLook
from defocus.capture.judging.sharpness import gradient_energy
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.exposure import Exposure
from defocus.exif import Exif
from defocus.images import FloatImage, as_integer, linear_to_srgb
from defocus.scene.geometry import IDENTITY, Similarity

__all__ = [
    "NO_EXTRAS",
    "ExtraShots",
    "check_clipping",
    "check_clock",
    "check_exif",
    "check_exposure",
    "check_sharpness",
    "check_skew",
    "why_unknown",
]

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class ExtraShots:
    """Additional shots of a pair, and what calibrations explain between its members."""

    anchor: Path | None = None
    anchored: str = "sharp"
    companion: Path | None = None
    exif: Mapping[str, tuple[Exposure, Exif]] = field(default_factory=dict)
    focus_moved: bool = False
    sharp_mirrored: bool = False
    expected_ev: float = 0.0  # exposure difference that a calibration explains, blurry over sharp
    expected: Similarity = IDENTITY  # from blurry to sharp; what a calibration explains
    skew_seconds: float | None = None  # from the release of the blurry to that of the sharp one


NO_EXTRAS = ExtraShots()

EXIF_TIME = "%Y:%m:%d %H:%M:%S"


def check_exif(
    quality: Quality, role: str, asked: Exposure, found: Exif, limits: QualityLimits
) -> None:
    """Compare the settings that a file tells with the requested ones."""
    if found.empty:
        quality.say("warn", f"the {role} file has no EXIF, so its settings are not confirmed")
        return
    f_number, seconds, iso = asked.nominal
    pairs = [("f-number", f_number, found.f_number, 2.0), ("time", seconds, found.seconds, 1.0)]
    if asked.iso is not None:
        pairs.append(("ISO", iso, found.iso, 1.0))
    for name, wanted, got, steps in pairs:
        if got is not None and abs(steps * math.log2(got / wanted)) > limits.exif_ev:
            text = f"EXIF of the {role} file says {name} {got:g}, asked was {wanted:g}"
            quality.say("reject", text)


def check_skew(quality: Quality, seconds: float | None, limits: QualityLimits) -> None:
    """Check the time between the releases of two cameras; None with one camera."""
    quality.numbers["release_skew_seconds"] = seconds
    if seconds is not None and abs(seconds) > limits.skew_warn_seconds:
        text = f"the sharp camera was released {seconds * 1000:+.0f} ms after the other"
        quality.say("warn", text)


def check_exposure(
    quality: Quality,
    blurry: FloatImage,
    sharp: FloatImage,
    inside: NDArray[np.bool_],
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
        quality.say("warn", "no part of the pictures is bright enough to compare their exposure")
        return
    text = f"exposure is off by {residual:+.2f} EV: flickering light or an inexact aperture"
    quality.compare(abs(residual), limits.exposure_warn_ev, limits.exposure_reject_ev, text)
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


def check_clipping(quality: Quality, looks: Mapping[str, QuickLook], limits: QualityLimits) -> None:
    """Check the share of clipped pixels of each member."""
    for role, look in looks.items():
        share = look.clipped_share
        if share is None:
            share = float((look.linear.max(axis=2) >= CLIPPED).mean())
        quality.numbers[f"{role}_clipped_share"] = share
        if share > limits.clipped_warn:
            quality.say("warn", f"{share:.1%} of the {role} picture is clipped")


def check_sharpness(quality: Quality, blurry: Grey, sharp: Grey, limits: QualityLimits) -> None:
    """Check that the sharp member has more detail; both are ``(H, W)``, sRGB-encoded."""
    energy = gradient_energy(blurry)
    ratio = gradient_energy(sharp) / energy if energy > 0 else None
    quality.numbers["sharpness_ratio"] = ratio
    if ratio is None:
        quality.say("reject", "the blurry picture shows no detail", lasting=True)
        return
    text = f"the sharp picture has {ratio:.2f} times the sharpness of the blurry one"
    warn, reject = -limits.sharpness_warn, -limits.sharpness_reject
    quality.compare(-ratio, warn, reject, text, lasting=True)


def check_clock(quality: Quality, shots: Sequence[Exif], limits: QualityLimits) -> None:
    """Check that the camera's clock says that the shots were taken together."""
    times = []
    for exif in shots:
        with contextlib.suppress(ValueError):  # cameras write what they like
            times.append(datetime.strptime(exif.taken or "", EXIF_TIME))
    apart = (max(times) - min(times)).total_seconds() if times else 0.0
    if apart > limits.clock_warn_seconds:
        text = f"by the camera's clock the shots of the pair lie {apart:.0f} s apart; set its clock"
        quality.say("warn", text)


def why_unknown(reason: str, blurry: QuickLook, sharp: QuickLook) -> str:
    """The reason of a registration, and what the pictures themselves show of it."""
    shown = cause(*(as_integer(linear_to_srgb(look.linear), 8) for look in (blurry, sharp)))
    return "; ".join(filter(None, (reason, shown)))
