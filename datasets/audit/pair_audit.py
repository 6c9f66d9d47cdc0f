"""Audit of one pair: numbers, fingerprints, and reasons for missing measurements."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Literal, get_args

import numpy as np

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Field, Measurement, Misalignment
from defocus.align.misalignment import Sigma
from defocus.align.motion_limits import NO_LIMITS, MotionLimits
from defocus.align.photometry.unexplained import MOST_TILT_EV, Unexplained, causes
from defocus.align.registration.asymmetry import TileAsymmetry
from defocus.align.registration.unknown_causes import EXPOSURE
from defocus.align.sharp_member.numbers import SharpMember
from defocus.blur.fine_detail import fine_to_coarse, fine_to_coarse_of_pair
from defocus.capture.quality.quick_look import clipped_share
from defocus.datasets.measuring.kept import InSession, measured_pair
from defocus.datasets.pair import Pair
from defocus.likeness import (
    LEAST_CORRELATION,
    MOST_DIFFERENT_BITS,
    Fingerprint,
    fingerprint,
    same_pixels,
)
from defocus.pictures.read import read_image
from defocus.pictures.values import Image, luma_of
from defocus.processes.freed_memory import return_freed_memory
from defocus.processes.isolation import LeftOut
from defocus.reports.pictures import small_picture
from defocus.scene.geometry import Similarity

Fields = dict[str, Any]
"""Fields of a row by their names."""


@dataclass(frozen=True)
class NearDuplicate:
    """Two pairs in different splits that show nearly the same picture, or the same part of it."""

    first: str
    second: str
    splits: tuple[str, str]
    correlation: float  # of their thumbnails, or of the fine detail of what they share
    is_whole: bool = True  # else they share a part
    change: str = ""  # how the second differs, such as "mirrored"; empty if it does not

    @property
    def relation(self) -> str:
        """The relation of the two in words, to be followed by the name of the other one."""
        if self.is_whole:
            return "nearly the same picture as"
        return "the same picture in part as"

    @property
    def kind(self) -> str:
        """Whether they share the whole or a part, and how it differs."""
        return ", ".join(
            filter(None, ("whole" if self.is_whole else "part", self.change))
        )


def near_duplicates(
    prints: Sequence[tuple[str, str, Fingerprint]],
) -> tuple[NearDuplicate, ...]:
    """Pictures (id, split, fingerprint) that appear in more than one split, most similar first."""
    best: dict[tuple[str, str], NearDuplicate] = {}
    by_split: dict[str, list[tuple[str, Fingerprint]]] = {}
    for name, split, look in prints:
        by_split.setdefault(split, []).append((name, look))
    for splits in itertools.combinations(sorted(by_split), 2):
        ones, others = (by_split[split] for split in splits)
        for i, j, correlation in _alike(ones, others):
            names = ones[i][0], others[j][0]
            if names not in best or best[names].correlation < correlation:
                best[names] = NearDuplicate(*names, splits, correlation)
    return tuple(
        sorted(best.values(), key=lambda twins: (-twins.correlation, twins.first))
    )


def _alike(
    ones: list[tuple[str, Fingerprint]], others: list[tuple[str, Fingerprint]]
) -> list[tuple[int, int, float]]:
    """Indices in both lists, and correlation, of nearly identical pictures."""
    bits = np.stack([look.bits for _, look in others])
    thumbnails = np.stack([look.thumbnail.ravel() for _, look in others])
    alike = []
    for i, (_, look) in enumerate(ones):
        for j in np.flatnonzero((bits != look.bits).sum(axis=1) <= MOST_DIFFERENT_BITS):
            correlation = float(thumbnails[j] @ look.thumbnail.ravel())
            if correlation >= LEAST_CORRELATION:
                alike.append((i, int(j), min(correlation, 1.0)))
    return alike


Status = Literal["ok", "unknown", "no-sharp", "unreadable"]
STATUSES: tuple[Status, ...] = get_args(Status)
EQUAL_SHARPNESS, EQUAL_BLUR_PX = 0.9, 0.5
"""Ratio of the sharpness of both members, and median of the blur between them in px, within which
neither member counts as the sharper one."""
QUANTILES = tuple(k / 20 for k in range(21))


@dataclass(frozen=True)
class AuditedPair:
    """One row of an audit; a number is None if it could not be measured."""

    id: str
    scene: str
    split: str
    # ``no-sharp`` without ground truth; ``unreadable`` also if its audit fails otherwise
    status: Status
    reason: str = ""  # why the status is not ``ok``
    width: int | None = None  # of the blurry picture
    height: int | None = None
    # mean displacement from blurry to sharp, without an asymmetric point spread's
    misalignment_px: float | None = None
    misalignment_sigma_px: float | None = None
    shift_x_px: float | None = None  # this and the next three: of the frame
    shift_y_px: float | None = None
    zoom: float | None = None
    rotation_deg: float | None = None
    shift_sigma_px: float | None = None
    zoom_sigma: float | None = None
    rotation_sigma_deg: float | None = None
    residual_median_px: float | None = None  # length of the remaining flow
    residual_p95_px: float | None = None
    reliable_share: float | None = None
    gain_ev: float | None = None  # log2 of blurry over sharp light
    # diameter of the disc that makes one member most similar to the other
    blur_median_px: float | None = None
    blur_p95_px: float | None = None
    fine_to_coarse: float | None = None  # of both members, on the same tiles
    blurry_fine_to_coarse: float | None = None
    # whose zoom this pair has; 0: only the aperture changed; None: measured by itself
    session_pairs: int | None = None
    same_picture: bool = False  # both members have the same pixels
    residual_sigma_px: float | None = (
        None  # a perfect pair's residual is about two of them
    )
    model: str = ""  # of the frame's transform; empty if it is unknown
    # standard error of the frame's displacement at its worst corner
    corner_sigma_px: float | None = None
    # a person's limit, if it left out shifts that fit as well
    rests_on_largest_shift_px: float | None = None
    unexplained_stops: float | None = (
        None  # with five of the next: what the blur does not explain
    )
    moved_stops: float | None = None
    light_across_ev: float | None = None
    # how much more light the blurry member loses towards the corners
    vignetting_ev: float | None = None
    specks: int | None = None
    blurrier_share: float | None = None
    colour_strength: float | None = None
    sharp_member: SharpMember | None = (
        None  # tests of the sharp member, each for one fault
    )
    clipped_share: float | None = None  # of the sharp member
    blurry_clipped_share: float | None = None
    blur_quantiles_px: tuple[float, ...] = ()  # at 0, 5, …, 100 % of the reliable area
    spread: TileAsymmetry | None = (
        None  # of the point spread, for the pairs of its session
    )
    fingerprints: tuple[
        Fingerprint, ...
    ] = ()  # to find the pair's pictures in another split

    @property
    def mean_blur_px(self) -> float | None:
        """Relative blur averaged over the reliable area, px; None if it was not measured."""
        quantiles = self.blur_quantiles_px
        if quantiles:
            return float(np.mean(np.add(quantiles[1:], quantiles[:-1])) / 2)
        return None

    @property
    def unexplained(self) -> Unexplained | None:
        """The part of the pair that the blur does not explain; None if it was not measured."""
        stops = self.unexplained_stops
        moved = self.moved_stops
        tilt = self.light_across_ev
        if stops is None or moved is None or tilt is None:
            return None
        share = self.blurrier_share or 0.0
        strength = self.colour_strength
        specks = self.specks or 0
        return Unexplained(
            stops, moved, tilt, specks, share, strength, self.sharp_member
        )

    @property
    def causes(self) -> tuple[str, ...]:
        """What may be wrong with the pair besides the blur, in words."""
        rest = self.unexplained
        if rest is None or self.same_picture:
            return ()
        # it is said to be swapped, and no blur explains the other way
        if self.less_sharp:
            rest = replace(rest, blurrier_share=0.0, specks=0, moved_stops=0.0)
        return causes(rest)

    @property
    def less_sharp(self) -> bool:
        """Whether the blurry member is the sharper one.

        Uneven light hides that, so it does not count then."""
        sharp = self.fine_to_coarse
        blurry = self.blurry_fine_to_coarse
        if (
            sharp is None
            or blurry is None
            or self.same_picture
            or EXPOSURE in self.reason
        ):
            return False
        return sharp < blurry and not self.unevenly_lit

    @property
    def sharpness_doubt(self) -> str:
        """Doubts about the pair from the sharpness of both members, in words; empty for none."""
        if self._equally_sharp:
            return (
                "both members are about equally sharp; look whether the aperture stayed as it was, "
                "or both are out of focus"
            )
        if self.less_sharp:
            return (
                "the blurry picture is the sharper one; look whether the two are swapped, or the "
                "sharp one is focused elsewhere"
            )
        return ""

    @property
    def _equally_sharp(self) -> bool:
        if (
            not self.fine_to_coarse
            or not self.blurry_fine_to_coarse
            or self.same_picture
        ):
            return False
        hardly_blurred = (
            self.blur_median_px is not None and self.blur_median_px < EQUAL_BLUR_PX
        )
        ratio = self.fine_to_coarse / self.blurry_fine_to_coarse
        return hardly_blurred and EQUAL_SHARPNESS < ratio < 1 / EQUAL_SHARPNESS

    @property
    def unevenly_lit(self) -> bool:
        """Whether light changed across the picture, which takes contrast from a half of it."""
        return (self.light_across_ev or 0.0) > MOST_TILT_EV

    @property
    def similarity(self) -> Similarity | None:
        """Transform from blurry to sharp positions; None if unknown."""
        x = self.shift_x_px
        y = self.shift_y_px
        zoom = self.zoom
        rotation = self.rotation_deg
        if x is None or y is None or zoom is None or rotation is None:
            return None
        return Similarity(shift_px=(x, y), zoom=zoom, rotation_deg=rotation)


_PRINTED = {"fine_to_coarse": "sharpness", "blurry_fine_to_coarse": "blurry_sharpness"}
FIELD_OF = {_PRINTED.get(one.name, one.name): one.name for one in fields(AuditedPair)}
"""Field of each column of the tables and documents; two columns keep an older name."""


Members = tuple[Image, Image]
"""Blurry and sharp picture, ``(H, W, 3)`` at their own depth, reduced to be shown."""
REGISTERED_SIDE = 1800
"""Longest side, px, at which a pair is registered to be shown; 24 megapixels would take seconds."""
LARGE_PX = 4_000_000
"""Number of pixels from which it is worth keeping a decoded picture."""


def reduced_members(blurry: Image, sharp: Image) -> Members:
    """Two pictures, reduced to be shown."""
    side = REGISTERED_SIDE
    return small_picture(blurry, side, side), small_picture(sharp, side, side)


named_estimator = cache(flow_estimator)
"""An estimator by its name, made once in a process."""


Keyed = tuple[Pair, str, InSession | None]
"""A pair, the key of its measurement, and what it shares with its session."""
Measured = tuple[AuditedPair, Members | None]
"""The row of a pair and, if they are to be shown, its members."""


def audit_pair(
    keyed: Keyed,
    estimator_name: str,
    limits: MotionLimits = NO_LIMITS,
    *,
    reducing: bool = False,
) -> Measured:
    """The row of a pair with its key; if it is large, and that is asked for, also its members."""
    estimator = named_estimator(estimator_name)
    row, members = _audited(*keyed, estimator, limits, reducing=reducing)
    return_freed_memory((row.width or 0) * (row.height or 0))
    return row, members


def unreadable(pair: Pair | AuditedPair, left_out: LeftOut) -> AuditedPair:
    """The row of a pair that could not be measured."""
    return AuditedPair(pair.id, pair.scene, pair.split, "unreadable", left_out.reason)


def _audited(
    pair: Pair,
    key: str,
    session: InSession | None,
    estimator: FlowEstimator,
    limits: MotionLimits,
    *,
    reducing: bool,
) -> Measured:
    if pair.sharp is None:
        return _alone(pair, read_image(pair.blurry, pair.white)), None
    blurry, sharp, measurement = measured_pair(pair, estimator, key, session, limits)
    height, width = blurry.shape[:2]
    large = height * width >= LARGE_PX
    members = reduced_members(blurry, sharp) if reducing and large else None
    blurry_details, details = _fine_to_coarse(blurry, sharp, measurement)
    known = measurement.misalignment
    row = AuditedPair(
        pair.id,
        pair.scene,
        pair.split,
        known.status,
        known.reason,
        width,
        height,
        **_misalignment(known),
        **_blur(measurement.field),
        **_unexplained(known.unexplained),
        fine_to_coarse=details,
        blurry_fine_to_coarse=blurry_details,
        same_picture=same_pixels(blurry, sharp),
        clipped_share=clipped_share(sharp),
        blurry_clipped_share=clipped_share(blurry),
        fingerprints=(fingerprint(sharp), fingerprint(blurry)),
    )
    return row, members


def _alone(pair: Pair, blurry: Image) -> AuditedPair:
    """The row of a picture without a sharp member, which has a size and a fingerprint too."""
    height, width = blurry.shape[:2]
    return AuditedPair(
        pair.id,
        pair.scene,
        pair.split,
        "no-sharp",
        "the pair has no sharp picture",
        width,
        height,
        blurry_fine_to_coarse=fine_to_coarse(luma_of(blurry)),
        fingerprints=(fingerprint(blurry),),
    )


def _fine_to_coarse(
    blurry: Image, sharp: Image, measurement: Measurement
) -> tuple[float | None, float | None]:
    """Sharpness of both members, at the same places as far as these are known."""
    matrix = measurement.misalignment.matrix
    field = measurement.field
    transform = np.eye(3) if matrix is None else matrix
    if field is None:
        return fine_to_coarse_of_pair(blurry, sharp, transform)
    blur = field.factor * field.flow.coc_px
    return fine_to_coarse_of_pair(blurry, sharp, transform, blur, field.factor)


def _blur(field: Field | None) -> Fields:
    if field is None:
        return {}
    blur = field.factor * np.abs(field.flow.coc_px)[field.flow.blur_known]
    quantiles = np.quantile(blur, QUANTILES).tolist()
    return {
        "blur_median_px": quantiles[QUANTILES.index(0.5)],
        "blur_p95_px": quantiles[QUANTILES.index(0.95)],
        "blur_quantiles_px": tuple(quantiles),
    }


def _misalignment(misalignment: Misalignment) -> Fields:
    shared = misalignment.shared
    return {
        "misalignment_px": misalignment.misalignment_px,
        "gain_ev": misalignment.gain_ev,
        "vignetting_ev": misalignment.vignetting_ev,
        "session_pairs": None if shared is None else shared.pairs,
        "rests_on_largest_shift_px": misalignment.rests_on_px,
        "spread": misalignment.spread,
        **_geometry(misalignment),
    }


def _geometry(misalignment: Misalignment) -> Fields:
    model = misalignment.similarity
    if model is None:
        return {}
    return {
        "model": misalignment.model,
        "shift_x_px": model.shift_px[0],
        "shift_y_px": model.shift_px[1],
        "zoom": model.zoom,
        "rotation_deg": model.rotation_deg,
        "residual_median_px": misalignment.residual_median_px,
        "residual_p95_px": misalignment.residual_p95_px,
        "reliable_share": misalignment.reliable_share,
        **_standard_errors(misalignment.sigma),
    }


def _unexplained(rest: Unexplained | None) -> Fields:
    if rest is None:
        return {}
    return {
        "unexplained_stops": rest.stops,
        "moved_stops": rest.moved_stops,
        "light_across_ev": rest.tilt_ev,
        "specks": rest.specks,
        "blurrier_share": rest.blurrier_share,
        "colour_strength": rest.colour_strength,
        "sharp_member": rest.sharp_member,
    }


def _standard_errors(sigma: Sigma | None) -> Fields:
    if sigma is None:
        return {}
    return {
        "misalignment_sigma_px": sigma.misalignment_px,
        "corner_sigma_px": sigma.corner_px,
        "shift_sigma_px": sigma.shift_px,
        "zoom_sigma": sigma.zoom,
        "rotation_sigma_deg": sigma.rotation_deg,
        "residual_sigma_px": sigma.residual_p95_px,
    }
