"""parquet:DIR - Parquet files of the Hugging Face hub: blurry and sharp pictures as columns."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defocus.cache import atomic_folder, cache_folder
from defocus.datasets.layouts.layout import Described, read_described
from defocus.datasets.pair import OWN_PICTURES, Dataset, ReaderCard, Split
from defocus.datasets.pair_files import file_hashes, legal_id
from defocus.datasets.readers import pairs
from defocus.errors import DatasetError
from defocus.extra_packages import require
from defocus.near_names import did_you_mean
from defocus.pictures.headers import SUFFIXES, kind_of, why_no_picture
from defocus.processes.isolation import LeftOut
from defocus.progress import say, several, track
from defocus.reading import read_json
from defocus.storage.files import make_folder, write_json

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

# The hub stores a picture as the bytes of its file and the name that it had. They are written as
# they are into the cache, once for the same files and columns; nothing is decoded or encoded.

CARD = ReaderCard(
    title="Parquet files with pairs",
    source="the Hugging Face hub, or your own disk",
    licence=OWN_PICTURES,
    redistributable=True,
)

BLURRY = (
    "blurry", "blur", "blurred", "defocused", "defocus", "out_of_focus", "input", "lq", "source",
    "degraded", "image_blur", "blur_image", "blurry_image", "blurred_image", "input_image",
    "source_image", "image",
)  # fmt: skip
SHARP = (
    "sharp", "gt", "target", "ground_truth", "groundtruth", "all_in_focus", "aif", "in_focus",
    "focused", "hq", "clean", "label", "image_sharp", "sharp_image", "gt_image", "target_image",
    "output_image",
)  # fmt: skip
"""Names of columns, in capitals or not; the first that is there is taken."""

_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Splits by the word that a file's name, or the folder that it lies in, begins with."""

ROWS_AT_ONCE = 8
"""Number of rows in memory; a pair of DPDD takes 20 MB."""

MOST_PICTURE_BYTES = 1024**3
"""Largest picture that is written; larger ones could not be decoded either."""

MOST_GROUP_BYTES = 16 * 1024**3
"""Largest group of rows, unpacked; the hub's have some hundred megabytes."""

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?")
"""Name of one of several files of a split, as the hub's library numbers them from 0."""

_LEFT_OUT = "left-out.json"
"""File in the folder of the unpacked pictures; it lists the rows in which a picture is missing."""


class Columns(Described):
    """Which columns hold the pictures, in a TOML file in the same folder."""

    blurry: str = ""
    sharp: str = ""


@dataclass(frozen=True)
class _PictureColumn:
    """A column of pictures: bytes alone, or with the file's name as the hub stores them."""

    name: str
    with_path: bool

    @property
    def data(self) -> str:
        """The column of the bytes, as pyarrow names it."""
        return f"{self.name}.bytes" if self.with_path else self.name


def read(path: Path) -> Dataset:
    """Open Parquet files of a folder; a TOML file with ``blurry`` and ``sharp`` names columns."""
    require("pyarrow.parquet", "parquet", "18", DatasetError)
    root, columns, files = _described(path)
    if not files:
        raise DatasetError(f"{path}: no .parquet file in it; check the path")
    folder = _unpacked_folder(root, columns, files)
    if not folder.is_dir():
        say(f"{path}: its pictures are unpacked once, into {folder}")
        with atomic_folder(folder) as new:
            unread = unpack(root, files, columns, new)
            write_json(new / _LEFT_OUT, [one.to_json() for one in unread])
    lacking = [LeftOut(**one) for one in read_json(folder / _LEFT_OUT)]
    _require_pairs(path, folder, lacking)
    opened = pairs.read(folder)
    missing = [] if path in files else _missing_parts(files)
    left_out = (*opened.left_out, *lacking, *missing)
    return replace(opened, name=f"parquet:{root.name}", left_out=left_out)


def _require_pairs(path: Path, folder: Path, lacking: Sequence[LeftOut]) -> None:
    """Refuse files of which no pair was unpacked."""
    if any(one.is_dir() for one in folder.iterdir()):
        return
    why = f"no pair is whole; {lacking[0].reason}" if lacking else "has no row"
    raise DatasetError(f"{path}: {why}")


def _unpacked_folder(root: Path, columns: Columns, files: Sequence[Path]) -> Path:
    """Folder to which the pictures of files are unpacked."""
    hashes = file_hashes(root, files)
    places = [(file.relative_to(root).as_posix(), hashes[file]) for file in files]
    key = repr([columns.blurry, columns.sharp, *places])
    return cache_folder() / "parquet" / hashlib.sha256(key.encode()).hexdigest()[:16]


def _described(path: Path) -> tuple[Path, Columns, list[Path]]:
    """The folder, the columns and the files of what a path names."""
    if path.suffix.lower() == ".parquet":
        return path.parent, Columns(), [path]
    root = path
    columns = Columns()
    if path.is_file():
        root, columns = read_described(Columns, path)
    return root, columns, sorted(root.rglob("*.parquet"))


def _missing_parts(files: Sequence[Path]) -> list[LeftOut]:
    """The files of a split that others in the folder number, and that are not there."""
    numbers: dict[tuple[Path, str, int], set[int]] = {}
    for file in files:
        part = _PART.fullmatch(file.stem)
        if part:
            series = file.parent, part["stem"], int(part["count"])
            numbers.setdefault(series, set()).add(int(part["number"]))
    missing: list[LeftOut] = []
    for (folder, stem, count), there in numbers.items():
        for number in sorted({*range(count)} - there):
            name = f"{stem}-{number:05d}-of-{count:05d}"
            place = folder / f"{name}.parquet"
            reason = f"{place} is missing with all its pairs; download it too"
            missing.append(LeftOut(name, reason))
    return missing


def unpack(
    root: Path, files: Sequence[Path], columns: Columns, folder: Path
) -> list[LeftOut]:
    """Write the pictures of every row into ``SPLIT/ROLE`` of a folder; return incomplete rows."""
    by_split = _by_split(root, files)
    left_out: list[LeftOut] = []
    for split, parts in by_split.items():
        opened = list(map(_open, parts))
        chosen = [
            _chosen(part, one, columns) for part, one in zip(parts, opened, strict=True)
        ]
        names = _names(parts, opened, chosen)
        place = folder / split if split else folder
        for part, parquet, members in zip(parts, opened, chosen, strict=True):
            for row in track(_rows(part, parquet, members), part.name):
                name = next(names, "")
                if not name:
                    raise DatasetError(
                        f"{part}: has more rows than it says; download it again"
                    )
                problem = _store(place, name, row)
                if problem:
                    left_out.append(LeftOut(name, f"{part}: {problem}"))
    return left_out


def _by_split(root: Path, files: Sequence[Path]) -> dict[Split | None, list[Path]]:
    """Files by the split in their names; either all files name a split, or none does."""
    by_split: dict[Split | None, list[Path]] = {}
    for file in files:
        by_split.setdefault(_split_of(file.relative_to(root)), []).append(file)
    if None in by_split and len(by_split) > 1:
        alone = by_split[None][0]
        raise DatasetError(
            f"{alone}: its name says no split, as others do; rename it to test-…"
        )
    return by_split


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn pyarrow's errors for a damaged file into one line."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DatasetError(
            f"{path}: cannot be read as Parquet ({reason}); download it again, with Git LFS if it "
            "is a clone"
        ) from error


def _open(path: Path) -> "ParquetFile":
    from pyarrow.parquet import ParquetFile

    with _reading(path):
        parquet = ParquetFile(path)
        groups = [
            parquet.metadata.row_group(n)
            for n in range(parquet.metadata.num_row_groups)
        ]
    largest = max((group.total_byte_size for group in groups), default=0)
    if largest > MOST_GROUP_BYTES:
        raise DatasetError(
            f"{path}: rows of {largest} bytes in one group; more than is read"
        )
    return parquet


def _chosen(
    path: Path, parquet: "ParquetFile", columns: Columns
) -> dict[str, _PictureColumn]:
    """The columns of the blurry and the sharp pictures of a file."""
    with _reading(path):
        there = {column.name: column for column in _picture_columns(parquet)}
    blurry = columns.blurry or _known(there, BLURRY)
    sharp = columns.sharp or _known(there, SHARP)
    for role, name in (("blurry", blurry), ("sharp", sharp)):
        if name not in there:
            hint = did_you_mean(name, there) if name else ""
            missing = (
                f"no column of pictures {name!r}"
                if name
                else f"no {role} column is known"
            )
            known = several(sorted(there)) or "none"
            advice = hint or f'name one in a TOML file beside it: {role} = "COLUMN"'
            raise DatasetError(
                f"{path}: {missing}; its columns of pictures are {known}; {advice}"
            )
    if blurry == sharp:
        raise DatasetError(
            f"{path}: {blurry!r} is both blurry and sharp; name two columns"
        )
    _require_one_each(path, parquet, (blurry, sharp))
    return {"blurry": there[blurry], "sharp": there[sharp]}


def _require_one_each(path: Path, parquet: "ParquetFile", names: Sequence[str]) -> None:
    """Refuse a file with two columns of a name that is read."""
    every = Counter(parquet.schema_arrow.names)
    for name in names:
        if every[name] > 1:
            raise DatasetError(
                f"{path}: {every[name]} columns are called {name!r}; rename all but one"
            )


def _picture_columns(parquet: "ParquetFile") -> Iterator[_PictureColumn]:
    from pyarrow import types

    for column in parquet.schema_arrow:
        kind = column.type
        of_bytes = (types.is_binary, types.is_large_binary, types.is_binary_view)
        if any(is_kind(kind) for is_kind in of_bytes):
            yield _PictureColumn(column.name, with_path=False)
        elif types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            yield _PictureColumn(
                column.name, with_path=kind.get_field_index("path") >= 0
            )


def _known(there: dict[str, _PictureColumn], names: Sequence[str]) -> str:
    """The first of some names that a column has, in capitals or not; empty if there is none."""
    by_letters = {
        name.lower().replace(" ", "_").replace("-", "_"): name for name in there
    }
    return next((by_letters[name] for name in names if name in by_letters), "")


def _names(
    parts: Sequence[Path],
    files: Sequence["ParquetFile"],
    chosen: Sequence[dict[str, _PictureColumn]],
) -> Iterator[str]:
    """A name for each row of a split: of its blurry file if they differ, else a number."""
    stems: list[str] = []
    for part, parquet, members in zip(parts, files, chosen, strict=True):
        column = members["blurry"]
        if not column.with_path:
            stems += [""] * parquet.metadata.num_rows
            continue
        with _reading(part):
            for batch in parquet.iter_batches(columns=[f"{column.name}.path"]):
                stems += [_stem(row[column.name]) for row in batch.to_pylist()]
    alone = "" not in stems and max(Counter(stems).values(), default=0) <= 1
    return iter(stems if alone else [f"{number:06d}" for number in range(len(stems))])


def _stem(picture: dict[str, Any] | None) -> str:
    """The name that a picture's file had, as a legal id; empty without."""
    path = (picture or {}).get("path")
    if not isinstance(path, str):
        return ""
    stem = re.split(r"[/\\]", path)[-1].rpartition(".")[0]
    return legal_id(stem) if stem else ""


def _rows(
    path: Path, parquet: "ParquetFile", members: dict[str, _PictureColumn]
) -> Iterator[dict[str, bytes | None]]:
    """The bytes of each row's pictures by role."""
    wanted = [column.data for column in members.values()]
    with _reading(path):
        for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=wanted):
            rows = batch.to_pylist()
            for row in rows:
                yield {
                    role: _bytes(row[column.name]) for role, column in members.items()
                }


def _bytes(value: object) -> bytes | None:
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) else None


def _store(place: Path, name: str, row: dict[str, bytes | None]) -> str:
    """Write both pictures of a row, or nothing if it lacks one; return why it lacks one."""
    suffixes: dict[str, str] = {}
    for role, data in row.items():
        if not data:
            return f"the {role} picture is empty, or only the name of a file is stored"
        if len(data) > MOST_PICTURE_BYTES:
            return f"the {role} picture has {len(data)} bytes; more than is read"
        kind = kind_of(data[:64])
        if not kind:
            return f"the {role} picture: {why_no_picture(data)}"
        suffixes[role] = SUFFIXES[kind][0]
    for role, data in row.items():
        folder = make_folder(place / role)
        (folder / f"{name}{suffixes[role]}").write_bytes(data or b"")
    return ""


def _split_of(path: Path) -> Split | None:
    """The split that a file's name or folder begins with, such as ``test-00000-of-00001``."""
    for part in (path.name, *(folder.name for folder in path.parents)):
        word = re.match(r"[A-Za-z]+", part)
        if word and word[0].lower() in _SPLITS:
            return _SPLITS[word[0].lower()]
    return None
