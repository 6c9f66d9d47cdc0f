"""User settings in a TOML file: defaults of ``shoot`` and ``plan``, and quality limits.

Keys of ``[shoot]`` are the names of options; the command line overrides them. Those of
``[quality]`` are fields of :class:`~defocus.capture.judging.limits.QualityLimits`.
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
    """A settings file; ``shoot`` has its options as typed."""

    shoot: dict[str, Value] = Field(default_factory=dict)  # option → value, as typed
    quality: QualityLimits = LIMITS


def load_profile(path: Path, options: Iterable[str]) -> CaptureProfile:
    """Read a settings file; ``options`` may be set in ``[shoot]``, named without leading dashes."""
    profile = load_settings(CaptureProfile, path)
    legal = sorted(options)
    for key in profile.shoot:
        if key not in legal:
            hint = did_you_mean(key, legal, most=1, nearness=0.0)
            raise SettingsError(f"{path}: unknown key 'shoot.{key}'; {hint}")
    return profile
