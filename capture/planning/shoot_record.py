"""Journal record of a shoot, parsed as untrusted text.

Every value is checked once, here; whoever goes on with a session works with what passed.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from defocus.capture.camera import FileKind
from defocus.capture.judging.limits import LIMITS, QualityLimits, Strictness
from defocus.capture.planning.protocol import Mode, Order

__all__ = [
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
    """Something from a journal: immutable, with finite numbers; what we do not know is kept."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return self.model_dump(mode="json", exclude_unset=True)


class CameraRecord(Read):
    """The camera of a shoot, as it described itself then."""

    uri: str
    model: str = ""
    serial: str | None = None


class ExposureRecord(Read):
    """Settings in the camera's words."""

    aperture: str
    shutter: str
    iso: str | None = None


class CalibrationRecord(Read):
    """A calibration file that a shoot used; the session has a copy."""

    sha256: Sha256


class HandlingRecord(Read):
    """How pairs were to be handled; defaults are for what version 0.1.0 did not write.

    Attributes are those of ``ShootOptions``.
    """

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
    calibrations: dict[str, CalibrationRecord] = Field(default_factory=dict)


class ShootRecord(Read):
    """A shoot: cameras, exposures, protocol and handling.

    Attributes:
        camera: Who shot, or took the blurry shots.
        sharp_camera: Who took the sharp shots, where it was another camera.
        blurry, sharp: Settings of the two members; None where pairs came without a plan.
        mode, order: As in ``BracketRequest``; version 0.1.0 knew two apertures, the blurry shot
            first, and nothing else.
        focus_steps: Positions of the focus motor for the blurry shots.
        stopped_down: In ``focus`` mode, whether the travel of the motor was not enough.
        max_seconds: Longest time to use; None in imports.
        settle_seconds: Pause before each shot; None in imports.
        confirmed_by_yes: Whether ``--yes`` confirmed the plan.
        imported: Names of the files that were brought; None where we shot.
        handling: What becomes of a pair.
    """

    camera: CameraRecord
    sharp_camera: CameraRecord | None = None
    blurry: ExposureRecord | None = None
    sharp: ExposureRecord | None = None
    mode: Mode = "aperture"
    order: Order = "blurry-first"
    focus_steps: tuple[FocusSteps, ...] = ()
    stopped_down: bool = False
    max_seconds: Seconds | None = None
    settle_seconds: Seconds | None = None
    confirmed_by_yes: bool = False
    imported: tuple[str, ...] | None = None
    handling: HandlingRecord = HandlingRecord()
