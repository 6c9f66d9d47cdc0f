"""Make a dataset folder from capture sessions.

It has ``import.json`` (the sessions; a folder with others, or none, is refused), ``pairs/<id>/``
with pictures, truth of simulated cameras and ``pair.json``, and ``manifest.json``, written last.
Each pair's folder appears complete or not at all, so that an interrupted import can be continued;
incomplete files of a killed import are removed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from defocus.cache import atomic_folder
from defocus.datasets.deriving.derived import kept_record
from defocus.datasets.deriving.originals import copy_file, place_pair
from defocus.datasets.deriving.sessions_scenes import (
    all_pairs,
    scene_remarks,
    sessions_of_folders,
    split_remarks,
)
from defocus.datasets.manifest import MANIFEST, make_manifest, write_manifest
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError, storage_error
from defocus.files import make_folder, sync_folder, temporary_entries, write_json
from defocus.isolation import LeftOut, attempt, parted
from defocus.processes import in_processes
from defocus.progress import say, track
from defocus.reading import read_json
from defocus.staging import remove_abandoned, staging_folder

__all__ = ["Import", "import_sessions"]

RECORD = "import.json"
STAGING = (".import-", ".part")
TRUTH_ROLES = ("truth", "flow", "defocus_map")
GEOMETRY = ("shift_px", "zoom", "rotation_deg")
LIGHT = ("gain_ev", "gain", "offset")


@dataclass(frozen=True)
class Import:
    """The dataset of an import in ``root``."""

    root: Path
    pairs: tuple[Pair, ...]
    unknown: tuple[str, ...]  # ids of the pairs whose misalignment could not be measured
    left_out: tuple[LeftOut, ...] = ()  # could not be read; the same command tries them again
    remarks: tuple[str, ...] = ()  # what is odd about scenes and splits


def import_sessions(folders: Sequence[Path], out: Path, jobs: int = 1) -> Import:
    """Make a manifest dataset from sessions' accepted pairs, with their measured misalignment."""
    sessions = sessions_of_folders(folders)
    originals, damaged = all_pairs(sessions)
    _claim(out, [session.id for session in sessions])
    make_folder(out / "pairs")
    # a pair's metadata is a read-only view, which does not travel
    plain = [replace(pair, metadata=dict(pair.metadata)) for pair in originals]
    work = in_processes(partial(_import, pairs=out / "pairs"), plain, jobs)
    _, failed = parted(track(work, "importing", len(plain)))
    left_out = (*damaged, *failed)
    unread = {one.id for one in left_out}
    pairs = tuple(
        _imported(pair, out / "pairs" / pair.id) for pair in originals if pair.id not in unread
    )
    if not pairs:
        raise DatasetError(f"{folders[0]}: no pair can be read; {left_out[0].reason}")
    _clear(out / "pairs", (pair.id for pair in pairs))
    manifest = make_manifest(out, pairs)
    _place(out, MANIFEST, lambda folder: write_manifest(folder, manifest))
    unknown = tuple(pair.id for pair in pairs if _misalignment(pair.metadata) == "unknown")
    remarks = (*scene_remarks(pairs, jobs), *split_remarks(pairs))
    return Import(out, pairs, unknown, left_out, remarks)


def _claim(out: Path, ids: Sequence[str]) -> None:
    """Claim an empty folder for these sessions, or recognise one of the same."""
    told = {"session": ids[0]} if len(ids) == 1 else {"sessions": list(ids)}
    record = {"format": "defocus-import", **told}
    make_folder(out)
    if (out / RECORD).is_file():
        try:
            if read_json(out / RECORD) == record:
                return
        except ValueError:
            say(f"{out / RECORD}: damaged")
    if set(out.iterdir()) - set(temporary_entries(out, *STAGING)):
        raise DatasetError(
            f"{out}: not empty, and not an import of the same; choose another folder for --out"
        )
    _place(out, RECORD, lambda folder: write_json(folder / RECORD, record))


def _place(out: Path, name: str, write: Callable[[Path], None]) -> None:
    """Write a file in a staging folder and move it to ``out``; a kill leaves only that folder."""
    with staging_folder(out, *STAGING) as staging:
        write(staging)
        try:
            (staging / name).replace(out / name)
            sync_folder(out)
        except OSError as error:
            raise storage_error(error, out / name) from error


def _clear(folder: Path, ids: Iterable[str]) -> None:
    """Remove leftovers of killed imports for pairs that are complete now."""
    if any(folder.glob(".*.part")):
        for pair_id in ids:
            remove_abandoned(folder, f".{pair_id}-", ".part")


def _import(original: Pair, pairs: Path) -> LeftOut | None:
    """Make the pair's folder of the dataset, unless an earlier run did."""
    folder = pairs / original.id
    return None if folder.is_dir() else attempt(original.id, partial(_write, original, folder))


def _write(original: Pair, folder: Path) -> None:
    with atomic_folder(folder) as temporary:
        _fill(original, temporary)


def _imported(original: Pair, folder: Path) -> Pair:
    """The pair in its folder of the dataset."""
    document = kept_record(folder / "pair.json")
    files = {role: folder / name for role, name in document["files"].items()}
    return replace(original, metadata=document["metadata"], **files)


def _fill(original: Pair, folder: Path) -> None:
    if original.sharp is None:
        raise DatasetError(f"pair {original.id} has no sharp picture; shoot it again")
    blurry, sharp = place_pair(original.blurry, original.sharp, folder)
    files = {"blurry": blurry.name, "sharp": sharp.name}
    for role in TRUTH_ROLES:
        source: Path | None = getattr(original, role)
        if source is not None:
            files[role] = f"{role}{source.suffix.lower()}"
            copy_file(source, folder / files[role])
    measured = _geometry_of_companion(original.metadata, _measured(blurry, sharp))
    metadata = {**original.metadata, "measured_misalignment": measured}
    write_json(folder / "pair.json", {"files": files, "metadata": metadata})


def _measured(blurry: Path, sharp: Path) -> dict[str, Any]:
    """Measure the misalignment with the default estimator, as in ``defocus-data align --json``."""
    from defocus.align.flow.by_name import flow_estimator
    from defocus.datasets.measuring.kept import measured_pair, pair_key

    estimator = flow_estimator()
    pair = Pair("", "", "train", blurry, sharp)
    found = measured_pair(pair, estimator, pair_key(pair, estimator))
    return found[2].misalignment.to_json()


def _geometry_of_companion(
    metadata: Mapping[str, Any], measured: Mapping[str, Any]
) -> dict[str, Any]:
    """The measurement with ``measured_on``; the geometry is the companion's, if there is one."""
    # A companion (the narrow aperture at the focus of the blurry shot) has its geometry without its
    # blur. The exposure is that of the blurry picture itself: its blur affects the geometry alone.
    found = metadata.get("quality", {}).get("misalignment", {})
    if found.get("measured_on") != "companion" or found.get("status") != "ok":
        return {**measured, "measured_on": "blurry"}
    return {
        **dict.fromkeys(measured),
        **{key: measured[key] for key in LIGHT},
        "residual_px": {"median": None, "p95": None},
        "reason": "",
        **{key: found[key] for key in ("status", *GEOMETRY, "measured_on", "measured_at_scale")},
    }


def _misalignment(metadata: Mapping[str, Any]) -> str:
    return str(metadata["measured_misalignment"]["status"])
