"""Reasons to doubt the registration of a pair; intensity (ECC) as a witness."""

import math

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Grey, Shape, Singles
from defocus.align.motion_limits import MotionLimits
from defocus.align.photometry.blur_matching import matched_blur
from defocus.align.registration.level import (
    LARGEST_ERROR_PX,
    LARGEST_SKEW_PX,
    LARGEST_TURN_PX,
    LARGEST_UNKNOWN_PX,
    Level,
    intensity_step,
    is_strongly_blurred,
    moved_picture,
    size_of,
    turn_px,
)
from defocus.align.registration.models import Area, corner_distance_px, half_diagonal_px
from defocus.align.registration.repetition import Witnesses, repeats
from defocus.align.registration.robust_fit import parts
from defocus.align.registration.spread_shape import shown_coc_px
from defocus.align.sampling.pyramid import rescaled
from defocus.scene.geometry import moved_points

ITERATIONS = 60


def ecc_step(
    blurry: Singles,
    matched: Singles,
) -> Doubles | None:
    """Affine movement left between pictures that are registered and blurred alike; or None.

    Source: Evangelidis and Psarakis, Parametric image alignment using ECC (TPAMI 2008)."""
    inside = np.full(blurry.shape, 255, dtype=np.uint8)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, 1e-5)
    try:
        _, affine = cv2.findTransformECC(
            blurry,
            matched,
            np.eye(2, 3, dtype=np.float32),
            cv2.MOTION_AFFINE,
            criteria,
            inside,
            5,
        )
    except cv2.error:  # how OpenCV says that the iteration diverged
        return None
    return np.vstack([affine.astype(np.float64), [0.0, 0.0, 1.0]])


SURE_INLIER_SHARE = 0.6
"""Share of agreeing tiles from which no second method is asked."""
LEAST_INLIER_SHARE = 0.35
"""Share of agreeing tiles below which there is no result."""
LEAST_LIKENESS = 0.5
"""Least median likeness of the tiles, see :class:`TileFit`. Grain of a high ISO alone leaves 0.59
to 0.62 in frames of a real stack whose transforms there and back differ by at most 0.09 px. With
0.42 one of two noisy pairs was off by 0.92 px; pictures of two scenes stay below it."""
LARGEST_STATED_PX = 1.5
"""Largest stated standard error at the corners, px of the finest level, including a coma that the
blur may hide."""
LARGEST_DISAGREEMENT_PX = 1.0
CONTRADICTION = 3.0
"""Number of standard errors from which a zoom contradicts the known one."""

SESSION_HINT = "; other pairs of its session may give the zoom (align --session)"


def doubt(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    limits: MotionLimits,
    finest: int,
    *,
    known_zoom: float | None = None,
    unit: int = 1,
) -> str:
    """Why the result of the tiles is not reliable, in user's pixels (``unit``); empty if it is.

    What the limits leave out, and what a lens moves where the zoom is known, raises no doubt."""
    zoom_known = known_zoom is not None
    shape = blurry.shape
    at_most = limits.at_most
    most = limits.largest_px + level.factor * LARGEST_UNKNOWN_PX["large"]
    reason = _reach_doubt(level, most, limits.largest_px, shape, unit)
    reason = reason or _error_doubt(
        level,
        finest,
        size_of(shape),
        at_most,
        unit,
        zoom_known=zoom_known,
    )
    if reason:
        return reason
    if _repeats(blurry, sharp, level, most / level.factor):
        return _repeated(unit * limits.largest_px)
    if known_zoom is None:
        reason = _lens_doubt(level, finest, size_of(shape), at_most, unit)
    else:
        reason = _zoom_doubt(level, known_zoom, shape, unit)
    if at_most != "translation":
        reason = reason or _blur_doubt(
            blurry,
            sharp,
            level,
            finest,
            unit,
            zoom_known=zoom_known,
        )
    return reason or _share_doubt(blurry, sharp, level, unit)


def _reach_doubt(
    level: Level,
    most: float,
    largest_px: float,
    shape: Shape,
    unit: int,
) -> str:
    """Why the corners would move too far, or by an unknown distance; empty if they do not."""
    matrix = rescaled(level.matrix, level.factor)
    reach = level.factor * corner_distance_px(matrix, np.eye(3), shape)
    if reach > most:
        return (
            f"the corners would move {unit * reach:.1f} px, more than the {unit * largest_px:g} px "
            "allowed"
        )
    if not math.isfinite(level.error_px):
        return "only one part of the picture shows how far the corners move"
    return ""


def _error_doubt(
    level: Level,
    finest: int,
    size: str,
    at_most: str,
    unit: int,
    *,
    zoom_known: bool,
) -> str:
    """Why the tiles err too much at the corners, or show two scenes; empty if they do not."""
    error_px = level.error_px
    largest = finest * LARGEST_ERROR_PX[size]
    if zoom_known:
        error_px = level.known_zoom_px
        largest = finest * LARGEST_UNKNOWN_PX[size]
    likeness = level.tiles.likeness
    if error_px <= largest:
        alike = f"the pictures do not look alike (correlation {likeness:.2f})"
        return alike if likeness < LEAST_LIKENESS else ""
    against = level.factor * level.tiles.against_px
    if against > largest:
        return (
            f"the tiles show more than the {at_most} that is allowed: it is "
            f"{unit * against:.1f} px off at the corners; allow a richer model with --at-most"
        )
    reason = (
        f"the tiles leave an error of {unit * error_px:.1f} px at the corners, more than the "
        f"{unit * largest:.2g} px allowed"
    )
    if zoom_known:
        return reason
    return reason + _session_hint(level, finest, size, at_most)


def _repeated(largest_px: float) -> str:
    """Words for a texture that repeats itself within the largest shift that is allowed."""
    if math.isfinite(largest_px):
        return f"the texture repeats itself within the {largest_px:g} px allowed"
    return (
        "the texture repeats itself; how far the camera moved at most, if you know it, may "
        "decide (--largest-shift)"
    )


def _session_hint(
    level: Level,
    finest: int,
    size: str,
    at_most: str,
) -> str:
    """What a person can do if other pairs may give the zoom; empty if that is not enough."""
    if (
        at_most == "translation"
        or level.known_zoom_px > finest * LARGEST_UNKNOWN_PX[size]
    ):
        return ""
    return SESSION_HINT


def _share_doubt(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    unit: int,
) -> str:
    """Why the tiles that agree may be the wrong ones; empty if they are most, or ECC confirms."""
    if level.tiles.inlier_share >= SURE_INLIER_SHARE:
        return ""
    share = f"only {100 * level.tiles.inlier_share:.0f} % of the tiles agree"
    if level.tiles.inlier_share < LEAST_INLIER_SHARE:
        return share
    moved = moved_picture(sharp, rescaled(level.matrix, level.factor))
    sharp_light = max(float(moved.mean()), 1e-6)
    gain = np.float32(float(blurry.mean()) / sharp_light)
    matched = matched_blur(blurry, moved * gain)
    step = ecc_step(np.sqrt(blurry), np.sqrt(matched))
    if step is None:
        return f"{share}, and registration by intensity (ECC) finds no result"
    distance = corner_distance_px(step, np.eye(3), blurry.shape)
    distance *= level.factor
    if distance > LARGEST_DISAGREEMENT_PX:
        return f"{share}, and registration by intensity (ECC) differs by {unit * distance:.1f} px"
    return ""


def _blur_doubt(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    finest: int,
    unit: int,
    *,
    zoom_known: bool,
) -> str:
    """Why tiles of a strong blur may all err; empty if the intensities say the same."""
    if not is_strongly_blurred(level, blurry.shape):
        return ""
    step = intensity_step(blurry, sharp, level, finest)
    turn = turn_px(step.matrix, level.factor, blurry.shape, zoom_known=zoom_known)
    if turn <= finest * LARGEST_TURN_PX:
        return ""
    turned = f"turns the corners by {unit * turn:.1f} px"
    return f"the blur is strong, and registration by intensity {turned}"


def _lens_doubt(
    level: Level,
    finest: int,
    size: str,
    at_most: str,
    unit: int,
) -> str:
    """Why the lens may have moved the corners instead of the camera; empty if it cannot."""
    largest = finest * LARGEST_UNKNOWN_PX[size]
    if level.skew_px > finest * LARGEST_SKEW_PX:
        moved = f"moves the corners {unit * level.skew_px:.1f} px"
        reason = f"the point spread is skewed as by a coma that {moved}"
    elif math.hypot(level.error_px, level.asymmetry_px) > largest:
        reason = (
            f"zoom and an asymmetric point spread differ by {unit * level.asymmetry_px:.1f} px at "
            "the corners and cannot be told apart"
        )
    elif level.feared_px > finest * LARGEST_STATED_PX:
        hidden = f"a coma of {unit * level.coma_px:.1f} px"
        reason = f"{hidden} at the corners may hide in the blur"
    else:
        return ""
    return reason + _session_hint(level, finest, size, at_most)


def _zoom_doubt(
    level: Level,
    known_zoom: float,
    shape: Shape,
    unit: int,
) -> str:
    """Why the zoom cannot be the known one and what the lens adds; empty if it can."""
    half = level.factor * half_diagonal_px(shape)
    zoom = math.sqrt(np.linalg.det(level.matrix[:2, :2]))
    apart = half * (zoom - known_zoom)
    # the transform leads back from where a coma has moved the corners to
    shown = level.factor * shown_coc_px(
        level.coc_px[level.tiles.agreeing] / level.factor
    )
    coma = 0.0
    if level.spread is not None:
        coma = -level.spread.coma * shown
    allowed = CONTRADICTION * math.hypot(level.error_px, level.asymmetry_px)
    least = min(coma, 0.0) - allowed
    most = max(coma, 0.0) + allowed
    if least <= apart <= most:
        return ""
    moved = f"the corners move {unit * abs(apart):.1f} px"
    return f"{moved} by another zoom than the one that is known"


def repeats_farther(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    largest_px: float,
) -> bool:
    """Whether a result without a doubt rests on ``largest_px``: excluded shifts also fit."""
    return math.isfinite(largest_px) and _repeats(blurry, sharp, level, math.inf)


def _repeats(
    blurry: Grey,
    sharp: Grey,
    level: Level,
    largest: float,
) -> bool:
    """Whether another shift makes the registered pictures nearly as similar."""
    matrix = rescaled(level.matrix, level.factor)
    area = Area.shown(matrix, blurry.shape)
    size = np.array([blurry.shape[::-1]])
    centre = (size - 1) / 2
    shift = moved_points(matrix, centre) - centre
    x, y = shift[0].tolist()
    moved = moved_picture(sharp, matrix)
    centres = (level.centres + 0.5) / level.factor - 0.5
    tiles = Witnesses(
        centres - np.array([area.left, area.top]),
        level.tiles.agreeing,
        parts(centres, blurry.shape),
    )
    first = np.sqrt(area.of(blurry))
    blur_px = level.blur_px / level.factor
    return repeats(
        first,
        moved,
        area,
        blur_px,
        tiles,
        (x, y),
        largest,
    )
