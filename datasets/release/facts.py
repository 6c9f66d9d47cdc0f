"""``release.json``: the facts from which all documents of a release are made."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from defocus.datasets.checksums import ORIGIN
from defocus.datasets.pair import SPLITS, Dataset, MakingStep, Pair, Split
from defocus.datasets.release.details import Details
from defocus.datasets.release.formats.layout import Rows, index_columns
from defocus.datasets.release.pictures import without_private
from defocus.datasets.release.provenance import (
    Number,
    Setting,
    pictures_text,
    settings_of,
    sharp_text,
)
from defocus.errors import DatasetError, FileError, InputError
from defocus.pictures.headers import picture_size
from defocus.progress import counted, grouped
from defocus.reading import read_json
from defocus.settings import Settings
from defocus.storage.files import write_text

MAX_BYTES = 64 * 1024 * 1024


SHOWN = ("blurry", "sharp")
"""Members of a pair that a release shows as pictures."""


class Count(Settings):
    """Pairs and scenes of a split."""

    pairs: Annotated[int, Field(ge=0)]
    scenes: Annotated[int, Field(ge=0)]


class ReleaseFacts(Settings):
    """Facts by which a release describes itself."""

    format: Literal["defocus-release"] = "defocus-release"
    version: Literal[1] = 1
    to: str  # format of the release
    # the reader whose card has the licence of the pictures, if not the user's
    source: str | None = None
    request: str = (
        ""  # SHA-256 of what was asked for; the same request finds its release again
    )
    details: Details | None = None
    counts: dict[Split, Count] = Field(default_factory=dict)
    columns: tuple[str, ...] = ()  # of ``pairs.csv``
    shards: tuple[
        str, ...
    ] = ()  # files that hold the pairs; empty if pictures are separate files
    pictures: str = ""  # what the pictures are, Markdown lines
    sharp: str = ""  # the same of the sharp ones, a sentence
    settings: tuple[
        Setting, ...
    ] = ()  # camera, lens and exposures, and how many pairs have them
    steps: tuple[MakingStep, ...] = ()
    numbers: tuple[Number, ...] = ()  # of the audit
    left_out: tuple[str, ...] | None = (
        None  # ids of the dataset's pairs that could not be read
    )
    shown: tuple[
        str, ...
    ] = ()  # files of the members of a pair to look at; none in shards
    sizes: tuple[Setting, ...] = ()  # of the pictures, and how many pairs have them
    bytes: int = 0  # of all pictures and shards
    warnings: tuple[str, ...] | None = (
        None  # of the audit, in lines; None without an audit
    )

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return sum(count.pairs for count in self.counts.values())


@dataclass(frozen=True)
class ReleaseNotes:
    """Facts for a release's documents besides its pictures and its card."""

    numbers: tuple[Number, ...] = ()  # of the audit
    warnings: tuple[str, ...] | None = (
        None  # of the audit, in lines; None without an audit
    )
    previous: Path | None = (
        None  # the release before, whose differences go into ``CHANGES``
    )


NO_NOTES = ReleaseNotes()


def facts_of(
    dataset: Dataset,
    rows: Rows,
    form: str,
    details: Details,
    request: str,
    notes: ReleaseNotes,
    root: Path,
) -> ReleaseFacts:
    """The facts of a release whose pictures are written; those that it lacks are not in it yet."""
    pairs = []
    for row in rows:
        metadata = without_private(row.pair.metadata)
        pairs.append(replace(row.pair, metadata=metadata))
    shown: tuple[str, ...] = ()
    if not rows[0].shard:
        shown = tuple(rows[0].files[role] for role in SHOWN if role in rows[0].files)
    return ReleaseFacts(
        to=form,
        source=dataset.source or None,
        request=request,
        details=details,
        counts=_counts(pairs),
        columns=index_columns(rows),
        shards=tuple(sorted({row.shard for row in rows} - {""})),
        pictures=pictures_text(pairs),
        sharp=sharp_text(pairs),
        settings=settings_of(pairs),
        steps=dataset.steps,
        numbers=notes.numbers,
        warnings=notes.warnings,
        shown=shown,
        sizes=_sizes(rows),
        bytes=_bytes(root, rows),
    )


def _counts(pairs: Sequence[Pair]) -> dict[Split, Count]:
    counts = {}
    for split in SPLITS:
        scenes = [pair.scene for pair in pairs if pair.split == split]
        if scenes:
            counts[split] = Count(pairs=len(scenes), scenes=len(set(scenes)))
    return counts


def _sizes(rows: Rows) -> tuple[Setting, ...]:
    """Sizes of the blurry pictures, the most frequent first."""
    sizes: Counter[tuple[int, int]] = Counter()
    for row in rows:
        size = picture_size(row.pair.blurry) if row.pair.blurry.is_file() else None
        if size is not None:
            sizes[size] += 1
    return tuple(
        (f"{w} × {h} px", counted(n, "pair")) for (w, h), n in sizes.most_common()
    )


def _bytes(root: Path, rows: Rows) -> int:
    names = set[str]()
    for row in rows:
        names.update([row.shard] if row.shard else row.files.values())
    files = filter(Path.is_file, map(root.joinpath, names))
    return sum(file.stat().st_size for file in files)


def write_facts(root: Path, facts: ReleaseFacts) -> None:
    """Write ``release.json``."""
    write_text(root / ORIGIN, facts.model_dump_json(indent=1, exclude_none=True) + "\n")


def read_facts(root: Path) -> ReleaseFacts:
    """Read ``release.json``."""
    path = root / ORIGIN
    try:
        return ReleaseFacts.model_validate(read_json(path, MAX_BYTES))
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: missing; give the root of a release") from error
    except (OSError, ValueError, FileError) as error:  # ValidationError is a ValueError
        raise DatasetError(
            f"{path}: damaged; 'defocus-data verify {root}' says what is"
        ) from error


def audit_facts(
    dataset: Dataset, path: Path
) -> tuple[tuple[Number, ...], tuple[str, ...]]:
    """The numbers of a dataset's ``audit.json``, and what it warns of, in lines."""
    from defocus.datasets.audit.table import QUANTITIES

    try:
        document: Mapping[str, Any] = read_json(path, MAX_BYTES)
        if document["content_hash"] != dataset.content_hash:
            raise InputError(
                f"{path}: the audit of other pictures; audit {dataset.name} again"
            )
        numbers = []
        for one in QUANTITIES:
            values = document["summary"][one.name]
            if values["count"]:
                numbers.append(Number(title=one.title, unit=one.unit, **values))
        warned = [(str(one["id"]), str(one["text"])) for one in document["warnings"]]
    except (OSError, LookupError, TypeError, FileError, ValidationError) as error:
        raise InputError(
            f"{path}: no audit; give the audit.json of 'defocus-data audit'"
        ) from error
    return tuple(numbers), tuple(grouped(warned, len(dataset.pairs), "pair"))
