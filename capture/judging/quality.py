"""Judge the quality of a pair right after its shots."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.capture.exif import Exif
from defocus.capture.judging.exposure_match import CLIPPED, Light, compare_light
from defocus.capture.judging.limits import LIMITS, QualityLimits, Strictness
from defocus.capture.judging.motion import compare_anchor, inside_grid, onto_grid
from defocus.capture.judging.quick_look import (
    QuickLook,
    encoded_grey,
    luminance,
    read_look,
    reduced_look,
)
from defocus.capture.judging.sharpness import gradient_energy, sharpness_map
from defocus.capture.judging.verdict import Finding, Quality
from defocus.capture.planning.exposure import Bracket, Exposure
from defocus.errors import ImageError
from defocus.files import sha256_file
from defocus.images import FloatImage
from defocus.optics.geometry import IDENTITY, Similarity

__all__ = ["NO_EXTRAS", "ExtraShots", "exposure_gain_ev", "judge_pair"]

MEASURED_SIZE_PX = 1600
"""Longer pictures are reduced before their misalignment is measured: seconds count on the spot."""

ANCHOR_SIZE_PX = 3200
"""The same for a shot and its repeat, which must show an object that moved by a pixel."""

EXIF_TIME = "%Y:%m:%d %H:%M:%S"


@dataclass(frozen=True)
class ExtraShots:
    """Additional shots of a pair.

    Attributes:
        anchor: Repeat of the first shot.
        anchored: Member that the anchor repeats.
        companion: Narrow aperture at the focus of the blurry member.
        exif: Requested settings and EXIF of these shots, by role.
        focus_moved: Whether the blurry member has another focus and so another magnification.
        sharp_mirrored: Whether the sharp camera sees the scene through a mirror.
        expected_ev: Exposure difference that a calibration explains, blurry over sharp.
        expected: Similarity from the blurry to the sharp member that a calibration explains.
        skew_seconds: Time from the release of the blurry to that of the sharp camera.
    """

    anchor: Path | None = None
    anchored: str = "sharp"
    companion: Path | None = None
    exif: Mapping[str, tuple[Exposure, Exif]] = field(default_factory=dict)
    focus_moved: bool = False
    sharp_mirrored: bool = False
    expected_ev: float = 0.0
    expected: Similarity = IDENTITY
    skew_seconds: float | None = None


NO_EXTRAS = ExtraShots()


def judge_pair(
    blurry: Path,
    sharp: Path,
    bracket: Bracket,
    exif: Mapping[str, Exif],
    limits: QualityLimits = LIMITS,
    *,
    extra: ExtraShots = NO_EXTRAS,
    strictness: Strictness = "strict",
    virtual_camera: bool = False,
    exif_expected: bool = True,
) -> Quality:
    """Compare EXIF with the request, and measure exposure, sharpness, misalignment and motion.

    Args:
        blurry: Picture file.
        sharp: Picture file.
        bracket: The requested exposures.
        exif: EXIF of the two members, by role.
        limits: Limits for a warning or a rejection.
        extra: The other shots of the pair.
        strictness: Consequence of exceeded limits.
        virtual_camera: Whether the pictures are prepared files. Then contradictions to the settings
            are only warnings, because another shot would not help.
        exif_expected: Whether the camera writes EXIF; if not, only its reported settings are known.

    Returns:
        Verdict, reasons and numbers. An unknown misalignment is noted and never rejects.
    """
    quality = Quality()
    if sha256_file(blurry) == sha256_file(sharp):
        text = "both files are the same: the camera delivered an old picture, or does not stop down"
        quality.say("reject", text)
    asked = {"blurry": bracket.blurry, "sharp": bracket.sharp}
    says = {role: (exposure, exif[role]) for role, exposure in asked.items()} | dict(extra.exif)
    for role, (exposure, found) in says.items():
        if exif_expected or not found.empty:
            _check_exif(quality, role, exposure, found, limits)
    _check_clock(quality, [found for _, found in says.values()], limits)
    _check_skew(quality, limits, extra)
    try:
        if strictness == "off":
            _check_whole([blurry, sharp, extra.anchor, extra.companion])
        else:
            _check_pictures(quality, blurry, sharp, bracket, limits, extra)
    except ImageError as error:
        quality.say("reject", str(error))
    if virtual_camera or strictness == "warn":
        quality.warn_only()
    if virtual_camera:
        text = "the virtual camera delivers prepared files whatever it is set to"
        quality.findings.insert(0, Finding("note", text))
    return quality


def _check_whole(shots: Sequence[Path | None]) -> None:
    """Check that every shot can be decoded, at any strictness."""
    for path in shots:
        if path is not None:
            read_look(path)


def _check_clock(quality: Quality, shots: Sequence[Exif], limits: QualityLimits) -> None:
    times = []
    for exif in shots:
        with contextlib.suppress(ValueError):  # cameras write what they like
            times.append(datetime.strptime(exif.taken or "", EXIF_TIME))
    apart = (max(times) - min(times)).total_seconds() if times else 0.0
    if apart > limits.clock_warn_seconds:
        text = f"by the camera's clock the shots of the pair lie {apart:.0f} s apart; set its clock"
        quality.say("warn", text)


def _check_pictures(
    quality: Quality,
    blurry: Path,
    sharp: Path,
    bracket: Bracket,
    limits: QualityLimits,
    extra: ExtraShots,
) -> None:
    looks = {"blurry": read_look(blurry), "sharp": read_look(sharp, mirrored=extra.sharp_mirrored)}
    shapes = {role: look.linear.shape for role, look in looks.items()}
    if shapes["blurry"] != shapes["sharp"]:
        sizes = " but ".join(f"{role} is {w}x{h}" for role, (h, w, _) in shapes.items())
        quality.say("reject", f"{sizes}; a pair needs one size")
        return
    geometry = looks["blurry"] if extra.companion is None else read_look(extra.companion)
    similarity = _check_alignment(quality, geometry, looks["sharp"], limits, extra)
    expected_ev = bracket.residual_ev + extra.expected_ev
    _check_exposure(quality, looks, similarity or IDENTITY, expected_ev, limits)
    _check_clipping(quality, looks, limits)
    _check_sharpness(quality, looks, limits)
    _check_regions(quality, looks, similarity, limits, extra)
    if extra.anchor is not None:
        repeat = read_look(extra.anchor)
        _check_anchor(quality, looks[extra.anchored], repeat, limits)


def _check_exif(
    quality: Quality, role: str, asked: Exposure, found: Exif, limits: QualityLimits
) -> None:
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


def _check_skew(quality: Quality, limits: QualityLimits, extra: ExtraShots) -> None:
    quality.numbers["release_skew_seconds"] = extra.skew_seconds
    if extra.skew_seconds is not None and abs(extra.skew_seconds) > limits.skew_warn_seconds:
        text = f"the sharp camera was released {extra.skew_seconds * 1000:+.0f} ms after the other"
        quality.say("warn", text)


def _check_exposure(
    quality: Quality,
    looks: Mapping[str, QuickLook],
    similarity: Similarity,
    expected_ev: float,
    limits: QualityLimits,
) -> None:
    """Compare the light of the common area of both members."""
    sharp = onto_grid(looks["sharp"].linear, similarity)
    inside = inside_grid(sharp.shape, similarity)
    light = compare_light(looks["blurry"].linear, sharp, inside)
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


def exposure_gain_ev(
    blurry: FloatImage, sharp: FloatImage, inside: NDArray[np.bool_] | None = None
) -> float | None:
    """log2 of the light of the blurry over that of the sharp picture; see :func:`compare_light`."""
    light = compare_light(blurry, sharp, inside)
    return None if light is None else light.gain_ev


def _check_clipping(
    quality: Quality, looks: Mapping[str, QuickLook], limits: QualityLimits
) -> None:
    for role, look in looks.items():
        share = float((look.linear.max(axis=2) >= CLIPPED).mean())
        quality.numbers[f"{role}_clipped_share"] = share
        if share > limits.clipped_warn:
            quality.say("warn", f"{share:.1%} of the {role} picture is clipped")


def _check_sharpness(
    quality: Quality, looks: Mapping[str, QuickLook], limits: QualityLimits
) -> None:
    energy = {role: gradient_energy(encoded_grey(look.linear)) for role, look in looks.items()}
    ratio = energy["sharp"] / energy["blurry"] if energy["blurry"] > 0 else None
    quality.numbers["sharpness_ratio"] = ratio
    if ratio is None:
        quality.say("reject", "the blurry picture shows no detail")
        return
    text = f"the sharp picture has {ratio:.2f} times the sharpness of the blurry one"
    quality.compare(-ratio, -limits.sharpness_warn, -limits.sharpness_reject, text)


def _check_alignment(
    quality: Quality, first: QuickLook, sharp: QuickLook, limits: QualityLimits, extra: ExtraShots
) -> Similarity | None:
    """Check shift, zoom and rotation from the blurry to the sharp member, in reduced pixels."""
    from defocus.align.registration.register import register  # it imports scipy's slower parts

    small = [reduced_look(look, MEASURED_SIZE_PX) for look in (first, sharp)]
    found = register(*(luminance(look.linear) for look in small))
    model, factor = found.similarity, small[0].pixels
    quality.numbers["misalignment"] = {
        "status": "unknown" if model is None else "ok",
        "reason": found.reason,
        "shift_px": [None, None] if model is None else [s * factor for s in model.shift_px],
        "zoom": None if model is None else model.zoom,
        "rotation_deg": None if model is None else model.rotation_deg,
        "measured_on": "blurry" if extra.companion is None else "companion",
        "measured_at_scale": 1.0 / factor,
    }
    if model is None:
        quality.say("note", f"misalignment unknown: {found.reason}")
        return None
    expected_x, expected_y = extra.expected.shift_px
    x, y = (s * factor for s in model.shift_px)
    shift, zoom = (
        math.hypot(x - expected_x, y - expected_y),
        abs(model.zoom / extra.expected.zoom - 1),
    )
    quality.compare(
        shift, limits.shift_warn_px, limits.shift_reject_px, f"the camera moved by {shift:.1f} px"
    )
    explained = extra.expected.zoom != 1.0 or not extra.focus_moved
    zoom_warn = limits.zoom_warn if explained else limits.zoom_reject
    quality.compare(zoom, zoom_warn, limits.zoom_reject, f"the magnification changed by {zoom:.2%}")
    return _rescaled(model, factor / first.pixels)


def _rescaled(model: Similarity, factor: float) -> Similarity:
    x, y = model.shift_px
    return Similarity(model.zoom, model.rotation_deg, (x * factor, y * factor))


def _check_regions(
    quality: Quality,
    looks: Mapping[str, QuickLook],
    similarity: Similarity | None,
    limits: QualityLimits,
    extra: ExtraShots,
) -> None:
    """Find regions where the blurry member is the sharper one, as in the focal plane at f/22."""
    if similarity is None:
        quality.numbers["blurrier_share"] = None
        return
    gain = np.float32(2.0 ** (quality.numbers["measured_ev"] or 0.0))
    sharp = onto_grid(looks["sharp"].linear, similarity) * gain
    found = sharpness_map(encoded_grey(looks["blurry"].linear), encoded_grey(sharp))
    share = found.share_below(limits.blurrier_ratio)
    quality.numbers["blurrier_share"] = share
    quality.numbers["sharpness_map"] = found.to_json()
    if share <= limits.blurrier_share_warn:
        return
    height, width = (round(side * looks["blurry"].pixels) for side in sharp.shape[:2])
    quality.mask = found.mask(limits.blurrier_ratio, width, height)
    advice = "take a wider --sharp aperture or a focus stack, or release the set smaller"
    if extra.focus_moved:
        advice = "move the focus the other way, or farther, or use --mode both"
    text = f"the blurry picture is the sharper one in {share:.0%} of what can be compared"
    quality.say("warn", f"{text}: masked there; {advice}")


def _check_anchor(
    quality: Quality, first: QuickLook, repeat: QuickLook, limits: QualityLimits
) -> None:
    if first.linear.shape != repeat.linear.shape:
        quality.say("reject", "the anchor differs in size from the shot it repeats")
        return
    looks = [reduced_look(look, ANCHOR_SIZE_PX) for look in (first, repeat)]
    found = compare_anchor(looks[0], looks[1], limits.motion_tile)
    quality.numbers["anchor"] = found.to_json()
    if found.drift is None:
        quality.say("note", "drift unknown: the first shot and its repeat show too little")
    else:
        drift = math.hypot(*found.drift.shift_px)
        text = f"the camera drifted by {drift:.1f} px while the pair was shot"
        quality.compare(drift, limits.drift_warn_px, limits.drift_reject_px, text)
    if found.light_ev is not None:
        text = f"the light changed by {found.light_ev:+.2f} EV while the pair was shot"
        light = abs(found.light_ev)
        quality.compare(light, limits.exposure_warn_ev, limits.exposure_reject_ev, text)
    text = f"something moved in {found.moved_share:.1%} of the picture while the pair was shot"
    quality.compare(found.moved_share, limits.motion_share_warn, limits.motion_share_reject, text)
