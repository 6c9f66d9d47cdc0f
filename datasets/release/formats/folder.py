"""Format ``folder``: ``pairs/<id>/blurry.png`` and so on."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from defocus.cache import atomic_folder
from defocus.datasets.files.fingerprint import pair_files
from defocus.datasets.pair import Pair
from defocus.datasets.release.formats.layout import ReleaseFormat, ReleaseRow, Rows
from defocus.datasets.release.pictures import member_name, released_members
from defocus.isolation import LeftOut, attempt, parted
from defocus.processes import in_processes
from defocus.progress import track

__all__ = ["LAYOUT"]


def write(
    root: Path,
    pairs: Sequence[Pair],
    most_bytes: int,  # noqa: ARG001 - of every format
    labels: Mapping[str, str],  # noqa: ARG001 - of every format
    jobs: int,
) -> tuple[Rows, tuple[LeftOut, ...]]:
    """Write each pair into a separate folder, completely or not at all."""
    work = in_processes(partial(_write, root), pairs, jobs)
    _, left_out = parted(track(work, "packaging", len(pairs)))
    unread = {one.id for one in left_out}
    return tuple(_row(pair) for pair in pairs if pair.id not in unread), left_out


def _write(root: Path, pair: Pair) -> LeftOut | None:
    folder = root / "pairs" / pair.id
    return None if folder.is_dir() else attempt(pair.id, partial(_fill, folder, pair))


def _fill(folder: Path, pair: Pair) -> None:
    with atomic_folder(folder) as temporary:
        for role, content in released_members(pair).items():
            (temporary / member_name(role)).write_bytes(content)


def _row(pair: Pair) -> ReleaseRow:
    files = {role: f"pairs/{pair.id}/{member_name(role)}" for role in pair_files(pair)}
    return ReleaseRow(pair, files)


LAYOUT = ReleaseFormat(
    name="folder",
    write=write,
    loose=True,
    pictures="pairs/{id}/{role}.png",
    usage="""\
`pairs/<id>/` has the members of each pair; `manifest.json` has id, scene, split, metadata, sizes
and hashes.

    from defocus.datasets.api import open_dataset
    dataset = open_dataset("release:PATH")
""",
)
