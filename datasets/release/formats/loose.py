"""Formats ``folder`` and ``imagefolder`` (of Hugging Face): members are separate files."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from defocus.cluster.dispatcher import each
from defocus.datasets.deriving.parts import write_parts
from defocus.datasets.pair import Pair, by_id, remaining
from defocus.datasets.pair_files import ARRAYS, member_name, pair_files
from defocus.datasets.release.formats.layout import (
    ReleaseFormat,
    ReleaseOrder,
    ReleaseRow,
    Written,
)
from defocus.datasets.release.pictures import released_members
from defocus.pictures import picture_name
from defocus.processes.isolation import LeftOut, attempt, parted, require_none_killed
from defocus.progress import track
from defocus.storage.files import make_folder, write_bytes, write_text


def write_folder(order: ReleaseOrder) -> Written:
    """Write each pair into a separate folder, completely or not at all."""
    entries = by_id(order.pairs)
    left_out = write_parts(
        entries, order.root / "pairs", _fill, "packaging", order.where
    )
    require_none_killed(left_out, "pair")
    return _rows(
        order.pairs, left_out, lambda pair, role: f"pairs/{pair.id}/{member_name(role)}"
    )


def _fill(pair: Pair, folder: Path) -> None:
    for role, content in released_members(pair).items():
        (folder / member_name(role)).write_bytes(content)


def _rows(
    pairs: Sequence[Pair],
    left_out: tuple[LeftOut, ...],
    place: Callable[[Pair, str], str],
) -> Written:
    rows = []
    for pair in remaining(pairs, left_out):
        files = {role: place(pair, role) for role in pair_files(pair)}
        rows.append(ReleaseRow(pair, files))
    return tuple(rows), left_out


FOLDER = ReleaseFormat(
    name="folder",
    write=write_folder,
    loose=True,
    pictures=picture_name("pairs/{id}/{role}"),
    usage="""\
`pairs/<id>/` has the members of each pair; `manifest.json` has id, scene, split, metadata, sizes
and hashes.

    from defocus import open_dataset
    dataset = open_dataset("release:PATH")
""",
)


def write_imagefolder(order: ReleaseOrder) -> Written:
    """Write the pictures of each split into one folder, arrays into ``arrays/``."""
    entries = by_id(order.pairs)
    written = each(partial(_write_files, order.root), entries, order.where)
    results = dict(track(written, "packaging", len(entries)))
    _, left_out = parted(results[name] for name in entries)
    require_none_killed(left_out, "pair")
    rows, _ = _rows(order.pairs, left_out, _place)
    lines_of: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        lines_of[row.pair.split].append(_line(row))
    for split, lines in lines_of.items():
        write_text(order.root / split / "metadata.jsonl", "".join(lines))
    return rows, left_out


def _write_files(root: Path, pair: Pair) -> LeftOut | None:
    files = {role: root / _place(pair, role) for role in pair_files(pair)}
    if all(path.is_file() for path in files.values()):
        return None
    result = attempt(pair.id, partial(_fill_files, pair, files))
    if isinstance(result, LeftOut):
        for path in files.values():
            path.unlink(missing_ok=True)
    return result


def _fill_files(pair: Pair, files: Mapping[str, Path]) -> None:
    for role, content in released_members(pair).items():
        make_folder(files[role].parent)
        write_bytes(files[role], content)


def _place(pair: Pair, role: str) -> str:
    if role in ARRAYS:
        return f"arrays/{pair.id}.{member_name(role)}"
    return f"{pair.split}/{pair.id}.{member_name(role)}"


def _line(row: ReleaseRow) -> str:
    """One line of ``metadata.jsonl``; ``blurry_file_name`` becomes the column ``blurry``."""
    entry = {"id": row.pair.id, "scene": row.pair.scene}
    for role, name in row.files.items():
        if role not in ARRAYS:
            entry[f"{role}_file_name"] = name.partition("/")[2]
    return json.dumps(entry, ensure_ascii=False) + "\n"


IMAGEFOLDER = ReleaseFormat(
    name="imagefolder",
    write=write_imagefolder,
    loose=True,
    pictures=picture_name("*/{id}.{role}"),
    usage="""\
Each split is a folder with `metadata.jsonl`.

    from datasets import load_dataset
    data = load_dataset("PATH")["train"]
    data[0]["blurry"], data[0]["sharp"]
""",
)
