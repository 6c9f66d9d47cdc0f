"""Which of many pictures are in focus: their blur, sharpest first, and their ratings."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from defocus.blur.block_blur import BlockBlur, block_blur
from defocus.errors import StorageError
from defocus.pictures.metadata import read_metadata
from defocus.pictures.read import read_own_picture
from defocus.pictures.remarks import say_remarks
from defocus.pictures.values import as_shown
from defocus.processes.isolation import (
    LeftOut,
    attempt,
    parted,
    reason_of,
    say_left_out,
)
from defocus.progress import grouped, say, track
from defocus.reports.display import csv_text
from defocus.restoration.files.rating import (
    rating_beside,
    rating_within,
    sidecars_of,
    write_rating,
)
from defocus.restoration.files.sources import require_picture
from defocus.restoration.same_scene import Frame, frame_of, standings

STARS_TO_PX = {
    5: 2.5,
    4: 5.0,
    3: 10.0,
    2: 20.0,
}
"""Largest blur of the sharpest part for each rating, px; above the last, a picture gets 1 star.
Five stars end where a part counts as in focus; the limit doubles with each star less."""

Note = Literal["", "noise", "plain"]


@dataclass(frozen=True)
class ListedPicture:
    """Blur of a picture: diameters of the circle of confusion, in its own pixels."""

    image: str
    sharpest_px: float | None = None  # in the sharpest part
    in_focus: float | None = None  # share of what has detail
    median_px: float | None = None  # of what has detail
    width: int = 0
    height: int = 0
    note: Note = ""  # why the numbers are doubtful
    rating: int | None = (
        None  # that of the sidecar, or in the picture; None without --rate
    )
    reason: str = ""  # why it is not measured, or not rated; empty if nothing failed

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-restore --list --json`` prints."""
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(ListedPicture))


def list_pictures(images: Sequence[Path], white: float | None) -> list[ListedPicture]:
    """Measure pictures, the sharpest first; what cannot be read is named and comes last."""
    measured = []
    for image in track(images, "measuring"):
        result = attempt(str(image), partial(_measured, image, white))
        measured.append(result)
    pictures, left_out = parted(measured)
    say_left_out(left_out, len(images), "picture")
    unread = [ListedPicture(one.id, reason=one.reason) for one in left_out]
    return [*_sharpest_first(pictures), *unread]


def _sharpest_first(
    measured: Sequence[tuple[ListedPicture, Frame]],
) -> list[ListedPicture]:
    """The pictures in order; frames of one scene are compared with each other."""
    found = standings([frame for _, frame in measured])
    compared = []
    for (picture, _), standing in zip(measured, found, strict=True):
        listed = replace(
            picture,
            sharpest_px=standing.sharpest_px,
            note="plain" if standing.is_plain else picture.note,
        )
        compared.append((standing.place, listed))
    return [listed for _, listed in sorted(compared, key=itemgetter(0))]


def listing_csv(pictures: Iterable[ListedPicture]) -> str:
    """The list as CSV with a line of names."""
    rows = [list(asdict(picture).values()) for picture in pictures]
    return csv_text([COLUMNS, *rows])


def _measured(image: Path, white: float | None) -> tuple[ListedPicture, Frame]:
    require_picture(image)
    picture = read_own_picture(image, white)
    if white is None:
        say_remarks(image, picture.stored, picture.white)
    luma = picture.luma()
    blur = block_blur(luma)
    height, width = as_shown(picture.stored, picture.orientation).shape[:2]
    listed = ListedPicture(
        image=str(image),
        sharpest_px=blur.sharpest_px,
        in_focus=rounded(blur.in_focus, 3),
        median_px=rounded(blur.median_px, 2),
        width=width,
        height=height,
        note=_note(blur),
    )
    return listed, frame_of(luma, blur)


def rounded(value: float | None, digits: int) -> float | None:
    """A number with some decimal places; None stays."""
    return None if value is None else round(value, digits)


def _note(blur: BlockBlur) -> Note:
    """Why the blur of a picture is unknown or doubtful."""
    if blur.says_nothing:
        return "plain"
    return "noise" if blur.noisy else ""


def stars(sharpest_px: float) -> int:
    """The rating of a picture, 1 to 5, by the blur of its sharpest part."""
    fitting = [
        rating for rating, most_px in STARS_TO_PX.items() if sharpest_px <= most_px
    ]
    return max(fitting, default=1)


def rate_pictures(
    pictures: Sequence[ListedPicture],
) -> tuple[list[ListedPicture], StorageError | None]:
    """Rate pictures in their sidecars, and the first error of a folder that cannot be written.

    What stays as it was is named; one read-only folder does not stop the others."""
    rated: list[ListedPicture] = []
    remarks: list[tuple[str, str]] = []
    unwritten: StorageError | None = None
    for picture in pictures:
        try:
            rated.append(_rated(picture, remarks) if picture.width else picture)
        except StorageError as error:
            unwritten = unwritten or error
            rated.append(replace(picture, reason=reason_of(error)))
    for line in grouped(remarks, len(pictures), "picture"):
        say(line)
    return rated, unwritten


def _rated(picture: ListedPicture, remarks: list[tuple[str, str]]) -> ListedPicture:
    """Rate a picture; what there is to say of it is added to the remarks."""
    if picture.sharpest_px is None or picture.note:
        remarks.append((picture.image, f"{picture.note}, so it is not rated"))
        return picture
    wanted = stars(picture.sharpest_px)
    rating = attempt(picture.image, partial(_rate, Path(picture.image), wanted))
    if isinstance(rating, LeftOut):
        say(f"{picture.image} is not rated: {rating.reason}", error=True)
        return replace(picture, reason=rating.reason)
    if rating != wanted:
        remarks.append((picture.image, f"keeps its rating {rating}"))
    return replace(picture, rating=rating)


def _rate(image: Path, rating: int) -> int:
    """Rate a picture and return the rating it has then; a person's rating stays."""
    for own in (rating_within(read_metadata(image)), rating_beside(image)):
        if own is not None:
            return own
    ratings = [write_rating(sidecar, rating) for sidecar in sidecars_of(image)]
    kept = [one for one in ratings if one != rating]
    return kept[0] if kept else rating
