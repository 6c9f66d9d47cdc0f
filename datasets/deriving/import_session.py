"""Make a dataset folder from capture sessions.

It has ``import.json`` (the sessions; a folder with others, or none, is refused), ``pairs/<id>/``
with pictures, truth of simulated cameras and ``pair.json``, and ``manifest.json``, written last.
Each pair's folder appears complete or not at all, so that an interrupted import can be continued;
incomplete files of a killed import are removed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from defocus.cache import atomic_folder
from defocus.capture.planning.scene_list import scene_slug
from defocus.capture.sessions.session import Session, read_session
from defocus.datasets.deriving.maker import kept_record
from defocus.datasets.deriving.originals import copy_file, place_pair
from defocus.datasets.manifest import MANIFEST, make_manifest, write_manifest
from defocus.datasets.pair import Pair, empty_splits, split_counts
from defocus.datasets.readers.session import session_pairs
from defocus.datasets.split import scene_splits
from defocus.errors import DatasetError, ImageError, InputError, storage_error
from defocus.files import make_folder, sync_folder, temporary_entries, write_json
from defocus.images import read_image
from defocus.isolation import LeftOut, attempt, parted
from defocus.likeness import Fingerprint, fingerprint, maybe_one_view
from defocus.processes import in_processes
from defocus.progress import counted, grouped, say, track
from defocus.reading import read_json
from defocus.staging import remove_abandoned, staging_folder

__all__ = ["Import", "import_sessions"]


NUMBERED = re.compile(r"scene-\d+")
"""Names of scenes that nobody named: in another session they are other scenes."""


def sessions_of_folders(folders: Sequence[Path]) -> tuple[Session, ...]:
    """The sessions of some folders; one that is given twice is refused."""
    sessions = tuple(read_session(folder, damaged=True) for folder in folders)
    ids = [session.id for session in sessions]
    for session in sessions:
        if ids.count(session.id) > 1:
            raise InputError(f"{session.root}: this session is given twice; give each once")
    return sessions


def all_pairs(sessions: Sequence[Session]) -> tuple[tuple[Pair, ...], tuple[LeftOut, ...]]:
    """The usable pairs of sessions, split by scene, and those that are not whole."""
    # Scenes of one name are one scene; a scene that nobody named has its session's name before it,
    # and so have the pairs of several sessions.
    if len(sessions) == 1:
        return session_pairs(sessions[0]), sessions[0].left_out
    pairs: list[Pair] = []
    left_out: list[LeftOut] = []
    for session, name in zip(sessions, _names(sessions), strict=True):
        pairs += [_of_session(pair, name) for pair in session_pairs(session)]
        left_out += [replace(one, id=f"{name}_{one.id}") for one in session.left_out]
    splits = scene_splits(pair.scene for pair in pairs)
    placed = (replace(one, split=splits[one.scene]) for one in pairs)
    return tuple(sorted(placed, key=lambda one: one.id)), tuple(left_out)


def _names(sessions: Sequence[Session]) -> list[str]:
    """A name for each session, by its folder; folders of one name are numbered."""
    slugs = [scene_slug(session.root.resolve().name) for session in sessions]
    seen: Counter[str] = Counter()
    names = []
    for slug in slugs:
        seen[slug] += 1
        names.append(f"{slug}-{seen[slug]}" if slugs.count(slug) > 1 else slug)
    return names


def _of_session(pair: Pair, session: str) -> Pair:
    scene = f"{session}-{pair.scene}" if NUMBERED.fullmatch(pair.scene) else pair.scene
    return replace(pair, id=f"{session}_{pair.id}", scene=scene)


def scene_remarks(pairs: Sequence[Pair], jobs: int) -> list[str]:
    """Scenes whose pairs show different views, in words: a split keeps them together."""
    scenes: dict[str, list[Path]] = defaultdict(list)
    for pair in pairs:
        scenes[pair.scene].append(pair.blurry if pair.sharp is None else pair.sharp)
    files = [path for paths in scenes.values() if len(paths) > 1 for path in paths]
    looks = dict(zip(files, in_processes(_look, files, jobs), strict=True))
    found = []
    for scene, paths in scenes.items():
        views = _views([look for path in paths if (look := looks.get(path)) is not None])
        if views > 1:
            found.append((f"scene {scene}", f"{len(paths)} pairs of {views} different views"))
    if found:
        found.append(("a scene is in one split", "name scenes with 'import --scene-list'"))
    return grouped(found, len(scenes) + 1, "scene")


def _look(path: Path) -> Fingerprint | None:
    try:
        return fingerprint(read_image(path))
    except ImageError:
        return None  # named by who measures the pair


def _views(looks: Sequence[Fingerprint]) -> int:
    """Number of pictures of which none may show the view of another."""
    views: list[Fingerprint] = []
    for look in looks:
        if not any(maybe_one_view(view, look) for view in views):
            views.append(look)
    return len(views)


def split_remarks(pairs: Sequence[Pair]) -> list[str]:
    """What is odd about the splits of a dataset, in words."""
    scenes = Counter(pair.scene for pair in pairs)
    if len(scenes) == 1:
        return ["one scene cannot be split, so it is for testing; to train, shoot more scenes"]
    counts = split_counts(pairs)
    remarks = [
        f"no pair is for {part}: {counted(len(scenes), 'scene')}, drawn by the hash of their "
        "names; 'defocus-data split' draws again"
        for part in empty_splits(pairs)
    ]
    largest, count = scenes.most_common(1)[0]
    if counts["test"] > counts["train"]:
        remarks.append(
            f"more pairs are for testing than for training: the scene '{largest}' has {count} of "
            f"{len(pairs)}"
        )
    return remarks


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
