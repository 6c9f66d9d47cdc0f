"""Calibrations of a shoot: their files, effect on judging, and copies in the session."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from defocus import __version__
from defocus.capture.camera import CameraDescription
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.taking.shots.rig import DEFAULT_OVERSHOOT
from defocus.errors import DatasetError, InputError
from defocus.reading import Json, read_json
from defocus.scene.geometry import Similarity
from defocus.storage.files import make_folder, write_text

Kind = Literal["exposure", "focus", "flat", "dust", "breathing", "rig"]

KINDS: tuple[Kind, ...] = get_args(Kind)

SCHEMA = 1
LARGEST_BYTES = 10_000_000


@dataclass(frozen=True)
class Calibration:
    """A calibration; the keys of ``result`` depend on its kind."""

    kind: Kind  # kind of calibration
    camera: Mapping[str, Any]
    result: Mapping[str, Any]
    created: str

    @classmethod
    def now(cls, kind: Kind, camera: CameraDescription, result: Json) -> "Calibration":
        """A calibration made now."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(kind, camera.to_json(), result, created)

    def to_json(self) -> Json:
        """The document for a file."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "created": self.created,
            "software": {"defocus": __version__},
            "camera": dict(self.camera),
            "result": dict(self.result),
        }

    def number(self, *path: str, default: float = 0.0) -> float:
        """A number of the result; ``default`` if there is none at that path."""
        value: Any = self.result
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, int | float) else default


def read_calibration(path: Path) -> Calibration:
    """Read an untrusted calibration file."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DatasetError(f"{path}: too large for a calibration; check the path")
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a readable calibration ({error})") from error
    kind = next((k for k in KINDS if _get(document, "kind") == k), None)
    camera = _get(document, "camera")
    result = _get(document, "result")
    if kind is None or not isinstance(camera, dict) or not isinstance(result, dict):
        raise DatasetError(
            f"{path}: not a calibration; make one with 'defocus-capture calibrate'"
        )
    if _get(document, "schema") != SCHEMA:
        raise DatasetError(
            f"{path}: schema {_get(document, 'schema')}; update this package"
        )
    return Calibration(kind, camera, result, str(_get(document, "created")))


def _get(document: Any, key: str) -> Any:  # noqa: ANN401 - any JSON value
    return document.get(key) if isinstance(document, dict) else None


@dataclass(frozen=True)
class Calibrations:
    """At most one calibration of each kind."""

    by_kind: Mapping[Kind, Calibration]

    def expected_ev(self, blurry: str, sharp: str) -> float:
        """Light of the blurry relative to the sharp shot beyond their settings, by aperture, EV."""
        exposure = self.by_kind.get("exposure")
        rig = self.by_kind.get("rig")
        gain_ev = 0.0 if rig is None else rig.number("gain_ev")
        if exposure is None:
            return gain_ev
        errors = [
            exposure.number("apertures", word, "error_ev") for word in (blurry, sharp)
        ]
        return gain_ev + errors[0] - errors[1]

    @property
    def overshoot_steps(self) -> int:
        """Steps by which the focus motor overshoots: 1.5 times the measured backlash."""
        focus = self.by_kind.get("focus")
        if focus is None:
            return DEFAULT_OVERSHOOT
        return max(math.ceil(1.5 * focus.number("backlash_steps")) + 2, 4)

    @property
    def sharp_mirrored(self) -> bool:
        """Whether the sharp camera sees a mirror image of the blurry camera's view."""
        rig = self.by_kind.get("rig")
        return rig is not None and rig.result.get("mirrored") is True

    @property
    def delay_seconds(self) -> float | None:
        """Delay of the sharp camera's exposure when both are released together, seconds."""
        rig = self.by_kind.get("rig")
        if rig is None or not isinstance(rig.result.get("skew_seconds"), int | float):
            return None
        return rig.number("skew_seconds")

    def expected_geometry(self, focus_steps: int, *, two_cameras: bool) -> Similarity:
        """Transform from the blurry to the sharp shot, as far as it is calibrated."""
        rig = self.by_kind.get("rig")
        breathing = self.by_kind.get("breathing")
        zoom = 1.0
        shift = (0.0, 0.0)
        if two_cameras and rig is not None:
            zoom = rig.number("zoom", default=1.0)
            x, y = map(float, rig.result.get("shift_px", (0.0, 0.0)))
            shift = (x, y)
        if breathing is not None and focus_steps:
            b1, b2 = map(float, breathing.result["coefficients"])
            zoom /= 1.0 + b1 * focus_steps + b2 * focus_steps**2
        return Similarity(zoom=zoom, shift_px=shift)

    def store(self, root: Path) -> Json:
        """Copy the calibrations into a session; return their journal records."""
        kept: Json = {}
        for kind, calibration in self.by_kind.items():
            text = json.dumps(calibration.to_json(), indent=2, allow_nan=False) + "\n"
            digest = hashlib.sha256(text.encode()).hexdigest()
            name = f"calibration/{kind}-{digest[:8]}.json"
            make_folder(root / "calibration")
            write_text(root / name, text)
            kept[kind] = {"file": name, "sha256": digest}
        return kept


NO_CALIBRATIONS = Calibrations({})


def load_calibrations(
    paths: Sequence[Path], cameras: Sequence[CameraDescription]
) -> Calibrations:
    """Read calibration files; each has another kind and belongs to a camera of the shoot."""
    by_kind: dict[Kind, Calibration] = {}
    for path in paths:
        calibration = read_calibration(path)
        if calibration.kind in by_kind:
            raise InputError(
                f"{path}: a second calibration of {calibration.kind}; give one"
            )
        if not any(_same(calibration.camera, camera) for camera in cameras):
            raise InputError(
                f"{path}: made with {calibration.camera.get('model')}, serial "
                f"{calibration.camera.get('serial')}, which is not this camera; calibrate this one"
            )
        by_kind[calibration.kind] = calibration
    return Calibrations(by_kind)


def _same(then: Mapping[str, Any], camera: CameraDescription) -> bool:
    return then.get("model") == camera.model and then.get("serial") == camera.serial


def stored_calibrations(root: Path, shoot: ShootRecord) -> Calibrations:
    """The calibrations of a journalled shoot, from their copies in the session."""
    by_kind: dict[Kind, Calibration] = {}
    for kind in KINDS:
        entry = shoot.handling.calibrations.get(kind)
        if entry is None:
            continue
        digest = entry.sha256
        path = root / "calibration" / f"{kind}-{digest[:8]}.json"
        if not path.is_file():
            raise DatasetError(
                f"{path}: the calibration of this shoot is missing; restore it"
            )
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise DatasetError(
                f"{path}: has changed since the shoot; restore it from a copy"
            )
        by_kind[kind] = read_calibration(path)
    return Calibrations(by_kind)
