"""User settings in a TOML file: defaults of ``shoot`` and ``plan``, and quality limits.

::

    [shoot]
    blurry = "f/2.8"
    max-shutter = 8
    retake = "ask"

    [quality]
    shift_warn_px = 1.0

Keys of ``[shoot]`` are the names of options; the command line overrides them.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from defocus.capture.judging.limits import LIMITS, QualityLimits
from defocus.errors import SettingsError
from defocus.near_names import did_you_mean
from defocus.settings import Settings, load_settings

__all__ = ["CaptureProfile", "load_profile"]

Value = bool | int | float | str | list[bool | int | float | str]


class CaptureProfile(Settings):
    """A settings file.

    Attributes:
        shoot: Option → value, as typed.
        quality: Limits for a warning or a rejection.
    """

    shoot: dict[str, Value] = Field(default_factory=dict)
    quality: QualityLimits = LIMITS


def load_profile(path: Path, options: Iterable[str]) -> CaptureProfile:
    """Read a settings file.

    Args:
        path: The TOML file.
        options: Names of the options that ``[shoot]`` may set, without leading dashes.

    Raises:
        SettingsError: The file is missing, not TOML, has an unknown key or a wrong value.
    """
    profile = load_settings(CaptureProfile, path)
    legal = sorted(options)
    for key in profile.shoot:
        if key not in legal:
            hint = did_you_mean(key, legal, most=1, nearness=0.0)
            raise SettingsError(f"{path}: unknown key 'shoot.{key}'; {hint}")
    return profile
