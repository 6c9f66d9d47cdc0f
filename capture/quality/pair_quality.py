"""Judge the quality of a pair right after its shots."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from defocus.blur.gradients import gradient_energy_map
from defocus.capture.quality.limits import LIMITS, QualityLimits, Strictness
from defocus.capture.quality.motion import compare_anchor, inside_grid, onto_grid
from defocus.capture.quality.quick_look import (
    QuickLook,
    encoded,
    encoded_grey,
    luminance,
    mirrored_look,
    read_halved,
    read_in_srgb,
    reduced_look,
)
from defocus.capture.quality.shot_findings import (
    PairShots,
    check_clipping,
    check_clock,
    check_exif,
    check_exposure,
    check_gradient_energy,
    check_ratings,
    check_skew,
    why_unknown,
)
from defocus.capture.quality.verdict import Finding, Quality
from defocus.errors import ImageError, is_of_system
from defocus.pictures.profiles import in_two_spaces
from defocus.pictures.raw import dng_demands, is_raw
from defocus.processes.isolation import LeftOut, attempt
from defocus.scene.geometry import IDENTITY, Similarity
from defocus.storage.files import sha256_file

if TYPE_CHECKING:
    from defocus.align.registration.register import Registration

Read = Callable[[Path], QuickLook]
"""Reads a shot, as :func:`defocus.capture.quality.quick_look.read_halved` does."""

MEASURED_SIZE_PX = 800
"""Longer side of the pictures whose misalignment is measured: during a shoot it must take little
time."""

LIGHT_SIZE_PX = 1600
"""Longer side of the pictures whose light is compared: blur carries light across pixels, but hardly
across blocks."""
FIRST_SIZE_PX = 1000
"""Longer side of pictures at the first look, which must not delay the next shot."""
ANCHOR_SIZE_PX = 3200
"""Longer side of a shot and its repeat, which must show an object that moved by a pixel."""

FOCUSED_ELSEWHERE = 0.25
"""Share of regions where the sharp member is the blurrier one, above which its focus is doubted."""

MEASURED_ROLES = ("blurry", "sharp", "anchor", "companion")
TWO_SPACES = "the files are of two colour spaces; they are compared in sRGB"
TWO_KINDS = "one member is a RAW file and the other is not; shoot both in one format"
NOT_JUDGED = "not judged: "
"""Beginning of a finding about pictures that could not be judged."""
SAME = "both files are the same picture: the camera delivered an old one, or does not stop down"


def judge_pair(
    shots: PairShots,
    limits: QualityLimits = LIMITS,
    strictness: Strictness = "strict",
    read: Read = read_halved,
) -> Quality:
    """Compare EXIF with the request, and measure exposure, detail, misalignment and motion.

    An unknown misalignment never rejects, nor settings contradicted by a virtual camera."""
    quality = Quality()
    blurry = shots.paths["blurry"]
    sharp = shots.paths["sharp"]
    if blurry.stat().st_size == sharp.stat().st_size and sha256_file(
        blurry
    ) == sha256_file(sharp):
        _say_same(quality)
    _check_words(quality, shots, limits)
    work: Callable[[], None]
    if strictness == "off":
        work = partial(_check_whole, shots, read)
    else:
        work = partial(_check_pictures, quality, shots, limits, read)
    _judge(quality, work)
    if shots.virtual or strictness == "warn":
        quality.warn_only()
    if shots.virtual:
        text = "the virtual camera delivers prepared files whatever it is set to"
        quality.findings.insert(0, Finding("note", text))
    return quality


def _judge(quality: Quality, work: Callable[[], None]) -> None:
    """Do work on the pictures: a damaged one rejects; a disk error or an unforeseen one warns."""

    def judged() -> None:
        try:
            work()
        except ImageError as error:
            if is_of_system(error):
                raise
            quality.say("reject", str(error))

    failed = attempt("", judged)
    if isinstance(failed, LeftOut):
        quality.say("warn", f"{NOT_JUDGED}{failed.reason}")


def _say_same(quality: Quality) -> None:
    """Say once that a pair has one picture twice, by its bytes or its pixels."""
    if SAME not in (finding.text for finding in quality.findings):
        quality.say("reject", SAME)


def first_look(
    shots: PairShots,
    limits: QualityLimits,
    strictness: Strictness,
    read: Read = read_halved,
) -> Quality:
    """The part of :func:`judge_pair` that takes a moment: EXIF, exposure, clipping, detail.

    Both members are compared small and as if registered; it says whether to wait for the verdict.
    """
    quality = Quality()
    if strictness != "strict" or shots.virtual:
        return quality  # nothing is ever rejected by what is measured
    _check_words(quality, shots, limits)
    try:
        looks = _members(shots, _in_one_space(quality, shots, read))
    except ImageError as error:
        if not is_of_system(error):
            quality.say("reject", str(error))
        return quality
    check_clipping(quality, looks, limits)
    first, second = (reduced_look(look, FIRST_SIZE_PX) for look in looks.values())
    if first.linear.shape == second.linear.shape:
        expected = shots.expected.scaled(1 / first.pixels)
        inside = inside_grid(first.linear.shape, expected)
        moved = onto_grid(second.linear, expected)
        check_exposure(
            quality,
            first.linear,
            moved,
            inside,
            shots.light_ev,
            limits,
        )
        check_gradient_energy(
            quality, encoded_grey(first.linear), encoded_grey(second.linear), limits
        )
    return quality


def _check_words(quality: Quality, shots: PairShots, limits: QualityLimits) -> None:
    """Check what the files and the cameras say about the shots."""
    measured = [role for role in MEASURED_ROLES if role in shots.paths]
    for role in measured:
        exif = shots.exif[role]
        if shots.writes_exif or not exif.empty:
            check_exif(quality, role, shots.asked[role], exif, limits)
    check_ratings(quality, shots.ratings)
    check_clock(quality, [shots.exif[role] for role in measured], limits)
    check_skew(quality, shots.skew_seconds, limits)


def _check_whole(shots: PairShots, read: Read) -> None:
    """Check that every shot can be decoded, at any strictness."""
    for role in MEASURED_ROLES:
        if role in shots.paths:
            read(shots.paths[role])


def _members(shots: PairShots, read: Read) -> dict[str, QuickLook]:
    """The looks of both members, as the blurry camera sees the scene."""
    looks = {role: read(shots.paths[role]) for role in ("blurry", "sharp")}
    if shots.sharp_mirrored:
        looks["sharp"] = mirrored_look(looks["sharp"])
    return looks


def _in_one_space(quality: Quality, shots: PairShots, read: Read) -> Read:
    """Reads all shots of a pair in colours that can be compared."""
    if not in_two_spaces(shots.paths["blurry"], shots.paths["sharp"]):
        return read
    quality.say("note", TWO_SPACES)
    return read_in_srgb


def _check_demands(quality: Quality, members: Sequence[Path]) -> None:
    """Warn where the two members ask a developer for different corrections."""
    demands = [", ".join(dng_demands(path)) or "nothing" for path in members]
    if demands[0] != demands[1]:
        quality.say(
            "warn",
            "the DNG ask for different corrections, and none is applied: blurry for "
            f"{demands[0]}, sharp for {demands[1]}",
            lasting=True,
        )


def _check_pictures(
    quality: Quality,
    shots: PairShots,
    limits: QualityLimits,
    read: Read,
) -> None:
    members = [shots.paths["blurry"], shots.paths["sharp"]]
    if len(set(map(is_raw, members))) > 1:
        quality.say("reject", TWO_KINDS, lasting=True)
        return
    _check_demands(quality, members)
    read = _in_one_space(quality, shots, read)
    looks = _members(shots, read)
    if not _have_one_size(quality, looks):
        return
    measured_on = "companion" if "companion" in shots.paths else "blurry"
    geometry = looks.get(measured_on) or read(shots.paths[measured_on])
    similarity = _check_alignment(quality, geometry, looks["sharp"], limits, shots)
    _check_light(quality, looks, similarity or IDENTITY, shots.light_ev, limits)
    check_clipping(quality, looks, limits)
    _check_blur(
        quality,
        shots,
        limits,
        looks,
        similarity,
        measured_on,
    )
    if "anchor" in shots.paths:
        _check_anchor(
            quality, looks[shots.anchored], read(shots.paths["anchor"]), limits
        )


def _have_one_size(quality: Quality, looks: dict[str, QuickLook]) -> bool:
    """Whether both members have one size; also says if they are the same picture."""
    blurry = looks["blurry"].linear
    sharp = looks["sharp"].linear
    if blurry.shape == sharp.shape:
        if np.array_equal(blurry, sharp):
            _say_same(quality)
        return True
    sizes = " but ".join(
        f"{role} is {_size_words(look)}" for role, look in looks.items()
    )
    quality.say("reject", f"{sizes}; a pair needs one size", lasting=True)
    return False


def _size_words(look: QuickLook) -> str:
    height, width = look.linear.shape[:2]
    return f"{width * look.pixels:.0f}x{height * look.pixels:.0f}"


def _check_blur(
    quality: Quality,
    shots: PairShots,
    limits: QualityLimits,
    looks: dict[str, QuickLook],
    similarity: Similarity | None,
    measured_on: str,
) -> None:
    """Check that the blurry member is the blurrier one, and what no blur explains."""
    light = {role: luminance(look.linear) for role, look in looks.items()}
    grey = {role: encoded(each) for role, each in light.items()}
    check_gradient_energy(quality, grey["blurry"], grey["sharp"], limits)
    if similarity is None:
        quality.numbers["blurrier_share"] = None
    else:
        if measured_on == "blurry":
            _check_unexplained(quality, looks, similarity)
        moved = onto_grid(light["sharp"], similarity)
        _check_regions(
            quality,
            grey["blurry"],
            moved,
            looks["blurry"],
            limits,
            shots,
        )


def _width_px(look: QuickLook) -> float:
    """Width of the picture that was looked at."""
    width: int = look.linear.shape[1]
    return width * look.pixels


def _check_light(
    quality: Quality,
    looks: Mapping[str, QuickLook],
    similarity: Similarity,
    expected_ev: float,
    limits: QualityLimits,
) -> None:
    """Compare the light of the members' common area, at a sufficient size."""
    first = reduced_look(looks["blurry"], LIGHT_SIZE_PX)
    second = reduced_look(looks["sharp"], LIGHT_SIZE_PX)
    moved_by = similarity.scaled(looks["blurry"].pixels / first.pixels)
    moved = onto_grid(second.linear, moved_by)
    inside = inside_grid(first.linear.shape, moved_by)
    check_exposure(
        quality,
        first.linear,
        moved,
        inside,
        expected_ev,
        limits,
    )


def _registration(first: QuickLook, sharp: QuickLook) -> "tuple[Registration, float]":
    """The registration of small copies; if they show none, at the size that 'audit' uses.

    Also the number of the picture's pixels per pixel of that size."""
    # it imports scipy's slower parts
    from defocus.align.registration.register import register

    small_first = reduced_look(first, MEASURED_SIZE_PX)
    small_sharp = reduced_look(sharp, MEASURED_SIZE_PX)
    registration = register(
        luminance(small_first.linear),
        luminance(small_sharp.linear),
    )
    if registration.similarity is not None or small_first is first:
        return registration, small_first.pixels
    registration = register(luminance(first.linear), luminance(sharp.linear))
    return registration, first.pixels


def _check_alignment(
    quality: Quality,
    first: QuickLook,
    sharp: QuickLook,
    limits: QualityLimits,
    shots: PairShots,
) -> Similarity | None:
    """Check shift, zoom and rotation from the blurry to the sharp member, in reduced pixels."""
    quality.numbers["limits_px"] = limits.in_pixels(_width_px(first))
    registration, factor = _registration(first, sharp)
    model = registration.similarity
    small = [reduced_look(look, MEASURED_SIZE_PX) for look in (first, sharp)]
    reason = "" if model is not None else why_unknown(registration.reason, *small)
    quality.numbers["misalignment"] = {
        "status": "unknown" if model is None else "ok",
        "reason": reason,
        "shift_px": [None, None]
        if model is None
        else [s * factor for s in model.shift_px],
        "zoom": None if model is None else model.zoom,
        "rotation_deg": None if model is None else model.rotation_deg,
        "measured_on": "companion" if "companion" in shots.paths else "blurry",
        "measured_at_scale": 1.0 / factor,
    }
    if model is None:
        quality.say("warn", f"misalignment unknown: {reason}")
        return None
    _judge_movement(
        quality,
        first,
        limits,
        shots,
        model,
        factor,
    )
    return model.scaled(factor / first.pixels)


def _judge_movement(
    quality: Quality,
    first: QuickLook,
    limits: QualityLimits,
    shots: PairShots,
    model: Similarity,
    factor: float,
) -> None:
    """Compare shift and zoom with the limits."""
    shift = math.dist([s * factor for s in model.shift_px], shots.expected.shift_px)
    width = _width_px(first)
    pixels = limits.in_pixels(width)
    text = f"the camera moved by {shift:.1f} px, {shift / width:.2%} of the width"
    quality.compare(shift, pixels["shift_warn_px"], pixels["shift_reject_px"], text)
    zoom = abs(model.zoom / shots.expected.zoom - 1)
    explained = shots.expected.zoom != 1.0 or not shots.focus_moved
    zoom_warn = limits.zoom_warn if explained else limits.zoom_reject
    text = f"the magnification changed by {zoom:.2%}"
    quality.compare(zoom, zoom_warn, limits.zoom_reject, text, lasting=True)


def _check_unexplained(
    quality: Quality, looks: Mapping[str, QuickLook], similarity: Similarity
) -> None:
    """Find light of the blurry member that no blur of the sharp one gives, and say its cause."""
    # as for the registration
    from defocus.align.photometry.unexplained import causes, unexplained
    from defocus.align.sharp_member.processing import NOT_LOOKED_FOR
    from defocus.align.sharp_member.suspicion import numbers_of, suspicions

    first = reduced_look(looks["blurry"], MEASURED_SIZE_PX)
    second = reduced_look(looks["sharp"], MEASURED_SIZE_PX)
    model = similarity.scaled(looks["blurry"].pixels / first.pixels)
    height, width = first.linear.shape[:2]
    matrix = np.vstack([model.matrix(width, height), [0.0, 0.0, 1.0]])
    result = unexplained(
        np.asarray(first.linear, np.float32),
        np.asarray(second.linear, np.float32),
        matrix,
        processing=looks["sharp"].processing or NOT_LOOKED_FOR,
    )
    quality.numbers["unexplained"] = None if result is None else result[0].to_json()
    if result is not None:
        # regions are checked beside
        for text in causes(replace(result[0], blurrier_share=0.0)):
            quality.say("warn", text)
        alone = suspicions({"": numbers_of(result[0].to_json())})
        for suspicion in alone.get("", ()):
            quality.say("warn", suspicion.text)


def _check_regions(
    quality: Quality,
    blurry: NDArray[np.float32],
    sharp: NDArray[np.float32],
    look: QuickLook,
    limits: QualityLimits,
    shots: PairShots,
) -> None:
    """Find regions (sRGB ``blurry``, linear ``sharp``) where the blurry one is the sharper."""
    gain = np.float32(2.0 ** (quality.numbers["measured_ev"] or 0.0))
    energy = gradient_energy_map(blurry, encoded(sharp * gain))
    share = energy.share_below(limits.blurrier_ratio)
    quality.numbers["blurrier_share"] = share
    quality.numbers["gradient_energy_map"] = energy.to_json()
    if share <= limits.blurrier_share_warn:
        return
    height, width = look.picture_px or (
        round(side * look.pixels) for side in blurry.shape
    )
    quality.mask = energy.mask(limits.blurrier_ratio, width, height)
    advice = (
        "take a wider --sharp aperture or a focus stack, or release the set smaller"
    )
    if shots.focus_moved:
        advice = "move the focus the other way, or farther, or use --mode both"
    text = (
        f"the blurry picture is the sharper one in {share:.0%} of what can be compared"
    )
    if share > FOCUSED_ELSEWHERE and not shots.focus_moved:
        text += ", as if the sharp one were focused elsewhere"
    quality.say("warn", f"{text}: masked there; {advice}")


def _check_anchor(
    quality: Quality,
    first: QuickLook,
    repeat: QuickLook,
    limits: QualityLimits,
) -> None:
    if first.linear.shape != repeat.linear.shape:
        text = "the anchor differs in size from the shot it repeats"
        quality.say("reject", text, lasting=True)
        return
    looks = [reduced_look(look, ANCHOR_SIZE_PX) for look in (first, repeat)]
    change = compare_anchor(looks[0], looks[1], limits.motion_tile)
    quality.numbers["anchor"] = change.to_json()
    if change.drift is None:
        quality.say(
            "note", "drift unknown: the first shot and its repeat show too little"
        )
    else:
        _check_drift(
            quality, math.hypot(*change.drift.shift_px), _width_px(first), limits
        )
    if change.light_ev is not None:
        text = f"the light changed by {change.light_ev:+.2f} EV while the pair was shot"
        light = abs(change.light_ev)
        quality.compare(light, limits.exposure_warn_ev, limits.exposure_reject_ev, text)
    text = f"something moved in {change.moved_share:.1%} of the picture while the pair was shot"
    quality.compare(
        change.moved_share, limits.motion_share_warn, limits.motion_share_reject, text
    )


def _check_drift(
    quality: Quality,
    drift: float,
    width: float,
    limits: QualityLimits,
) -> None:
    pixels = limits.in_pixels(width)
    moved = f"{drift:.1f} px, {drift / width:.2%} of the width"
    text = f"the camera drifted by {moved}, while the pair was shot"
    quality.compare(drift, pixels["drift_warn_px"], pixels["drift_reject_px"], text)
