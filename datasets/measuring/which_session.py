"""Which pairs of a dataset are of one session, by what they say of their cameras.

``defocus-capture`` writes the session into its pairs' metadata. Of others EXIF says camera, lens,
focal length and apertures. Few cameras write where they were focused, and they round it: within a
tenth of 1 m a 50 mm lens zooms by half a per cent. So EXIF never says that the zoom is 1. What
says one body from another of its model (serial number, battery) decides nothing: a session goes
on after a battery was changed, and what names a session may be published.
"""

import json
import math
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.datasets.pair import Pair
from defocus.picture_headers import SUFFIXES
from defocus.reading import require_file

__all__ = ["PairSession", "sessions_of"]

TOLD_OF_CAMERA = ("model", "lens", "focal_length_mm")
"""What of a camera decides a pair's zoom; its distance in focus does too, unless that is kept."""
CAMERAS = ("camera", "sharp_camera")
ROLES = ("blurry", "sharp")

JPEG_SUFFIXES, TIFF_SUFFIXES = (frozenset(SUFFIXES[kind]) for kind in ("JPEG", "TIFF"))
MAKE, MODEL, EXIF_DIRECTORY = 0x010F, 0x0110, 0x8769
F_NUMBER, DISTANCE, FOCAL_LENGTH, LENS_MODEL = 0x829D, 0x9206, 0x920A, 0xA434
INFINITE = 2**32 - 1
"""Numerator of a distance that a camera writes for infinity, whatever the denominator."""
DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RecursionError),
    *(SyntaxError, TypeError, ValueError, struct.error, PillowImage.DecompressionBombError),
)
"""Pillow's ways of saying that there is no EXIF that can be read."""


@dataclass(frozen=True)
class PairSession:
    """The session of a pair; pairs with equal ones are of one session."""

    told: str  # what decides a pair's zoom, as far as it is known
    by: Literal["journal", "EXIF"]  # a capture session's journal, or the EXIF of both files
    camera: str  # model, lens and focal length, to be shown
    one_change: bool  # else an unknown pair has nothing to contradict the others' zoom
    same_focus: bool  # only the aperture was changed


def sessions_of(pairs: Sequence[Pair]) -> dict[str, PairSession]:
    """The session of each pair with a sharp member that says of its cameras, by the pair's id."""
    read = cache(_exif)
    found: dict[str, PairSession] = {}
    for pair in pairs:
        session = None
        if "camera" in pair.metadata:
            session = _by_journal(pair.metadata)
        elif pair.sharp is not None:
            session = _by_exif(read(pair.blurry), read(pair.sharp))
        if session is not None:
            found[pair.id] = session
    return found


def _by_journal(metadata: Mapping[str, Any]) -> PairSession:
    """By what decides a pair's zoom, as far as its metadata say it."""
    one_change = metadata.get("focus_known") is not False  # imported pictures do not tell
    same_focus = one_change and metadata.get("mode") == "aperture"
    told_of = TOLD_OF_CAMERA if same_focus else (*TOLD_OF_CAMERA, "focus_distance_mm")
    cameras = [metadata.get(name) for name in CAMERAS]
    told = [
        {name: one.get(name) for name in told_of} if isinstance(one, Mapping) else None
        for one in cameras
    ]
    facts: dict[str, object] = dict(zip(CAMERAS, told, strict=True))
    facts |= {name: metadata.get(name) for name in ("mode", "focus_steps")}
    roles = metadata.get("roles")
    for role in ROLES:
        one = roles.get(role) if isinstance(roles, Mapping) else None
        if not isinstance(one, Mapping):
            continue
        true, exif = one.get("true"), one.get("exif")
        facts[f"{role} aperture"] = true.get("f_number") if isinstance(true, Mapping) else None
        if isinstance(exif, Mapping):
            facts[f"{role} focal length"] = exif.get("focal_length_mm")
    shown = [_shown(*(one[name] for name in TOLD_OF_CAMERA)) for one in told if one]
    text = json.dumps(facts, sort_keys=True, default=str)
    camera = " and ".join(shown)
    return PairSession(text, "journal", camera, one_change=one_change, same_focus=same_focus)


@dataclass(frozen=True)
class _Exif:
    model: str
    lens: str
    focal_length_mm: float
    f_number: float
    distance_m: float | None

    @property
    def optics(self) -> tuple[str, str, float]:
        return self.model, self.lens, self.focal_length_mm


def _by_exif(blurry: _Exif | None, sharp: _Exif | None) -> PairSession | None:
    if blurry is None or sharp is None or blurry.optics != sharp.optics:
        return None
    told = [blurry.optics, [(one.f_number, one.distance_m) for one in (blurry, sharp)]]
    focused = blurry.distance_m is not None and sharp.distance_m is not None
    camera = _shown(*blurry.optics)
    return PairSession(json.dumps(told), "EXIF", camera, one_change=focused, same_focus=False)


def _shown(model: object, lens: object, focal_length_mm: object) -> str:
    focal = f"{focal_length_mm:g} mm" if isinstance(focal_length_mm, int | float) else ""
    return ", ".join(str(one) for one in (model, lens, focal) if one)


def _exif(file: Path) -> _Exif | None:
    """What a file's EXIF tells; None if it does not tell camera, focal length and aperture."""
    suffix = file.suffix.lower()
    if suffix not in JPEG_SUFFIXES | TIFF_SUFFIXES:
        return None
    try:
        require_file(file)
        with warnings.catch_warnings(), file.open("rb") as stream:
            warnings.simplefilter("ignore")  # of tags that are cut short: what is left counts
            if suffix in TIFF_SUFFIXES:  # Pillow does not open 16-bit colours
                found = PillowImage.Exif()
                found.load_from_fp(stream)
            else:
                found = PillowImage.open(stream, formats=["JPEG"]).getexif()
            tags: dict[int, Any] = {**found, **found.get_ifd(EXIF_DIRECTORY)}
    except DAMAGE:
        return None
    make, model = (_text(tags.get(name)) for name in (MAKE, MODEL))
    # many models begin with the make, as "Canon EOS 5D" does
    model = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    focal, f_number = (_positive(tags.get(name)) for name in (FOCAL_LENGTH, F_NUMBER))
    if not model or focal is None or f_number is None:
        return None
    return _Exif(model, _text(tags.get(LENS_MODEL)), focal, f_number, _distance_m(tags))


def _text(value: object) -> str:
    return value.strip("\0 ")[:100] if isinstance(value, str) else ""


def _positive(value: object) -> float | None:
    """A number of EXIF; None if it is missing, zero, or no number as one that is divided by 0."""
    if not isinstance(value, int | float | IFDRational):
        return None
    number = float(value)
    return number if math.isfinite(number) and number > 0 else None


def _distance_m(tags: Mapping[int, Any]) -> float | None:
    """Distance in focus; None if it is unknown, which is written as 0, or infinite."""
    value = tags.get(DISTANCE)
    if getattr(value, "numerator", None) == INFINITE:
        return None
    return _positive(value)
