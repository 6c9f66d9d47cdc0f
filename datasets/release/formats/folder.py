"""Format ``folder``: ``pairs/<id>/blurry.png`` and so on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from defocus.datasets.deriving.parts import write_parts
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import pair_files
from defocus.datasets.release.formats.layout import ReleaseFormat, ReleaseRow, Rows
from defocus.datasets.release.pictures import member_name, released_members
from defocus.isolation import LeftOut

__all__ = ["LAYOUT"]


def write(
    root: Path,
    pairs: Sequence[Pair],
    most_bytes: int,  # noqa: ARG001 - of every format
    labels: Mapping[str, str],  # noqa: ARG001 - of every format
    jobs: int,
) -> tuple[Rows, tuple[LeftOut, ...]]:
    """Write each pair into a separate folder, completely or not at all."""
    left_out = write_parts(
        {pair.id: pair for pair in pairs}, root / "pairs", _fill, "packaging", jobs
    )
    unread = {one.id for one in left_out}
    return tuple(_row(pair) for pair in pairs if pair.id not in unread), left_out


def _fill(pair: Pair, folder: Path) -> None:
    for role, content in released_members(pair).items():
        (folder / member_name(role)).write_bytes(content)


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
