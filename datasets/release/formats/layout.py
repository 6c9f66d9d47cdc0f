"""Shared by all formats: the order of pairs, and the index of a release."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, ValidationError

from defocus.cluster.dispatcher import each
from defocus.datasets.manifest import checked_id
from defocus.datasets.pair import SPLITS, Pair, Split, ids_of, sorted_by_id, with_files
from defocus.datasets.pair_files import FILE_ROLES, pair_files
from defocus.errors import DatasetError
from defocus.processes.isolation import LeftOut, require_none_killed
from defocus.processes.machines import Where
from defocus.progress import track
from defocus.reports.display import csv_text
from defocus.settings import Settings, document_problem
from defocus.storage.files import atomic_path


@dataclass(frozen=True)
class ReleaseRow:
    """Location of a pair in a release; the shard is empty if its members are separate files."""

    pair: Pair
    files: Mapping[str, str]  # name by role: a path in the release, or inside a shard
    shard: str = ""


Rows: TypeAlias = tuple[ReleaseRow, ...]


Written: TypeAlias = tuple[Rows, tuple[LeftOut, ...]]
"""The rows of a release, and the pairs that were left out."""


@dataclass(frozen=True)
class ReleaseOrder:
    """Content of a release that a format writes, and its folder."""

    root: Path
    pairs: Sequence[Pair]
    most_bytes: int  # of originals in a shard
    labels: Mapping[str, str]  # title, licence and version, for formats that carry them
    where: Where


@dataclass(frozen=True)
class ReleaseFormat:
    """A release format, by its name for ``package --to``."""

    name: str
    # complete files of an earlier attempt are kept
    write: Callable[[ReleaseOrder], Written]
    loose: bool  # pictures are separate files, listed in a manifest of pairs
    usage: str  # how to load it, lines of Markdown
    # path by ``{role}`` and ``{id}``, ``*`` for a split; empty without such files
    pictures: str = ""


class ShardEntry(Settings):
    """Entry of a pair in a shard; it may come from anybody."""

    id: Annotated[str, AfterValidator(checked_id)]
    scene: Annotated[str, Field(min_length=1)]
    split: Split
    metadata: dict[str, Any]


def shard_pair(
    entry: Mapping[str, Any], files: Mapping[str, str], folder: Path
) -> Pair:
    """Make the pair of a shard, with files (a name by role) in ``folder/<id>/``."""
    try:
        checked = ShardEntry.model_validate(entry)
    except ValidationError as error:
        raise DatasetError(f"a pair: {document_problem(error, 'the entry')}") from error
    if "blurry" not in files:
        raise DatasetError(f"pair '{checked.id}' has no blurry picture")
    metadata = MappingProxyType(checked.metadata)
    bare = Pair(
        checked.id, checked.scene, checked.split, folder / checked.id, metadata=metadata
    )
    return with_files(bare, folder / checked.id, files)


@dataclass(frozen=True)
class Shard:
    """Pairs of one split that are written into one file, whose name is without a suffix."""

    name: str
    pairs: tuple[Pair, ...]


def shards(pairs: Sequence[Pair], most_bytes: int) -> Iterator[Shard]:
    """Divide each split's pairs into shards, by id; a pair above ``most_bytes`` gets its own."""
    # The size of the originals is used, so that the same input always gives the same shards.
    for split in SPLITS:
        members = sorted_by_id(pair for pair in pairs if pair.split == split)
        for number, part in enumerate(_parts(members, most_bytes)):
            yield Shard(f"{split}-{number:05d}", tuple(part))


def _parts(pairs: Sequence[Pair], most_bytes: int) -> Iterator[list[Pair]]:
    part: list[Pair] = []
    size = 0
    for pair in pairs:
        own = sum(path.stat().st_size for path in pair_files(pair).values())
        if part and size + own > most_bytes:
            yield part
            part = []
            size = 0
        part.append(pair)
        size += own
    if part:
        yield part


def write_shards(
    order: ReleaseOrder,
    suffix: str,
    fill: Callable[[Path, Shard], tuple[LeftOut, ...]],
    names: Callable[[int, Pair], Mapping[str, str]],
) -> Written:
    """Write shards, each completely or not at all; return their rows, and the pairs left out."""
    # ``fill`` writes one and says which pairs it left out; ``names`` are those of pairs' members.
    parts = {shard.name: shard for shard in shards(order.pairs, order.most_bytes)}
    work = partial(_write_shard, root=order.root, suffix=suffix, fill=fill)
    left_out: list[LeftOut] = []
    for _, lacking in track(each(work, parts, order.where), "packaging", len(parts)):
        require_none_killed([lacking], "shard")
        if isinstance(lacking, LeftOut):
            raise DatasetError(f"{lacking.id}{suffix}: {lacking.reason}")
        left_out += lacking
    rows = _rows(suffix, names, left_out, parts)
    return rows, tuple(left_out)


def _rows(
    suffix: str,
    names: Callable[[int, Pair], Mapping[str, str]],
    left_out: Sequence[LeftOut],
    parts: Mapping[str, Shard],
) -> tuple[ReleaseRow, ...]:
    """Rows of the pairs that were written, by shard."""
    unread = ids_of(left_out)
    rows = []
    for shard in parts.values():
        file = f"{shard.name}{suffix}"
        for number, pair in enumerate(shard.pairs):
            if pair.id not in unread:
                rows.append(ReleaseRow(pair, names(number, pair), file))
    return tuple(rows)


def _write_shard(
    shard: Shard,
    root: Path,
    suffix: str,
    fill: Callable[[Path, Shard], tuple[LeftOut, ...]],
) -> tuple[LeftOut, ...]:
    """Write a shard unless an earlier attempt did; one that lacks pairs is tried again."""
    # Without any pair there is no file.
    path = root / f"{shard.name}{suffix}"
    lacking = path.parent.parent / f"{path.name}-lacks-pairs"
    if path.is_file() and not lacking.exists():
        return ()
    with atomic_path(path) as temporary:
        left_out = fill(temporary, shard)
        if left_out:
            lacking.touch()
    if not left_out:
        lacking.unlink(missing_ok=True)
    if len(left_out) == len(shard.pairs):
        path.unlink()
    return left_out


def index_columns(rows: Rows) -> tuple[str, ...]:
    """Columns of ``pairs.csv``: those of every pair, and the roles that some pair has."""
    present = set[str]()
    for row in rows:
        present.update(row.files)
    roles = [role for role in FILE_ROLES if role in present]
    return ("id", "scene", "split", "shard", *roles)


def index_text(rows: Rows) -> str:
    """``pairs.csv``: id, scene, split, shard and the name of each member, sorted by id."""
    columns = index_columns(rows)
    lines: list[Sequence[str]] = [columns]
    for row in sorted(rows, key=lambda row: row.pair.id):
        members = [row.files.get(role, "") for role in columns[4:]]
        lines.append([row.pair.id, row.pair.scene, row.pair.split, row.shard, *members])
    return csv_text(lines)
