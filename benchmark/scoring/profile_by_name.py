"""The profile of a name: shipped, or ``printed:SOURCE``, kept in the cache once it was found."""

import re
from pathlib import Path
from typing import Literal

from defocus.benchmark.scoring.profiles import (
    PROFILES,
    Depth,
    Profile,
    Resampling,
    conventions_of,
)
from defocus.cache import cache_folder
from defocus.errors import InputError
from defocus.near_names import meant
from defocus.reading import read_json
from defocus.settings import Settings, parse_settings
from defocus.storage.files import make_folder, write_json

PRINTED = "printed:"
"""Prefix of the names of profiles that ``score --as-printed`` found."""

AGAIN = "find it again with: defocus-bench score BLURRY SHARP --as-printed DATASET"

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


class PrintedProfile(Settings):
    """The conventions behind a printed row; the fields are those of a profile."""

    source: str
    metrics: tuple[
        str, ...
    ] = ()  # further ones that the row has, such as ``lpips_vgg``
    sharp_depth: Depth
    restored_depth: Depth
    rounded: bool
    crop_multiple: int
    crop_from: Literal["corner", "centre"]
    size: float
    resampling: Resampling
    ssim_window: Literal["uniform-7", "gaussian-11"]
    ssim_of_luma: bool
    ssim_clipped: bool
    mean: Literal["pictures", "errors"]

    def profile(self, name: str) -> Profile:
        """The profile of that name."""
        conventions = self.model_dump(exclude={"source", "metrics"})
        plain = Profile(name=name, reproduces="", **conventions)
        words = f"{self.source}: {conventions_of(plain)}"
        return Profile(name=name, reproduces=words, **conventions)


def find_profile(name: str) -> Profile:
    """The profile of that name; InputError if there is none."""
    if name.startswith(PRINTED):
        return read_printed_profile(name).profile(name)
    if name not in PROFILES:
        raise InputError(f"no profile '{name}'; {meant(name, PROFILES)}")
    return PROFILES[name]


def printed_profile(
    profile: Profile,
    source: str,
    metrics: tuple[str, ...] = (),
) -> PrintedProfile:
    """The conventions of a profile, to be kept for a source."""
    own = {"source", "metrics"}
    names = [name for name in PrintedProfile.model_fields if name not in own]
    conventions = {name: getattr(profile, name) for name in names}
    return PrintedProfile(source=source, metrics=metrics, **conventions)


def keep_printed_profile(name: str, printed: PrintedProfile) -> Path:
    """Store a profile under ``printed:SOURCE``, in place of an older one."""
    path = _path(name)
    make_folder(path.parent)
    write_json(path, printed.model_dump(mode="json"))
    return path


def read_printed_profile(name: str) -> PrintedProfile:
    """A stored profile by its name ``printed:SOURCE``; InputError without one."""
    path = _path(name)
    try:
        document = read_json(path)
    except FileNotFoundError as error:
        stored = sorted(f"{PRINTED}{one.stem}" for one in path.parent.glob("*.json"))
        known = f"there are: {', '.join(stored)}" if stored else "there is none yet"
        raise InputError(
            f"no profile '{name}' was found yet ({known}); {AGAIN}"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); {AGAIN}") from error
    return parse_settings(PrintedProfile, document, origin=str(path))


def metrics_of_profile(name: str) -> tuple[str, ...]:
    """Metrics that a profile asks for besides the usual ones."""
    return read_printed_profile(name).metrics if name.startswith(PRINTED) else ()


def _path(name: str) -> Path:
    source = name.removeprefix(PRINTED)
    if not _NAME.fullmatch(source):
        raise InputError(
            f"no profile '{name}'; a source has letters, digits, '.' and '-' alone"
        )
    return cache_folder() / "printed" / f"{source}.json"
