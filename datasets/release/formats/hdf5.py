"""``hdf5``: pixels decoded, compressed without loss in checked chunks; a group for each member."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.fingerprint import pair_files
from defocus.datasets.pair import Pair
from defocus.datasets.release.formats.layout import Layout, Row, Rows, Shard, shards
from defocus.datasets.release.members import ARRAYS, released_members
from defocus.datasets.release.privacy import without_private
from defocus.files import atomic_path
from defocus.progress import track

__all__ = ["LAYOUT"]

CHUNK_PX = 128
COMPRESSION = 4


def write(root: Path, pairs: Sequence[Pair], most_bytes: int) -> Rows:
    """Write shards; each appears whole or not at all."""
    rows: list[Row] = []
    for shard in track(list(shards(pairs, most_bytes)), "packaging"):
        path = root / f"{shard.name}.h5"
        if not path.is_file():
            with atomic_path(path) as temporary:
                _fill(temporary, shard)
        rows += [
            Row(pair, {role: f"{role}/{pair.id}" for role in pair_files(pair)}, path.name)
            for pair in shard.pairs
        ]
    return tuple(rows)


def _fill(path: Path, shard: Shard) -> None:
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        for pair in shard.pairs:
            for role, content in released_members(pair).items():
                _add(file.require_group(role), pair.id, _decoded(role, content))
            known = json.dumps(without_private(pair.metadata), sort_keys=True, allow_nan=False)
            file.require_group("metadata").create_dataset(pair.id, data=known, dtype=text)
        columns = {
            "ids": [pair.id for pair in shard.pairs],
            "scenes": [pair.scene for pair in shard.pairs],
        }
        for name, values in columns.items():
            file.create_dataset(name, data=np.array(values, dtype=object), dtype=text)


def _decoded(role: str, content: bytes) -> NDArray[np.generic]:
    if role in ARRAYS:
        array: NDArray[np.generic] = np.load(io.BytesIO(content), allow_pickle=False)
        return array
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def _add(group: h5py.Group, name: str, array: NDArray[np.generic]) -> None:
    """Members are chunked over rows and columns, wherever these are among the axes."""
    chunks = tuple(min(CHUNK_PX, side) for side in array.shape)
    group.create_dataset(
        name,
        data=array,
        chunks=chunks,
        shuffle=True,
        fletcher32=True,
        compression="gzip",
        compression_opts=COMPRESSION,
        track_times=False,
    )


LAYOUT = Layout(
    name="hdf5",
    write=write,
    loose=False,
    usage="""\
`blurry/<id>`, `sharp/<id>`, … are arrays (RGB); `ids`, `scenes` and `metadata/<id>` are text.

    import h5py
    with h5py.File("PATH/train-00000.h5") as file:
        blurry = file["blurry"][file["ids"].asstr()[0]][:]
""",
)
