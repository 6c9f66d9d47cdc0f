"""Journal record of a shoot: untrusted text, of which every value is checked here once."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from defocus.capture.planning.shoot_settings import Mode, Order, Retake, ShootOptions

LARGEST_STEPS = 100_000
"""Number of steps that no focus motor reaches."""

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
    picture_size_px: tuple[int, int] | None = None


class ExposureRecord(Read):
    """Settings in the camera's values."""

    aperture: str
    shutter: str
    iso: str | None = None


class CalibrationRecord(Read):
    """A calibration file that a shoot used; the session has a copy."""

    sha256: Sha256


class HandlingRecord(ShootOptions):
    """The options of a shoot; the defaults are those of imports, which have none."""

    model_config = ConfigDict(extra="allow")

    retake: Retake = "never"
    retries: int = Field(default=0, ge=0, le=99)
    calibrations: dict[str, CalibrationRecord] = Field(default_factory=dict)


class ShootRecord(Read):
    """A shoot in the journal; an import has no modes, and its blurry shot counts as the first."""

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
    imported: tuple[str, ...] | None = (
        None  # names of imported files; None if the pairs were shot
    )
    handling: HandlingRecord = HandlingRecord()
