"""Format ``hdf5``: decoded pixels in losslessly compressed, checksummed chunks."""

import io
import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import (
    ARRAYS,
    FILE_ROLES,
    array_shape,
    member_names,
    pair_files,
)
from defocus.datasets.patching.many_pairs import require_space
from defocus.datasets.release.formats.layout import (
    ReleaseFormat,
    ReleaseOrder,
    Shard,
    Written,
    shard_pair,
    write_shards,
)
from defocus.datasets.release.pictures import encoded, released_members, without_private
from defocus.errors import DatasetError
from defocus.pictures.headers import MAX_PIXELS
from defocus.pictures.read import decoded_lossless
from defocus.processes.isolation import LeftOut, attempt
from defocus.reading import parse_json, refuse_bomb, require_file
from defocus.storage.files import make_folder, write_bytes
from defocus.storage.hdf5_files import held_interrupts, new_hdf5, open_hdf5

CHUNK_PX = 128
COMPRESSION = 4
MAX_TEXT_BYTES = 64 * 1024 * 1024


def write(order: ReleaseOrder) -> Written:
    """Write shards; each appears complete or not at all."""
    return write_shards(order, ".h5", partial(_fill, labels=order.labels), _names)


def _names(_number: int, pair: Pair) -> dict[str, str]:
    return {role: f"{role}/{pair.id}" for role in pair_files(pair)}


def _fill(path: Path, shard: Shard, labels: Mapping[str, str]) -> tuple[LeftOut, ...]:
    text = h5py.string_dtype()
    kept = list[Pair]()
    left_out = list[LeftOut]()
    with new_hdf5(path) as file:
        with held_interrupts():
            file.attrs.update(labels)
        for pair in shard.pairs:
            members = attempt(pair.id, partial(released_members, pair))
            if isinstance(members, LeftOut):
                left_out.append(members)
                continue
            kept.append(pair)
            with held_interrupts():
                _add_pair(path, members, file, pair, text)
        columns = {
            "ids": [pair.id for pair in kept],
            "scenes": [pair.scene for pair in kept],
        }
        with held_interrupts():
            for name, values in columns.items():
                column = np.array(values, dtype=object)
                file.create_dataset(name, data=column, dtype=text)
    return tuple(left_out)


def _add_pair(
    path: Path,
    members: Mapping[str, bytes],
    file: h5py.File,
    pair: Pair,
    text: np.dtype[Any],
) -> None:
    """Write the arrays and the metadata of a pair."""
    for role, content in members.items():
        array = _decoded(role, content)
        require_space(path.parent, array.nbytes)
        _add(file.require_group(role), pair.id, array)
        file.flush()  # what is not written yet would take space that is counted as free
    metadata = json.dumps(
        without_private(pair.metadata), sort_keys=True, allow_nan=False
    )
    file.require_group("metadata").create_dataset(pair.id, data=metadata, dtype=text)


def _decoded(role: str, content: bytes) -> NDArray[np.generic]:
    if role in ARRAYS:
        array: NDArray[np.generic] = np.load(io.BytesIO(content), allow_pickle=False)
        return array
    return decoded_lossless(content)


def _add(group: h5py.Group, name: str, array: NDArray[np.generic]) -> None:
    """Add a member, chunked over rows and columns."""
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


def unpack(shard: Path, folder: Path) -> Iterator[Pair]:
    """Write a shard's pairs into ``folder/<id>/``: pictures, and arrays as ``.npy``."""
    # The shard may come from anybody.
    split = shard.name.partition("-")[0]
    try:
        require_file(shard)
        with open_hdf5(shard) as file:
            ids = _text(file, "ids", 1).asstr()[:]
            scenes = _text(file, "scenes", 1).asstr()[:]
            for name, scene in zip(ids, scenes, strict=True):
                metadata = parse_json(_text(file, f"metadata/{name}", 0).asstr()[()])
                entry = {
                    "id": name,
                    "scene": scene,
                    "split": split,
                    "metadata": metadata,
                }
                yield _unpacked(file, entry, folder)
    except (
        OSError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
        DatasetError,
    ) as error:
        reason = str(error).partition("\n")[0]
        raise DatasetError(f"{shard}: {reason}; get the release again") from error


def _unpacked(file: h5py.File, entry: dict[str, Any], folder: Path) -> Pair:
    roles = [role for role in FILE_ROLES if role in file and entry["id"] in file[role]]
    pair = shard_pair(entry, member_names(roles), folder)
    make_folder(folder / pair.id)
    size = (0, 0)
    for role, path in pair_files(pair).items():  # the blurry picture is the first
        stored = _array(file, f"{role}/{pair.id}")
        if role in ARRAYS:
            is_float = stored.dtype.kind == "f"
            _require(stored, array_shape(role, *size), fits=is_float)
        else:
            _require_picture(stored)
        if role == "blurry":
            size = stored.shape[:2]
        refuse_bomb(Path(file.filename), stored.nbytes)
        write_bytes(path, encoded(role, stored[:]))
    return pair


def _require_picture(stored: h5py.Dataset) -> None:
    sides = stored.shape[:2]
    small = len(stored.shape) == 3 and math.prod(sides) <= MAX_PIXELS
    fits = small and stored.dtype in (np.uint8, np.uint16)
    _require(stored, (*sides, 3), fits=fits)


def _array(file: h5py.File, name: str) -> h5py.Dataset:
    """Read an array stored in the file itself; links to other files are refused."""
    for place in (name.partition("/")[0], name):
        if not isinstance(file.get(place, getlink=True), h5py.HardLink):
            raise DatasetError(f"'{name}' is missing, or a link")
    array = file[name]
    if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
        raise DatasetError(f"'{name}' is not an array of the file itself")
    return array


def _text(file: h5py.File, name: str, axes: int) -> h5py.Dataset:
    """Read a text or a list of texts, with limited size."""
    text = _array(file, name)
    if len(text.shape) != axes or text.nbytes > MAX_TEXT_BYTES:
        raise DatasetError(f"'{name}' is not text")
    return text


def _require(stored: h5py.Dataset, shape: tuple[int, ...], *, fits: bool) -> None:
    if not fits or stored.shape != shape:
        raise DatasetError(f"'{stored.name}' is {stored.dtype} of shape {stored.shape}")


LAYOUT = ReleaseFormat(
    name="hdf5",
    write=write,
    loose=False,
    usage="""\
`blurry/<id>`, `sharp/<id>`, … are arrays (RGB); `ids`, `scenes` and `metadata/<id>` are text; the
attributes `title`, `licence` and `version` are those of the release.

    import h5py
    with h5py.File("PATH/train-00000.h5") as file:
        blurry = file["blurry"][file["ids"].asstr()[0]][:]
""",
)
