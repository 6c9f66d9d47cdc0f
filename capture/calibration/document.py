"""Calibration files: JSON with the measurements and the camera."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from defocus import __version__
from defocus.capture.camera import CameraDescription
from defocus.errors import DatasetError
from defocus.reading import read_json

__all__ = ["KINDS", "Calibration", "Kind", "read_calibration"]

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
    def now(cls, kind: Kind, camera: CameraDescription, result: dict[str, Any]) -> "Calibration":
        """A calibration made now."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(kind, camera.to_json(), result, created)

    def to_json(self) -> dict[str, Any]:
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
        found: Any = self.result
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) else default


def read_calibration(path: Path) -> Calibration:
    """Read an untrusted calibration file."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DatasetError(f"{path}: too large for a calibration; check the path")
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a readable calibration ({error})") from error
    kind = next((k for k in KINDS if _get(document, "kind") == k), None)
    camera, result = _get(document, "camera"), _get(document, "result")
    if kind is None or not isinstance(camera, dict) or not isinstance(result, dict):
        raise DatasetError(f"{path}: not a calibration; make one with 'defocus-capture calibrate'")
    if _get(document, "schema") != SCHEMA:
        raise DatasetError(f"{path}: schema {_get(document, 'schema')}; update this package")
    return Calibration(kind, camera, result, str(_get(document, "created")))


def _get(document: Any, key: str) -> Any:  # noqa: ANN401 - any JSON value
    return document.get(key) if isinstance(document, dict) else None
