"""Journal record of a shoot: untrusted text, of which every value is checked here once."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from defocus.capture.camera import FileKind
from defocus.capture.judging.limits import LIMITS, QualityLimits, Strictness
from defocus.capture.planning.protocol import Mode, Order

__all__ = [
    "CameraRecord",
    "ExposureRecord",
    "FocusSteps",
    "HandlingRecord",
    "Read",
    "Retake",
    "ShootRecord",
]

LARGEST_STEPS = 100_000
"""Farther than any focus motor goes, in its steps."""

Retake = Literal["auto", "ask", "never"]
"""What happens after a rejected try: ``auto`` shoots again, ``ask`` asks the person."""

Seconds = Annotated[float, Field(ge=0.0, le=86_400.0)]
FocusSteps = Annotated[int, Field(ge=-LARGEST_STEPS, le=LARGEST_STEPS)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Read(BaseModel):
    """Base of journal records: immutable, with finite numbers; unknown keys are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """The JSON value for the journal."""
        return self.model_dump(mode="json", exclude_unset=True)


class CameraRecord(Read):
    """The camera of a shoot, by its own description."""

    uri: str
    model: str = ""
    serial: str | None = None


class ExposureRecord(Read):
    """Settings in the camera's values."""

    aperture: str
    shutter: str
    iso: str | None = None


class CalibrationRecord(Read):
    """A calibration file that a shoot used; the session has a copy."""

    sha256: Sha256


class HandlingRecord(Read):
    """Handling of pairs, as ``ShootOptions``; defaults are for what version 0.1.0 did not write."""

    every_seconds: Seconds = 0.0
    countdown_seconds: int = Field(default=0, ge=0, le=3600)
    retake: Retake = "never"
    retries: int = Field(default=0, ge=0, le=99)
    limits: QualityLimits = LIMITS
    strictness: Strictness = "strict"
    grey_card: bool = False
    files: FileKind | None = None
    white_balance: str | None = None
    mirror_lock: bool = False
    keep_on_camera: bool = True
    by: str = ""
    calibrations: dict[str, CalibrationRecord] = Field(default_factory=dict)


class ShootRecord(Read):
    """A shoot in the journal; version 0.1.0 had apertures only, the blurry shot first."""

    camera: CameraRecord
    sharp_camera: CameraRecord | None = None
    blurry: ExposureRecord | None = None
    sharp: ExposureRecord | None = None
    mode: Mode = "aperture"
    order: Order = "blurry-first"
    focus_steps: tuple[FocusSteps, ...] = ()
    stopped_down: bool = False
    max_seconds: Seconds | None = None  # longest time to use; None in imports
    settle_seconds: Seconds | None = None  # pause before each shot; None in imports
    confirmed_by_yes: bool = False
    imported: tuple[str, ...] | None = None  # names of imported files; None if the pairs were shot
    handling: HandlingRecord = HandlingRecord()
