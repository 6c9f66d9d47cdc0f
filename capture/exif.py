"""EXIF data of a shot."""

import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Exif", "read_exif", "read_tags"]


@dataclass(frozen=True)
class Exif:
    """EXIF values of a picture; None where the file does not tell.

    Attributes:
        f_number: As engraved.
        seconds: Exposure time as engraved.
        iso: ISO.
        focal_length_mm: Focal length.
        model: Maker and model.
        taken: Date and time as the camera's clock had it.
    """

    f_number: float | None = None
    seconds: float | None = None
    iso: float | None = None
    focal_length_mm: float | None = None
    model: str | None = None
    taken: str | None = None

    @property
    def empty(self) -> bool:
        """Whether the file says nothing about its exposure."""
        return self.f_number is None and self.seconds is None and self.iso is None


def read_exif(path: Path) -> Exif:
    """Read the EXIF of a JPEG, TIFF or RAW file; without one, or with a damaged one, all is None.

    Args:
        path: The picture.
    """
    tags = read_tags(path)
    make, model = (str(tags.get(f"Image {name}", "")).strip() for name in ("Make", "Model"))
    return Exif(
        f_number=_number(tags, "FNumber"),
        seconds=_number(tags, "ExposureTime"),
        iso=_number(tags, "ISOSpeedRatings"),
        focal_length_mm=_number(tags, "FocalLength"),
        model=f"{make} {model}".strip()[:100] or None,
        taken=str(_tag(tags, "DateTimeOriginal") or "")[:32] or None,
    )


def read_tags(path: Path) -> dict[str, Any]:
    """All EXIF tags but maker notes, as exifread gives them; none where they are damaged."""
    import exifread

    logging.getLogger("exifread").setLevel(logging.ERROR)
    with path.open("rb") as stream:
        try:
            tags: dict[str, Any] = exifread.process_file(stream, details=False)
        except (ValueError, LookupError, TypeError, OverflowError, struct.error):
            return {}  # exifread's ways of saying that the directory points nowhere
    return tags


def _tag(tags: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - exifread's tag, or None
    """A tag from the EXIF directory, or from the first one, where DNG files may have it."""
    return tags.get(f"EXIF {name}") or tags.get(f"Image {name}")


def _number(tags: dict[str, Any], name: str) -> float | None:
    tag = _tag(tags, name)
    try:
        value = float(tag.values[0]) if tag is not None and tag.values else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None
