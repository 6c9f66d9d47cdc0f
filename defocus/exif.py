"""EXIF data of a shot."""

import io
import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defocus.heif_pixels import HEIF_KINDS, heif_contents
from defocus.picture_headers import kind_of
from defocus.reading import require_file

__all__ = ["Exif", "read_exif", "read_tags"]

_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(RecursionError, TypeError, ValueError, struct.error),
)
"""exifread's ways of saying that the directory points nowhere."""


@dataclass(frozen=True)
class Exif:
    """EXIF values of a picture, f-number and seconds as engraved; unknown values are None."""

    f_number: float | None = None
    seconds: float | None = None
    iso: float | None = None
    focal_length_mm: float | None = None
    model: str | None = None
    taken: str | None = None
    lens: str | None = None
    serial: str | None = None

    @property
    def body(self) -> tuple[str | None, str | None]:
        """What tells one camera from another."""
        return self.model, self.serial

    @property
    def empty(self) -> bool:
        """Whether the file has no exposure data."""
        return self.f_number is None and self.seconds is None and self.iso is None


def read_exif(path: Path) -> Exif:
    """Read the EXIF of a picture or RAW file; all values are None if it is missing or damaged."""
    tags = read_tags(path)
    make, model = (str(tags.get(f"Image {name}", "")).strip() for name in ("Make", "Model"))
    # many models begin with the make, as "Canon EOS 5D" does
    model = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Exif(
        f_number=_number(tags, "FNumber"),
        seconds=_number(tags, "ExposureTime"),
        iso=_number(tags, "ISOSpeedRatings"),
        focal_length_mm=_number(tags, "FocalLength"),
        model=model[:100] or None,
        taken=_text(tags, "DateTimeOriginal")[:32] or None,
        lens=_text(tags, "LensModel") or None,
        serial=_text(tags, "BodySerialNumber") or _text(tags, "SerialNumber") or None,
    )


def read_tags(path: Path) -> dict[str, Any]:
    """All EXIF tags except maker notes, from exifread; empty if damaged."""
    import exifread

    logging.getLogger("exifread").setLevel(logging.ERROR)
    require_file(path)
    with path.open("rb") as file:
        kind = kind_of(file.read(512))
        file.seek(0)
        # exifread knows the boxes of few cameras alone, and none of AVIF and JPEG XL
        stream = io.BytesIO(heif_contents(file.read(), kind).exif) if kind in HEIF_KINDS else file
        try:
            tags: dict[str, Any] = exifread.process_file(stream, details=False)
        except _DAMAGE:
            return {}
    return tags


def _tag(tags: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - exifread's tag, or None
    """A tag from the EXIF directory, or from the first directory as in some DNG files."""
    return tags.get(f"EXIF {name}") or tags.get(f"Image {name}")


def _text(tags: dict[str, Any], name: str) -> str:
    return str(_tag(tags, name) or "").strip("\0 ")[:100]


def _number(tags: dict[str, Any], name: str) -> float | None:
    tag = _tag(tags, name)
    try:
        value = float(tag.values[0]) if tag is not None and tag.values else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None
