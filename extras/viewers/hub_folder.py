"""A folder that the Hugging Face hub's viewer shows: pictures, and a table for each split."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defocus.extra_packages import require
from defocus.extras.viewers.table import ShownPair, kind_of
from defocus.storage.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

PLACE = "{split}/{slice}/{id}"
"""Path of a picture, without its suffix."""

LOAD = "datasets.load_dataset({folder!r})"
"""Python call that opens the folder, after ``import datasets``."""

TABLE = "metadata.parquet"
"""Name of a split's table. It is not a CSV file: a column that is empty in one split would have
another type there than in the others, which the hub's library refuses."""

SLICE_COLUMN = "{}_file_name"
"""Name of a column with paths, which the hub turns into a column of pictures."""


def write_hub(
    folder: Path,
    *,
    pairs: Sequence[ShownPair],
    fields: Sequence[str],
) -> None:
    """Write the table of each split beside its pictures, which are there."""
    parquet: Any = require("pyarrow.parquet", "parquet", "18")
    names: set[str] = set()
    for pair in pairs:
        names.update(pair.pictures)
    slices = sorted(names)
    schema = _schema(pairs, slices, fields)
    by_split: dict[str, list[ShownPair]] = defaultdict(list)
    for pair in pairs:
        by_split[pair.split].append(pair)
    for split, members in by_split.items():
        rows = [_row(pair, slices, fields) for pair in members]
        with atomic_path(folder / split / TABLE) as temporary:
            parquet.write_table(_table(rows, schema), temporary)


def _schema(
    pairs: Sequence[ShownPair],
    slices: Sequence[str],
    fields: Sequence[str],
) -> "pa.Schema":
    """The columns of every split: those that are empty in one have the types of the others."""
    import pyarrow as pa

    types = {
        str: pa.string(),
        float: pa.float64(),
        int: pa.int64(),
        bool: pa.bool_(),
    }
    columns = [(SLICE_COLUMN.format(name), pa.string()) for name in slices]
    for field in fields:
        kind = kind_of(pair.fields.get(field) for pair in pairs)
        columns.append((field, types[kind]))
    return pa.schema(columns)


def _row(
    pair: ShownPair,
    slices: Sequence[str],
    fields: Sequence[str],
) -> dict[str, object]:
    """The row of a pair; paths are inside the folder of its split."""
    row: dict[str, object] = {field: pair.fields.get(field) for field in fields}
    for name in slices:
        path = pair.pictures.get(name)
        inside = None if path is None else path.removeprefix(f"{pair.split}/")
        row[SLICE_COLUMN.format(name)] = inside
    return row


def _table(rows: list[dict[str, object]], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema)
