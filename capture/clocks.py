"""When shots were taken, by clocks that may have been set to another time zone in between."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from defocus.pictures.metadata import Exif


def comparable_moments(shots: Sequence[Exif]) -> list[datetime | None]:
    """When shots of one camera were taken: in UTC if any says its clock's offset.

    A shot that says no offset has that of the shot whose clock is nearest."""
    # A clock that is set to summer time, or to another zone, between two shots jumps by hours.
    offsets: dict[datetime, str | None] = {}
    for exif in shots:
        if exif.moment is not None and exif.instant is not None:
            offsets.setdefault(exif.moment, exif.offset)
    if not offsets:
        return [exif.moment for exif in shots]
    return [_instant(exif, offsets) for exif in shots]


def _instant(exif: Exif, offsets: Mapping[datetime, str | None]) -> datetime | None:
    """When a shot was taken, in UTC; a shot without an offset takes that of the nearest shot."""
    moment = exif.moment
    if moment is None or exif.instant is not None:
        return exif.instant
    nearest = min(offsets, key=lambda other: abs(other - moment))
    return replace(exif, offset=offsets[nearest]).instant
