"""Format ``imagefolder``: a folder per split with ``metadata.jsonl``, for Hugging Face."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from defocus.datasets.files.arrays import ARRAYS
from defocus.datasets.files.fingerprint import pair_files
from defocus.datasets.pair import SPLITS, Pair
from defocus.datasets.release.formats.layout import ReleaseFormat, ReleaseRow, Rows
from defocus.datasets.release.pictures.members import member_name, released_members
from defocus.files import make_folder, write_bytes, write_text
from defocus.processes import in_processes
from defocus.progress import track

__all__ = ["LAYOUT"]


def write(
    root: Path,
    pairs: Sequence[Pair],
    most_bytes: int,  # noqa: ARG001 - of every format
    labels: Mapping[str, str],  # noqa: ARG001 - of every format
    jobs: int,
) -> Rows:
    """Write the pictures of each split into one folder, arrays into ``arrays/``."""
    for _ in track(in_processes(partial(_write, root), pairs, jobs), "packaging", len(pairs)):
        pass
    rows = tuple(ReleaseRow(pair, _files(pair)) for pair in pairs)
    for split in SPLITS:
        lines = [_line(row) for row in rows if row.pair.split == split]
        if lines:
            write_text(root / split / "metadata.jsonl", "".join(lines))
    return rows


def _files(pair: Pair) -> dict[str, str]:
    return {role: _place(pair, role) for role in pair_files(pair)}


def _write(root: Path, pair: Pair) -> None:
    files = _files(pair)
    if not all((root / name).is_file() for name in files.values()):
        for role, content in released_members(pair).items():
            make_folder((root / files[role]).parent)
            write_bytes(root / files[role], content)


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


LAYOUT = ReleaseFormat(
    name="imagefolder",
    write=write,
    loose=True,
    pictures="*/{id}.{role}.png",
    usage="""\
Each split is a folder with `metadata.jsonl`.

    from datasets import load_dataset
    data = load_dataset("PATH")["train"]
    data[0]["blurry"], data[0]["sharp"]
""",
)
