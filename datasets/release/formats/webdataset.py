"""``webdataset``: tar shards, the members of a pair side by side under one key."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from defocus.datasets.fingerprint import pair_files
from defocus.datasets.pair import Pair
from defocus.datasets.release.formats.layout import Layout, Row, Rows, Shard, shards
from defocus.datasets.release.members import member_name, released_members
from defocus.datasets.release.privacy import without_private
from defocus.files import atomic_path
from defocus.progress import track

__all__ = ["LAYOUT"]


def write(root: Path, pairs: Sequence[Pair], most_bytes: int) -> Rows:
    """Write shards; each appears whole or not at all."""
    rows: list[Row] = []
    for shard in track(list(shards(pairs, most_bytes)), "packaging"):
        path = root / f"{shard.name}.tar"
        if not path.is_file():
            with atomic_path(path) as temporary:
                _fill(temporary, shard)
        rows += [_row(path.name, number, pair) for number, pair in enumerate(shard.pairs)]
    return tuple(rows)


def _key(number: int) -> str:
    """Ids may have dots, keys must not."""
    return f"{number:06d}"


def _row(shard: str, number: int, pair: Pair) -> Row:
    return Row(pair, {r: f"{_key(number)}.{member_name(r)}" for r in pair_files(pair)}, shard)


def _fill(path: Path, shard: Shard) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number, pair in enumerate(shard.pairs):
            for role, content in released_members(pair).items():
                _add(archive, f"{_key(number)}.{member_name(role)}", content)
            entry = {
                "id": pair.id,
                "scene": pair.scene,
                "split": pair.split,
                "metadata": without_private(pair.metadata),
            }
            text = json.dumps(entry, ensure_ascii=False, sort_keys=True, allow_nan=False)
            _add(archive, f"{_key(number)}.json", text.encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """A member whose header depends on name and size alone."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    header.mode = 0o644
    archive.addfile(header, io.BytesIO(content))


LAYOUT = Layout(
    name="webdataset",
    write=write,
    loose=False,
    usage="""\
Tar shards; each key has `blurry.png`, `sharp.png`, …, and `json` with id, scene and metadata.

    import webdataset
    data = webdataset.WebDataset("PATH/train-00000.tar", shardshuffle=False).decode("pil")
""",
)
