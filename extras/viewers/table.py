"""Fields of each pair: where it belongs, what was measured, how it was judged; and its pictures."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import COLUMNS, row_of
from defocus.datasets.curation_rules import Judgement
from defocus.datasets.pair import Dataset, Pair
from defocus.pictures import PICTURE_SUFFIX, picture_name
from defocus.pictures.read import read_blurry, read_sharp
from defocus.pictures.values import Image, as_float, as_integer
from defocus.pictures.write import write_image
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import track
from defocus.storage.files import make_folder

Value = str | float | int | bool | None

SHOWN_BY_BROWSERS = {
    ".jpg": ".jpg",
    ".jpeg": ".jpg",
    PICTURE_SUFFIX: PICTURE_SUFFIX,
    ".webp": ".webp",
}
"""Suffix that a picture gets, by the suffix of its file, if browsers show that kind. Others become
pictures of ours."""

JUDGED = ("verdict", "verdict_reason", "verdict_by")
"""Names of the fields of a judgement."""


@dataclass(frozen=True)
class ShownPair:
    """A pair as a viewer shows it."""

    id: str
    split: str
    pictures: Mapping[str, str]  # paths inside the folder, by slice: blurry, sharp
    fields: Mapping[str, Value]


def kind_of(values: Iterable[Value]) -> type:
    """The type of a field: that of its values; an empty field of numbers has real ones."""
    types = {type(value) for value in values if value is not None}
    if types <= {int, float}:
        return int if types == {int} else float
    return types.pop() if len(types) == 1 else str


@dataclass(frozen=True)
class AuditedDataset:
    """A dataset, what was measured of its pairs, and how they were judged."""

    dataset: Dataset
    audit: Audit
    judgements: Sequence[Judgement] | None = None  # None where nobody judged

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields of a pair, in their order."""
        measured = tuple(name for name in COLUMNS if name != "id")
        return ("pair", *measured, *(() if self.judgements is None else JUDGED))


def shown_pairs(
    audited: AuditedDataset,
    folder: Path,
    place: str,
) -> Iterator[ShownPair | LeftOut]:
    """Write the pictures of each pair and give its fields; a pair that cannot be read is named.

    ``place`` is the path of a picture without suffix, with {split}, {slice} and {id} in it."""
    rows = {row.id: row for row in audited.audit.pairs}
    verdicts = {one.id: one for one in audited.judgements or ()}
    for pair in track(audited.dataset.pairs, f"writing {folder.name}"):
        measured = row_of(rows[pair.id])
        fields: dict[str, Value] = {"pair": measured.pop("id"), **measured}
        if audited.judgements is not None:
            fields |= _judged(verdicts.get(pair.id))
        yield attempt(pair.id, partial(_shown, pair, fields, folder, place))


def _judged(judgement: Judgement | None) -> dict[str, Value]:
    if judgement is None:
        return dict.fromkeys(JUDGED)
    values = (judgement.verdict, judgement.reason, judgement.by)
    return dict(zip(JUDGED, values, strict=True))


def _shown(
    pair: Pair,
    fields: Mapping[str, Value],
    folder: Path,
    place: str,
) -> ShownPair:
    pictures: dict[str, str] = {}
    stem = partial(place.format, split=pair.split, id=pair.id)
    blurry = read_blurry(pair.blurry, pair.sharp, pair.white)
    pictures["blurry"] = _write_picture(
        folder, stem(slice="blurry"), pair.blurry, blurry
    )
    if pair.sharp is not None:
        sharp = read_sharp(pair.sharp, pair.blurry, pair.white)
        pictures["sharp"] = _write_picture(
            folder, stem(slice="sharp"), pair.sharp, sharp
        )
    return ShownPair(pair.id, pair.split, pictures, fields)


def _write_picture(
    folder: Path,
    stem: str,
    path: Path,
    picture: Image,
) -> str:
    """Write one member of a pair for a browser; return its path inside the folder."""
    suffix = SHOWN_BY_BROWSERS.get(path.suffix.lower(), "")
    if suffix and picture.dtype.itemsize == 1:
        make_folder((folder / stem).parent)
        shutil.copyfile(path, folder / f"{stem}{suffix}")
        return f"{stem}{suffix}"
    make_folder((folder / stem).parent)
    write_image(folder / picture_name(stem), as_integer(as_float(picture), 8))
    return picture_name(stem)
