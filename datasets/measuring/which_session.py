"""Which pairs of a dataset are of one session, by what they say of their cameras.

A session of ``defocus-capture`` writes it into the metadata of its pairs. Of other pairs the EXIF
of both files tells camera, lens, focal length and apertures. Few cameras write where they were
focused, and those that do round it: within a tenth of 1 m a lens of 50 mm zooms by half a per cent.
So EXIF never says that the zoom is 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from defocus.capture.exif import read_exif, read_tags
from defocus.datasets.pair import Pair

__all__ = ["PairSession", "session_of"]

SHARED = ("camera", "sharp_camera", "mode", "focus_steps")
ROLES = ("blurry", "sharp")

EXIF_SUFFIXES = {".jpg", ".jpeg", ".tif", ".tiff"}
LENS_TAGS = ("EXIF BodySerialNumber", "EXIF LensModel", "EXIF LensSerialNumber")
FOCUS_TAG = "EXIF SubjectDistance"


@dataclass(frozen=True)
class PairSession:
    """The session of a pair; pairs with equal ones are of one session.

    Attributes:
        told: What decides a pair's zoom, as far as it is known.
        one_change: Whether that tells the change of focus too: else a pair that is unknown by
            itself has nothing that could contradict the zoom of the others.
        same_focus: Whether only the aperture was changed.
    """

    told: str
    one_change: bool
    same_focus: bool


def session_of(pair: Pair) -> PairSession | None:
    """The session of a pair with a sharp member; None if it says nothing of its cameras."""
    if "camera" in pair.metadata:
        mode = pair.metadata.get("mode")
        return PairSession(_of_metadata(pair), True, mode == "aperture")
    if pair.sharp is None:
        return None
    blurry, sharp = _exif(pair.blurry), _exif(pair.sharp)
    if blurry is None or sharp is None or blurry.lens != sharp.lens:
        return None
    told = [blurry.lens, [(one.f_number, one.distance) for one in (blurry, sharp)]]
    focused = blurry.distance != "" and sharp.distance != ""
    return PairSession(json.dumps(told), focused, same_focus=False)


@dataclass(frozen=True)
class _Exif:
    lens: tuple[str, ...]
    f_number: float
    distance: str


def _exif(file: Path) -> _Exif | None:
    """What a file's EXIF tells; None if it does not tell camera, focal length and aperture."""
    if file.suffix.lower() not in EXIF_SUFFIXES:
        return None
    known, tags = read_exif(file), read_tags(file)
    if known.model is None or known.focal_length_mm is None or known.f_number is None:
        return None
    lens = known.model, str(known.focal_length_mm), *(str(tags.get(name, "")) for name in LENS_TAGS)
    distance = str(tags.get(FOCUS_TAG, "")).strip()
    return _Exif(lens, known.f_number, "" if distance.startswith("0") else distance)


def _of_metadata(pair: Pair) -> str:
    """What decides a pair's zoom, as far as its metadata say it."""
    facts: dict[str, object] = {name: pair.metadata.get(name) for name in SHARED}
    roles = pair.metadata.get("roles")
    for role in ROLES:
        told = roles.get(role) if isinstance(roles, Mapping) else None
        exif = told.get("exif") if isinstance(told, Mapping) else None
        if isinstance(told, Mapping):
            true = told.get("true")
            facts[f"{role} aperture"] = true.get("f_number") if isinstance(true, Mapping) else None
        if isinstance(exif, Mapping):
            facts[f"{role} focal length"] = exif.get("focal_length_mm")
    return json.dumps(facts, sort_keys=True, default=str)
