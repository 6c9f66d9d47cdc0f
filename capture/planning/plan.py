"""Plan of a shoot: shots, exposure, optics, time and disk space."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from defocus.capture.camera import CameraDescription
from defocus.capture.planning.disk_space import Space, space_words, together
from defocus.capture.planning.exposure import Bracket, Exposure
from defocus.capture.planning.optics_plan import OpticsPlan
from defocus.capture.planning.protocol import ShotProtocol
from defocus.capture.planning.scene_list import ListedScene
from defocus.progress import counted
from defocus.scene.thin_lens import Lens

__all__ = ["Plan", "lens_of", "lines_of"]

SECONDS_PER_SHOT = 3.0
"""Setting, transfer and judging of one shot; measured on libgphoto2's virtual camera and the
simulated one only."""


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
    notes: tuple[str, ...] = ()

    def duration_seconds(self, pairs: int) -> float:
        """Estimated duration of a number of pairs, in seconds."""
        shots = len(self.protocol.frames)
        handling = shots * (SECONDS_PER_SHOT + self.settle_seconds)
        return pairs * (self.protocol.exposure_seconds + handling)

    def space(self, pairs: int) -> Space | None:
        """Disk space of a number of pairs; None if nothing is known of a camera's files."""
        shots = [
            None if camera.shot_bytes is None else Space(*camera.shot_bytes)
            for frame in self.protocol.frames
            for camera in [(frame.role == "sharp" and self.sharp_camera) or self.camera]
        ]
        truth = Space(self.camera.truth_bytes, self.camera.truth_bytes)
        of_pair = together([*shots, truth])
        return None if of_pair is None else of_pair.times(pairs)

    def to_json(self, pairs: int = 1) -> dict[str, Any]:
        """The plan as a JSON object; unknown values are null."""
        optics: dict[str, Any] = {
            "lens": None,
            "airy_diameter_px": {"blurry": None, "sharp": None},
            "circle_of_confusion": [],
            "depth_of_field": None,
            "release": None,
        }
        bracket, space = self.bracket.to_json(), self.space(pairs)
        return {
            "camera": self.camera.to_json(),
            "sharp_camera": None if self.sharp_camera is None else self.sharp_camera.to_json(),
            **bracket,
            "notes": [*bracket["notes"], *self.notes],
            **(optics if self.optics is None else self.optics.to_json()),
            "mode": self.protocol.mode,
            "order": self.order,
            "focus_steps": list(self.focus_steps),
            "frames": [asdict(frame) for frame in self.protocol.frames],
            "duration_seconds": self.duration_seconds(pairs),
            "disk_bytes": None if space is None else space.most,
            "disk_bytes_least": None if space is None else space.least,
        }

    def lines(self, pairs: int = 1) -> list[str]:
        """The plan as lines of text."""
        cameras = [camera for camera in (self.camera, self.sharp_camera) if camera is not None]
        return [
            *(f"camera      {camera.model} ({camera.uri})" for camera in cameras),
            *self._shot_lines(),
            (
                f"light       {self.bracket.aperture_ev:.2f} EV apart "
                f"({self.bracket.nominal_aperture_ev:.2f} by the labels); "
                f"exposure equal within {abs(self.bracket.residual_ev):.2f} EV"
            ),
            *self._optics_lines(),
            self._need_line(pairs),
            *(f"note        {note}" for note in (*self.bracket.notes, *self.notes)),
        ]

    def _shot_lines(self) -> list[str]:
        return [
            f"{frame.role:11} {_exposure(frame.exposure)}"
            + (f", focus moved by {_steps(self.focus_steps)}" if frame.defocused else "")
            for frame in self.protocol.frames
        ]

    def _optics_lines(self) -> list[str]:
        if self.optics is None:
            return ["blur        unknown: give --focal-length, --focus, --pixel-pitch"]
        return self.optics.lines()

    def _need_line(self, pairs: int) -> str:
        return _needs("needs", pairs, self.duration_seconds(pairs), self.space(pairs))


def lines_of(plans: Sequence[tuple[Plan, int]], scenes: Sequence[ListedScene] = ()) -> list[str]:
    """Plans with their numbers of pairs as lines; several have a line for all, then scenes."""
    lines = [line for plan, pairs in plans for line in plan.lines(pairs)]
    if len(plans) > 1:
        space = together([plan.space(pairs) for plan, pairs in plans])
        seconds = sum(plan.duration_seconds(pairs) for plan, pairs in plans)
        lines.append(_needs("together", sum(pairs for _, pairs in plans), seconds, space))
    return lines + [
        f"{f'scene {number}':11} {scene.title}{f': {scene.note}' if scene.note else ''}"
        for number, scene in enumerate(scenes, start=1)
    ]


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


def _steps(steps: tuple[int, ...]) -> str:
    return " or ".join(f"{step:+d}" for step in steps) + " steps"


def lens_of(
    camera: CameraDescription,
    bracket: Bracket,
    *,
    focal_length_mm: float | None = None,
    focus_distance_mm: float | None = None,
    sensor_pitch_um: float | None = None,
) -> Lens | None:
    """The lens at the wide aperture, from the user's or else the camera's values, or None."""
    focal = focal_length_mm or camera.focal_length_mm
    focus = focus_distance_mm or camera.focus_distance_mm
    pitch = sensor_pitch_um or camera.sensor_pitch_um
    if focal is None or focus is None or pitch is None:
        return None
    return Lens(focal, bracket.blurry.f_number, focus, pitch)
