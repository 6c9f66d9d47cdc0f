"""Make a dataset folder from capture sessions.

``pairs/<id>/`` has pictures, truth of simulated cameras and ``pair.json``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from defocus.capture.planning.scene_list import scene_slug
from defocus.capture.sessions.session import Session, read_session
from defocus.cluster.dispatcher import each
from defocus.datasets.deriving.aligned_reference import measured_alone
from defocus.datasets.deriving.maker import (
    Derivation,
    Derived,
    kept_record,
    make_dataset,
)
from defocus.datasets.deriving.parts import copy_file, place_pair
from defocus.datasets.pair import (
    Pair,
    by_id,
    empty_splits,
    scene_splits,
    sorted_by_id,
    split_counts,
    with_files,
)
from defocus.datasets.readers.session import session_pairs
from defocus.errors import DatasetError, ImageError, InputError
from defocus.likeness import Fingerprint, fingerprint, maybe_one_view
from defocus.pictures.read import read_image
from defocus.pictures.values import FULL
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import counted, grouped
from defocus.reading import Json
from defocus.storage.files import write_json

NUMBERED = re.compile(r"scene-\d+")
"""Names of scenes that nobody named: in another session they are other scenes."""


def sessions_of_folders(folders: Sequence[Path]) -> tuple[Session, ...]:
    """The sessions of some folders; one that is given twice is refused."""
    sessions = tuple(read_session(folder, damaged=True) for folder in folders)
    ids = [session.id for session in sessions]
    for session in sessions:
        if ids.count(session.id) > 1:
            raise InputError(
                f"{session.root}: this session is given twice; give each once"
            )
    return sessions


def all_pairs(
    sessions: Sequence[Session],
) -> tuple[tuple[Pair, ...], tuple[LeftOut, ...]]:
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
    return tuple(sorted_by_id(placed)), tuple(left_out)


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


def scene_remarks(pairs: Sequence[Pair], where: Where) -> list[str]:
    """Scenes whose pairs show different views, in words: a split keeps them together."""
    scenes: dict[str, list[Path]] = defaultdict(list)
    for pair in pairs:
        scenes[pair.scene].append(pair.blurry if pair.sharp is None else pair.sharp)
    several = chain.from_iterable(one for one in scenes.values() if len(one) > 1)
    looks = dict(each(_look, {str(path): path for path in several}, where))
    remarks = []
    for scene, paths in scenes.items():
        of_scene = [looks.get(str(path)) for path in paths]
        views = _views([look for look in of_scene if isinstance(look, Fingerprint)])
        if views > 1:
            remarks.append(
                (f"scene {scene}", f"{len(paths)} pairs of {views} different views")
            )
    if remarks:
        remarks.append(
            ("a scene is in one split", "name scenes with 'import --scene-list'")
        )
    return grouped(remarks, len(scenes) + 1, "scene")


def _look(path: Path) -> Fingerprint | None:
    try:
        return fingerprint(read_image(path, FULL))
    except ImageError:
        return None  # named by who measures the pair


def _views(looks: Sequence[Fingerprint]) -> int:
    """Number of pictures that may show different views."""
    views: list[Fingerprint] = []
    for look in looks:
        if not any(maybe_one_view(view, look) for view in views):
            views.append(look)
    return len(views)


def split_remarks(pairs: Sequence[Pair]) -> list[str]:
    """Oddities of the splits of a dataset, in words."""
    scenes = Counter(pair.scene for pair in pairs)
    if len(scenes) == 1:
        return [
            "one scene cannot be split, so it is for testing; to train, shoot more scenes"
        ]
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


TRUTH_ROLES = ("truth", "flow", "defocus_map")
GEOMETRY = ("shift_px", "zoom", "rotation_deg")
LIGHT = ("gain_ev", "gain", "offset")


@dataclass(frozen=True)
class Import(Derived):
    """The dataset of an import."""

    # pairs whose misalignment could not be measured, with the reason
    unknown: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()  # what is odd about scenes and splits


def import_sessions(folders: Sequence[Path], out: Path, where: Where = 1) -> Import:
    """Make a manifest dataset from sessions' accepted pairs, with their measured misalignment."""
    sessions = sessions_of_folders(folders)
    originals, damaged = all_pairs(sessions)
    ids = [session.id for session in sessions]
    how = Derivation(
        "import",
        {"session": ids[0]} if len(ids) == 1 else {"sessions": ids},
        by_id(originals),
        _write,
        _pairs,
        title="importing",
        origin=str(folders[0]),
    )
    dataset = make_dataset(out, how, where)
    measured: Json = {p.id: p.metadata["measured_misalignment"] for p in dataset.pairs}
    unknown = tuple(
        LeftOut(name, one["reason"])
        for name, one in measured.items()
        if one["status"] == "unknown"
    )
    remarks = (*scene_remarks(dataset.pairs, where), *split_remarks(dataset.pairs))
    return Import(out, dataset.pairs, (*damaged, *dataset.left_out), unknown, remarks)


def _pairs(original: Pair, folder: Path) -> Iterator[Pair]:
    """The pair in its folder of the dataset."""
    document = kept_record(folder / "pair.json")
    yield with_files(
        replace(original, metadata=document["metadata"]), folder, document["files"]
    )


def _write(original: Pair, folder: Path) -> None:
    if original.sharp is None:
        raise DatasetError(f"pair {original.id} has no sharp picture; shoot it again")
    blurry, sharp = place_pair(original.blurry, original.sharp, folder)
    files = {"blurry": blurry.name, "sharp": sharp.name}
    for role in TRUTH_ROLES:
        source: Path | None = getattr(original, role)
        if source is not None:
            files[role] = f"{role}{source.suffix.lower()}"
            copy_file(source, folder / files[role])
    *_, measurement = measured_alone(blurry, sharp)
    own = measurement.misalignment.to_json()
    measured = _geometry_of_companion(original.metadata, own)
    metadata = {**original.metadata, "measured_misalignment": measured}
    write_json(folder / "pair.json", {"files": files, "metadata": metadata})


def _geometry_of_companion(
    metadata: Mapping[str, Any], measured: Mapping[str, Any]
) -> Json:
    """The measurement with ``measured_on``; the geometry is the companion's, if there is one."""
    # A companion (the narrow aperture at the focus of the blurry shot) has its geometry without its
    # blur. The exposure is that of the blurry picture itself: its blur affects the geometry alone.
    companion = metadata.get("quality", {}).get("misalignment", {})
    if companion.get("measured_on") != "companion" or companion.get("status") != "ok":
        return {**measured, "measured_on": "blurry"}
    return {
        **dict.fromkeys(measured),
        **{key: measured[key] for key in LIGHT},
        "residual_px": {"median": None, "p95": None},
        "reason": "",
        **{
            key: companion[key]
            for key in ("status", *GEOMETRY, "measured_on", "measured_at_scale")
        },
    }
