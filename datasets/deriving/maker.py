"""Derived datasets: origin of each pair, and files linked instead of copied."""

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from defocus.cache import atomic_folder
from defocus.datasets.api import reader_card
from defocus.datasets.deriving.originals import copy_file
from defocus.datasets.files.fingerprint import pair_files
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.step import MakingStep
from defocus.errors import DatasetError, storage_error
from defocus.files import make_folder, sync_folder, temporary_entries, write_json
from defocus.progress import track
from defocus.reading import read_json
from defocus.staging import owned_folder

__all__ = ["claim_folder", "keep_pairs", "kept_record", "origin_of", "place_file", "working_folder"]


@contextlib.contextmanager
def working_folder(out: Path, kind: str, order: dict[str, Any]) -> Iterator[Path]:
    """Yield the folder that becomes ``out`` when the block ends; the same order continues in it."""
    _require_empty(out)
    place = out.absolute()
    work = place.with_name(f".{place.name}.{kind}")
    with owned_folder(work) as ours:
        if not ours:
            raise DatasetError(f"{out}: another process is making it; wait until it ends")
        _require_empty(out)  # another process may have been first
        _claim(work / "order.json", order)
        yield make_folder(work / "made")
        _move(work / "made", place)
        shutil.rmtree(work, ignore_errors=True)


def _require_empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: not empty; choose another folder for --out")


def _claim(record: Path, order: dict[str, Any]) -> None:
    """Record the order, or recognise the same one."""
    if not record.is_file():
        write_json(record, order)
        return
    try:
        known = read_json(record)
    except ValueError:
        known = None
    if known != order:
        raise DatasetError(
            f"{record.parent}: started with another dataset, other settings or a version that made "
            "other files; remove it, or choose another folder for --out"
        )


def _move(made: Path, out: Path) -> None:
    try:
        if out.exists():
            out.rmdir()
        made.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        raise storage_error(error, out) from error


OF_PAIRS = ("content_hash", "pairs")
"""What of an order is said of its pairs."""


def claim_folder(
    out: Path,
    record: str,
    order: dict[str, Any],
    made: Sequence[str] = ("pairs",),
    again: Collection[str] = (),
) -> None:
    """Claim an empty folder for an order, or recognise one of the same order."""
    # The order's ``content_hash`` is the dataset's, its ``pairs`` has that of each pair by id.
    # Pairs that are not in the folders ``made``, or are in those of ``again``, may have changed.
    make_folder(out)
    path = out / record
    if path.is_file():
        try:
            known = read_json(path)
        except ValueError as error:
            raise DatasetError(f"{path}: damaged; choose another folder for --out") from error
        if known == order:
            return
        names = [one.name for name in made for one in _shown(out / name) if one.name not in again]
        if not _continues(known, order, names):
            what = "another dataset, other settings or another version of defocus"
            if isinstance(known, dict) and known | {"revision": order.get("revision")} == order:
                what = "a version of defocus that made other pictures"
            raise DatasetError(f"{out}: started with {what}; choose another folder for --out")
        write_json(path, order)
        return
    strangers = set(out.iterdir()) - set(
        temporary_entries(out, f".{path.stem}-", f".part{path.suffix}")
    )
    if strangers:
        raise DatasetError(f"{out}: not empty; choose another folder for --out")
    write_json(path, order)


def _continues(known: Any, order: dict[str, Any], done: Sequence[str]) -> bool:  # noqa: ANN401 - any JSON document
    """Whether two orders differ at most by pairs of which nothing is made."""
    if not isinstance(known, dict) or not isinstance(before := known.get("pairs"), dict):
        return False
    settings = [{k: v for k, v in one.items() if k not in OF_PAIRS} for one in (known, order)]
    now = order.get("pairs", {})
    return settings[0] == settings[1] and all(
        name in now and before.get(name) == now[name] for name in done
    )


def _shown(folder: Path) -> Sequence[Path]:
    """The folders in a folder that are no working folders of ours."""
    return sorted(folder.glob("[!.]*"))


def kept_record(path: Path) -> Any:  # noqa: ANN401 - any JSON document
    """Read the record of an earlier run in the folder of a pair."""
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: missing or damaged; remove {path.parent} and run the same command again"
        ) from error


def origin_of(dataset: Dataset) -> str:
    """``source`` of a derived dataset's manifest: the origin, also if no reader names it."""
    reader = dataset.name.partition(":")[0]
    return dataset.source or ("" if reader_card(reader).redistributable else reader)


def place_file(source: Path, target: Path) -> None:
    """Put a file of another dataset into a new one, as a hard link if the disk permits it."""
    # Our writers always replace files and never change them, so the two stay independent.
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:
        copy_file(source, target)


def keep_pairs(
    dataset: Dataset, pairs: Sequence[Pair], out: Path, chosen: MakingStep
) -> tuple[Pair, ...]:
    """Write pairs into ``out/pairs/<id>/``, then the manifest; existing files stay."""
    kept = tuple(_kept(pair, out / "pairs" / pair.id) for pair in track(pairs, "keeping"))
    steps = (*dataset.steps, chosen)
    write_manifest(out, make_manifest(out, kept, origin_of(dataset), steps))
    return kept


def _kept(pair: Pair, folder: Path) -> Pair:
    files = pair_files(pair)
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            for role, path in files.items():
                place_file(path, temporary / f"{role}{path.suffix.lower()}")
    # names of fields are no types: these are all paths
    placed: dict[str, Any] = {
        role: folder / f"{role}{path.suffix.lower()}" for role, path in files.items()
    }
    return replace(pair, **placed)
