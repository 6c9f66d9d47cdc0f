"""Plan of a shoot: list of scenes, shots, exposure, optics, time and disk space."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

from defocus.capture.camera import CameraDescription
from defocus.capture.planning.exposure import Bracket, Exposure
from defocus.capture.planning.protocol import ShotProtocol
from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.planning.shoot_settings import NumberSettings
from defocus.progress import counted
from defocus.reading import Json
from defocus.scene.thin_lens import (
    Lens,
    airy_diameter_px,
    circle_of_confusion_px,
    depth_of_field_mm,
    release_scale,
)


class Space(NamedTuple):
    """Least and most bytes; both are the same where the size is known."""

    least: int
    most: int

    def times(self, count: int) -> "Space":
        """The space of ``count`` items of this size."""
        return Space(count * self.least, count * self.most)


BODY_SHOT = Space(3_000_000, 170_000_000)
"""Bytes of a shot of a camera body: a JPEG of 12 megapixels at 0.25 bytes per pixel, or RAW and
JPEG of 61 megapixels at 2.1 and 0.6."""


def together(spaces: list[Space | None]) -> Space | None:
    """The sum; None if one is unknown."""
    least = most = 0
    for space in spaces:
        if space is None:
            return None
        least += space.least
        most += space.most
    return Space(least, most)


def space_words(space: Space | None) -> str:
    """The space in words, such as ``about 0.83 GB``, or both ends of a range."""
    if space is None:
        return "an unknown space"
    least, most = (max(end / 1e9, 0.01) for end in space)
    if f"{least:.2f}" == f"{most:.2f}":
        return f"about {most:.2f} GB"
    return f"{least:.2f} to {most:.2f} GB"


@dataclass(frozen=True)
class OpticsRow:
    """Blur of an object at one distance; circle-of-confusion diameters in pixels, unsigned."""

    distance_mm: float
    blurry_coc_px: float
    sharp_coc_px: float


@dataclass(frozen=True)
class OpticsPlan:
    """The optics of a bracket; ``rows`` are circles of confusion at the requested distances."""

    wide: Lens
    narrow: Lens
    rows: tuple[OpticsRow, ...]
    picture_size_px: tuple[int, int] | None

    @property
    def airy_px(self) -> dict[str, float]:
        """Diameter of the Airy disc by role, px."""
        return {
            "blurry": airy_diameter_px(self.wide),
            "sharp": airy_diameter_px(self.narrow),
        }

    @property
    def depth_of_field_mm(self) -> dict[str, tuple[float, float]]:
        """Near and far limit of 1 px of blur by role."""
        return {
            "blurry": depth_of_field_mm(self.wide),
            "sharp": depth_of_field_mm(self.narrow),
        }

    @property
    def release_scale(self) -> float:
        """Reduction that limits diffraction and defocus of the sharp picture to 1 px."""
        return release_scale(self.narrow, [row.distance_mm for row in self.rows])

    @property
    def release_size_px(self) -> tuple[int, int] | None:
        """The largest release; None if the picture size is unknown."""
        if self.picture_size_px is None:
            return None
        width, height = self.picture_size_px
        return math.floor(width * self.release_scale), math.floor(
            height * self.release_scale
        )

    @property
    def release_limit(self) -> str:
        """The limit of the size of the release, in words."""
        worst = max((row.sharp_coc_px for row in self.rows), default=0.0)
        if self.release_scale == 1.0:
            return "nothing"
        return "depth of field" if worst > self.airy_px["sharp"] else "diffraction"

    def to_json(self) -> Json:
        """The optics as a JSON object; infinity is null."""
        limits = {}
        for role, (near, far) in self.depth_of_field_mm.items():
            end = None if math.isinf(far) else far
            limits[role] = {"near_mm": near, "far_mm": end}
        return {
            "lens": asdict(self.wide),
            "airy_diameter_px": self.airy_px,
            "circle_of_confusion": list(map(asdict, self.rows)),
            "depth_of_field": limits,
            "release": {
                "scale": self.release_scale,
                "size_px": self.release_size_px,
                "limit": self.release_limit,
            },
        }

    def lines(self) -> list[str]:
        """The optics as lines of text."""
        airy = self.airy_px
        size = self.release_size_px
        scale = f"1/{1.0 / self.release_scale:.1f} of the width"
        largest = f"{size[0]} × {size[1]} px" if size else scale
        sharp = "in full size"
        if self.release_scale < 1.0:
            sharp = f"up to {largest} ({self.release_limit})"
        zones = []
        for role, (near, far) in self.depth_of_field_mm.items():
            zone = _zone(near / 1000, far / 1000)
            zones.append(f"{role} {zone}")
        lines = [
            f"Airy disc   blurry {airy['blurry']:.1f} px, sharp {airy['sharp']:.1f} px",
            f"sharp zone  {', '.join(zones)} (blur up to 1 px)",
            f"sharp size  pictures sharp down to the pixel {sharp}",
        ]
        for row in self.rows:
            place = f"at {row.distance_mm / 1000:6.2f} m"
            lines.append(
                f"{place}  circle of confusion: "
                f"blurry {row.blurry_coc_px:.1f} px, sharp {row.sharp_coc_px:.1f} px"
            )
        return lines


def make_optics_plan(
    lens: Lens,
    bracket: Bracket,
    distances_mm: Sequence[float],
    picture_size_px: tuple[int, int] | None,
) -> OpticsPlan:
    """The optics of a bracket; ``lens`` is the lens at the wide aperture."""
    narrow = replace(lens, f_number=bracket.sharp.f_number)
    rows = []
    for distance in distances_mm:
        blurry = _diameter_px(distance, lens)
        sharp = _diameter_px(distance, narrow)
        rows.append(OpticsRow(distance, blurry, sharp))
    return OpticsPlan(lens, narrow, tuple(rows), picture_size_px)


def _diameter_px(distance_mm: float, lens: Lens) -> float:
    return abs(float(circle_of_confusion_px(distance_mm, lens)))


def _zone(near_m: float, far_m: float) -> str:
    if math.isinf(far_m):
        return f"{near_m:.2f} m to infinity"
    return f"{near_m:.2f} to {far_m:.2f} m"


SECONDS_PER_SHOT = 3.0
"""Time for setting, transfer and judging of one shot, measured only on libgphoto2's virtual camera
and the simulated one."""


@dataclass(frozen=True)
class Plan:
    """Plan of a shoot; with two cameras ``camera`` is the one for blurry shots."""

    camera: CameraDescription
    bracket: Bracket
    protocol: ShotProtocol
    order: str
    sharp_camera: CameraDescription | None = None
    focus_steps: tuple[int, ...] = (0,)
    optics: OpticsPlan | None = None  # None if focus, focal length or pitch is unknown
    settle_seconds: float = 0.0
    # the times between pairs
    pace: NumberSettings = field(default_factory=NumberSettings)
    notes: tuple[str, ...] = ()

    def paced(self, options: NumberSettings) -> "Plan":
        """The plan with the times between pairs."""
        return replace(self, pace=options)

    @property
    def pair_seconds(self) -> float:
        """Estimated duration of one pair, in seconds."""
        handling = len(self.protocol.frames) * (SECONDS_PER_SHOT + self.settle_seconds)
        return self.pace.countdown_seconds + self.protocol.exposure_seconds + handling

    @property
    def pause_seconds(self) -> float:
        """Estimated wait between a pair and the next, in seconds."""
        return max(0.0, self.pace.every_seconds - self.pair_seconds)

    def duration_seconds(self, pairs: int) -> float:
        """Estimated duration of a number of pairs, in seconds; the last pair needs no wait."""
        return pairs * self.pair_seconds + (pairs - 1) * self.pause_seconds

    def space(self, pairs: int) -> Space | None:
        """Disk space of a number of pairs; None if nothing is known of a camera's files."""
        parts: list[Space | None] = []
        for frame in self.protocol.frames:
            second = self.sharp_camera if frame.role == "sharp" else None
            shot_bytes = (second or self.camera).shot_bytes
            parts.append(None if shot_bytes is None else Space(*shot_bytes))
        parts.append(Space(self.camera.truth_bytes, self.camera.truth_bytes))
        of_pair = together(parts)
        return None if of_pair is None else of_pair.times(pairs)

    def to_json(self, pairs: int = 1) -> Json:
        """The plan as a JSON object; unknown values are null."""
        optics: Json = {
            "lens": None,
            "airy_diameter_px": {"blurry": None, "sharp": None},
            "circle_of_confusion": [],
            "depth_of_field": None,
            "release": None,
        }
        bracket = self.bracket.to_json()
        space = self.space(pairs)
        return {
            "camera": self.camera.to_json(),
            "sharp_camera": None
            if self.sharp_camera is None
            else self.sharp_camera.to_json(),
            **bracket,
            "notes": [*bracket["notes"], *self.notes],
            **(optics if self.optics is None else self.optics.to_json()),
            "mode": self.protocol.mode,
            "order": self.order,
            "focus_steps": list(self.focus_steps),
            "frames": list(map(asdict, self.protocol.frames)),
            "duration_seconds": self.duration_seconds(pairs),
            "disk_bytes": None if space is None else space.most,
            "disk_bytes_least": None if space is None else space.least,
        }

    def lines(self, pairs: int = 1) -> list[str]:
        """The plan as lines of text."""
        cameras = filter(None, (self.camera, self.sharp_camera))
        no_optics = "blur        unknown: give --focal-length, --focus, --pixel-pitch"
        return [
            *(f"camera      {camera.model} ({camera.uri})" for camera in cameras),
            *self._shot_lines(),
            (
                f"light       {self.bracket.aperture_ev:.2f} EV apart "
                f"({self.bracket.nominal_aperture_ev:.2f} by the labels); "
                f"exposure equal within {abs(self.bracket.residual_ev):.2f} EV"
            ),
            *([no_optics] if self.optics is None else self.optics.lines()),
            _needs("needs", pairs, self.duration_seconds(pairs), self.space(pairs)),
            *(f"note        {note}" for note in (*self.bracket.notes, *self.notes)),
        ]

    def _shot_lines(self) -> list[str]:
        steps = " or ".join(f"{step:+d}" for step in self.focus_steps)
        lines = []
        for frame in self.protocol.frames:
            line = f"{frame.role:11} {_exposure(frame.exposure)}"
            if frame.defocused:
                line += f", focus moved by {steps} steps"
            lines.append(line)
        return lines


def lines_of(
    plans: Sequence[tuple[Plan, int]], scenes: Sequence[ListedScene] = ()
) -> list[str]:
    """Plans with their numbers of pairs as lines; several have a line for all, then scenes."""
    lines: list[str] = []
    for plan, pairs in plans:
        lines += plan.lines(pairs)
    if len(plans) > 1:
        space = together([plan.space(pairs) for plan, pairs in plans])
        seconds = sum(plan.duration_seconds(pairs) for plan, pairs in plans)
        seconds += sum(plan.pause_seconds for plan, _ in plans[1:])
        total = sum(pairs for _, pairs in plans)
        lines.append(_needs("together", total, seconds, space))
    for number, scene in enumerate(scenes, start=1):
        note = f": {scene.note}" if scene.note else ""
        lines.append(f"{f'scene {number}':11} {scene.title}{note}")
    return lines


def _needs(what: str, pairs: int, seconds: float, space: Space | None) -> str:
    need = f"about {_long(seconds)} and {space_words(space)} on the disk"
    return f"{what:11} {counted(pairs, 'pair')}: {need}"


def _long(seconds: float) -> str:
    """A time in minutes, from two hours on in hours and minutes."""
    minutes = round(seconds / 60)
    if minutes < 2 * 60:
        return f"{seconds / 60:.1f} minutes"
    hours, rest = divmod(minutes, 60)
    return f"{hours} hours" + (f" {counted(rest, 'minute')}" if rest else "")


def _exposure(exposure: Exposure) -> str:
    iso = "" if exposure.iso is None else f", ISO {exposure.iso}"
    return (
        f"{exposure.aperture}, {exposure.shutter}{iso} "
        f"(truly f/{exposure.f_number:.2f}, {exposure.seconds:.4g} s)"
    )


def lens_of(
    camera: CameraDescription,
    bracket: Bracket,
    focal_length_mm: float | None,
    focus_distance_mm: float | None,
    sensor_pitch_um: float | None,
) -> Lens | None:
    """The lens at the wide aperture, from the user's or else the camera's values, or None."""
    focal = focal_length_mm or camera.focal_length_mm
    focus = focus_distance_mm or camera.focus_distance_mm
    pitch = sensor_pitch_um or camera.sensor_pitch_um
    if focal is None or focus is None or pitch is None:
        return None
    return Lens(focal, bracket.blurry.f_number, focus, pitch)
