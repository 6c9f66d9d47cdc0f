"""Pairs of one or several capture sessions, and what is odd about their scenes and splits."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from defocus.capture.sessions.session import Session, read_session
from defocus.capture.sessions.state import scene_slug
from defocus.datasets.pair import Pair, empty_splits, split_counts
from defocus.datasets.readers.session import session_pairs
from defocus.datasets.split import scene_splits
from defocus.errors import ImageError, InputError
from defocus.images import read_image
from defocus.isolation import LeftOut
from defocus.likeness import Fingerprint, fingerprint, maybe_one_view
from defocus.processes import in_processes
from defocus.progress import counted, grouped

__all__ = ["all_pairs", "scene_remarks", "sessions_of_folders", "split_remarks"]

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
