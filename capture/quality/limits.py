"""Limits beyond which a pair gets a warning or is rejected, and the user's settings file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, PrivateAttr

from defocus.errors import InputError, SettingsError
from defocus.near_names import did_you_mean, meant
from defocus.settings import Settings, load_settings, parse_settings

Strictness = Literal["strict", "warn", "off"]
"""``strict``: what is beyond the limits is rejected. ``warn``: it is only warned about. ``off``:
only EXIF is compared with what was asked, and that the files can be read."""


LEAST_WARN_PX, LEAST_REJECT_PX = 2.0, 10.0
"""Lowest limits in px. In small pictures (240 px) the limits as shares of the width would be
fractions of a pixel."""


class QualityLimits(Settings):
    """The table ``[quality]`` of a settings file: values beyond a limit warn, or reject."""

    # EXIF against what was asked; labels are rounded
    exif_ev: float = Field(default=0.25, gt=0)
    # beyond the settings, and between a shot and its repeat
    exposure_warn_ev: float = Field(default=0.1, gt=0)
    exposure_reject_ev: float = Field(default=0.3, gt=0)
    # change of red or blue against green between the members
    colour_warn_ev: float = Field(default=0.05, gt=0)
    colour_reject_ev: float = Field(default=0.3, gt=0)
    # lowest, sharp over blurry
    gradient_energy_warn: float = Field(
        default=1.1,
        ge=0,
        validation_alias=AliasChoices("gradient_energy_warn", "sharpness_warn"),
    )
    gradient_energy_reject: float = Field(
        default=1.0,
        ge=0,
        validation_alias=AliasChoices("gradient_energy_reject", "sharpness_reject"),
    )
    # regions of a lower energy ratio are masked
    blurrier_ratio: float = Field(default=0.8, gt=0)
    blurrier_share_warn: float = Field(default=0.02, ge=0)  # share of masked regions
    # length of the shift over the picture's width: 18 and 120 px of 24 MP
    shift_warn: float = Field(default=0.003, gt=0, le=1)
    shift_reject: float = Field(default=0.02, gt=0, le=1)
    # where it is given, instead of these
    shift_warn_px: float | None = Field(default=None, gt=0)
    shift_reject_px: float | None = Field(default=None, gt=0)
    zoom_warn: float = Field(default=0.003, gt=0)  # change of magnification, a fraction
    zoom_reject: float = Field(default=0.05, gt=0)
    # the same of the shift between a shot and its repeat
    drift_warn: float = Field(default=0.003, gt=0, le=1)
    drift_reject: float = Field(default=0.02, gt=0, le=1)
    drift_warn_px: float | None = Field(default=None, gt=0)
    drift_reject_px: float | None = Field(default=None, gt=0)
    # difference of a tile between a shot and its repeat over the noise, above which it has moved
    motion_tile: float = Field(default=2.0, gt=1)
    motion_share_warn: float = Field(default=0.0, ge=0)  # share of moved tiles
    motion_share_reject: float = Field(default=0.05, ge=0)
    clipped_warn: float = Field(default=0.01, ge=0)  # share of clipped pixels
    # between the shots, by their EXIF
    clock_warn_seconds: float = Field(default=600.0, gt=0)
    # between the releases of two cameras
    skew_warn_seconds: float = Field(default=0.02, gt=0)

    def in_pixels(self, width_px: float) -> dict[str, float]:
        """The limits of shift and drift in pixels of a picture of that width, by their names."""
        least = {"warn": LEAST_WARN_PX, "reject": LEAST_REJECT_PX}
        pixels = {}
        for subject in ("shift", "drift"):
            for severity, least_px in least.items():
                name = f"{subject}_{severity}"
                typed: float | None = getattr(self, f"{name}_px")
                share_px = getattr(self, name) * width_px
                limit_px = typed or max(share_px, least_px)
                pixels[f"{name}_px"] = round(limit_px, 2)
        return pixels


LIMITS = QualityLimits()

SHORT_NAMES = {
    "ev": "exposure_reject_ev",
    "colour": "colour_reject_ev",
    "gradient_energy": "gradient_energy_reject",
    "shift": "shift_reject",
    "zoom": "zoom_reject",
    "drift": "drift_reject",
    "motion": "motion_share_reject",
}
"""Short names that can be typed for the limits that reject."""


def with_changes(limits: QualityLimits, typed: str) -> QualityLimits:
    """Change some limits, typed as ``shift=0.01,zoom_warn=0.01``: fields or their short names."""
    changes = {}
    for part in typed.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in (names := [*SHORT_NAMES, *QualityLimits.model_fields]):
            raise InputError(f"--qc-set: unknown key '{name}'; {meant(name, names)}")
        try:
            changes[SHORT_NAMES.get(name, name)] = float(number)
        except ValueError as error:
            raise InputError(
                f"--qc-set {typed}: write NAME=NUMBER, as in shift=0.01,ev=0.15"
            ) from error
    return parse_settings(
        QualityLimits, {**limits.model_dump(), **changes}, origin="--qc-set"
    )


Value = bool | int | float | str | list[bool | int | float | str]


class CaptureProfile(Settings):
    """A settings file; ``shoot`` has its options as typed."""

    # key of an option → value, which the command line overrides
    shoot: dict[str, Value] = Field(default_factory=dict)
    quality: QualityLimits = LIMITS
    _path: Path = PrivateAttr(default=Path())

    def __str__(self) -> str:
        """The file, as ``--print-config`` shows it."""
        return str(self._path)


def load_profile(path: Path, options: Iterable[str]) -> CaptureProfile:
    """Read a settings file; the keys ``options`` may be in its ``[shoot]``."""
    profile = load_settings(CaptureProfile, path)
    legal = sorted(options)
    for key in profile.shoot:
        if key not in legal:
            hint = did_you_mean(key, legal, most=1, nearness=0.0)
            raise SettingsError(f"{path}: unknown key 'shoot.{key}'; {hint}")
    profile._path = path
    return profile
