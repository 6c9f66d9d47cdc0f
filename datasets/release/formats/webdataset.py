"""Format ``webdataset``: tar shards with the members of a pair under one key."""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from defocus.datasets.archives import LIMITS, checked, tar_member
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import FILE_ROLES, member_name, pair_files
from defocus.datasets.release.formats.layout import (
    ReleaseFormat,
    ReleaseOrder,
    Shard,
    Written,
    shard_pair,
    write_shards,
)
from defocus.datasets.release.pictures import released_members, without_private
from defocus.errors import DatasetError
from defocus.pictures import picture_name
from defocus.processes.isolation import LeftOut, attempt
from defocus.reading import parse_json, require_file
from defocus.storage.files import make_folder, write_bytes

MembersOf = dict[str, tarfile.TarInfo]
"""Members of an archive by their roles."""

MAX_ENTRY_BYTES = 64 * 1024 * 1024
ENTRY = "json"
_MEMBER = re.compile(
    rf"([0-9]{{6,}})\.({'|'.join([*map(member_name, FILE_ROLES), ENTRY])})"
)


def write(order: ReleaseOrder) -> Written:
    """Write shards; each appears complete or not at all."""
    return write_shards(order, ".tar", _fill, _names)


def _key(number: int) -> str:
    """Make a key from an id; ids may have dots, keys must not."""
    return f"{number:06d}"


def _names(number: int, pair: Pair) -> dict[str, str]:
    return {role: f"{_key(number)}.{member_name(role)}" for role in pair_files(pair)}


def _fill(path: Path, shard: Shard) -> tuple[LeftOut, ...]:
    left_out: list[LeftOut] = []
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number, pair in enumerate(shard.pairs):
            members = attempt(pair.id, partial(released_members, pair))
            if isinstance(members, LeftOut):
                left_out.append(members)
                continue
            for role, content in members.items():
                _add(archive, f"{_key(number)}.{member_name(role)}", content)
            entry = {
                "id": pair.id,
                "scene": pair.scene,
                "split": pair.split,
                "metadata": without_private(pair.metadata),
            }
            text = json.dumps(
                entry, ensure_ascii=False, sort_keys=True, allow_nan=False
            )
            _add(archive, f"{_key(number)}.json", text.encode())
    return tuple(left_out)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a member with a header that depends only on name and size."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    header.mode = 0o644
    archive.addfile(header, io.BytesIO(content))


def unpack(shard: Path, folder: Path) -> Iterator[Pair]:
    """Write the pairs of a tar shard into ``folder/<id>/``, byte for byte."""
    # The shard may come from anybody.
    try:
        require_file(shard)
        with tarfile.open(shard, "r:") as archive:
            members = list(archive)
            names = checked(map(tar_member, members), shard, LIMITS)
            files = _by_key(shard, dict(zip(names, members, strict=True)))
            for key in sorted(files):
                yield _unpacked(archive, files[key], folder)
    except (tarfile.TarError, EOFError, ValueError, DatasetError) as error:
        if str(error).startswith(str(shard)):
            raise
        raise DatasetError(f"{shard}: {error}; get the release again") from error


def _by_key(shard: Path, members: MembersOf) -> dict[str, MembersOf]:
    """The members of each pair, by the part of the name after the key."""
    files: dict[str, MembersOf] = {}
    for name, member in members.items():
        match = _MEMBER.fullmatch(name)
        if match is None:
            raise DatasetError(
                f"{shard}: {name!r} belongs to no pair; get the release again"
            )
        files.setdefault(match[1], {})[match[2]] = member
    return files


def _unpacked(archive: tarfile.TarFile, members: MembersOf, folder: Path) -> Pair:
    entry = members.pop(ENTRY, None)
    if entry is None or entry.size > MAX_ENTRY_BYTES:
        raise DatasetError("a pair has no entry that can be read")
    names = {
        role: member_name(role) for role in FILE_ROLES if member_name(role) in members
    }
    pair = shard_pair(parse_json(_content(archive, entry)), names, folder)
    make_folder(folder / pair.id)
    for role, name in names.items():
        write_bytes(pair_files(pair)[role], _content(archive, members[name]))
    return pair


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return b"" if stream is None else stream.read()


LAYOUT = ReleaseFormat(
    name="webdataset",
    write=write,
    loose=False,
    usage=f"""\
Tar shards; each key has `{picture_name("blurry")}`, `{picture_name("sharp")}`, …, \
and `json` with id, scene and metadata.

    import webdataset
    data = webdataset.WebDataset("PATH/train-00000.tar", shardshuffle=False).decode("pil")
""",
)
