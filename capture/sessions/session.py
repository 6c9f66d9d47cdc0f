"""Read the accepted pairs of a session folder, whose state is its ``journal.jsonl`` alone.

``session.json`` and ``checksums.sha256`` are made from it; ``pairs/0001_scene/`` has originals."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from defocus.capture.sessions.additions import declared_words, foreign_words
from defocus.capture.sessions.journal import read_journal
from defocus.capture.sessions.lines import StoredFile
from defocus.capture.sessions.replay import replay
from defocus.capture.sessions.state import (
    SCHEMA,
    AddedShot,
    CompletePair,
    SessionState,
    file_path,
)
from defocus.errors import DatasetError, FileError
from defocus.processes.isolation import LeftOut, attempt, parted
from defocus.reading import Json, intact, read_json
from defocus.storage.files import sha256_file

INDEX = "session.json"


def index_document(state: SessionState) -> Json:
    """The document that the journal's state makes, without additions that are not there."""
    planned = []
    for pair in state.planned.values():
        entry = asdict(pair)
        if not pair.title:  # as in earlier documents; most pairs need none
            del entry["title"]
        planned.append(entry)
    verdicts = {}
    for pair in sorted(state.planned.values(), key=lambda pair: pair.number):
        complete = state.complete.get(pair.id)
        verdicts[pair.id] = "incomplete" if complete is None else complete.verdict
    return {
        "schema": SCHEMA,
        "id": state.id,
        "created": state.created,
        "software": state.software,
        "units": "EV, seconds, mm, um, px as the names end; f-numbers and ISO plain",
        "shoots": [shoot.to_json() for shoot in state.shoots],
        "series": state.series,
        "planned": planned,
        **_added(state),
        "notes": {about: text for about, text in state.notes.items() if text},
        "pairs": verdicts,
    }


def _added(state: SessionState) -> Json:
    """The shots of each addition that is there, such as ``flats``."""
    document = {}
    for word in sorted(declared_words()):
        document[f"{word}s"] = list(map(_lines_about, state.added_by(word)))
    return document


def _lines_about(added: AddedShot) -> Json:
    """A shot of an addition: its journal lines."""
    read = None if added.read is None else added.read.model_dump(mode="json")
    return {"shot": added.shot.model_dump(mode="json"), "read": read}


def foreign_entries(root: Path, state: SessionState) -> Json:
    """What additions wrote to ``session.json`` that are not there now: only they can make it."""
    keys = [f"{word}s" for word in foreign_words(state)]
    document = read_document(root / INDEX) if keys else {}
    return {key: document[key] for key in keys if key in document}


def read_document(path: Path) -> Json:
    """A JSON object of the session; empty if it is lost."""
    with contextlib.suppress(OSError, ValueError, FileError):
        document = read_json(path)
        if isinstance(document, dict):
            return document
    return {}


def index_problem(root: Path, state: SessionState) -> str:
    """What is wrong with the document of a session folder; empty if it agrees with the journal."""
    path = root / INDEX
    try:
        document = read_json(path)
    except FileNotFoundError:
        return f"{path}: missing"
    except (OSError, ValueError) as error:
        return f"{path}: damaged ({error})"
    expected = json.loads(json.dumps(index_document(state)))
    if not isinstance(document, dict):
        return f"{path}: damaged (no table)"
    for key, value in expected.items():  # earlier documents lack some
        if (key in document or key in ("id", "pairs")) and document.get(key) != value:
            return f"{path}: '{key}' is not what the journal says"
    return ""


JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class SessionPair:
    """A complete pair that was not rejected; read its originals by ``images.read_pair``."""

    id: str
    scene: str  # pairs of one scene must not be shared between splits
    blurry: Path
    sharp: Path
    # ``warn``: ``metadata["reason"]`` says what to check
    verdict: Literal["accept", "warn"]
    metadata: Mapping[str, Any]  # ``pair.json``: roles, exposure, quality, camera
    truth_flow: Path | None = (
        None  # ``(2, H, W)``, blurry to sharp, px; simulated cameras
    )
    truth_image: Path | None = None  # all in focus, in the geometry of ``blurry``
    defocus_map: Path | None = (
        None  # ``(H, W)``, signed diameter, px; simulated cameras
    )


@dataclass(frozen=True)
class Session:
    """The usable pairs of a session folder, sorted by id; ``left_out`` lost or changed a file."""

    root: Path
    id: str
    pairs: tuple[SessionPair, ...]
    torn_bytes: int = 0
    left_out: tuple[LeftOut, ...] = ()


def read_session(path: Path, *, verify: bool = True, damaged: bool = False) -> Session:
    """Read the usable pairs of a session folder, as the journal says; no lock is needed.

    ``verify`` hashes every file; ``damaged`` leaves out pairs of missing or changed files, by name.
    """
    state, torn_bytes = read_state(path)
    usable = state.accepted
    if not damaged:
        pairs = tuple(_read_pair(path, pair, verify=verify) for pair in usable)
        return Session(path, state.id, pairs, torn_bytes)
    whole, left_out = parted(
        attempt(pair.id, partial(_read_pair, path, pair, verify=verify))
        for pair in usable
    )
    return Session(path, state.id, tuple(whole), torn_bytes, left_out)


def has_begun(root: Path) -> bool:
    """Whether there is a session; without a first line in its journal it has not begun."""
    # A command that was killed in its first milliseconds leaves an empty journal, or half a line.
    path = root / JOURNAL
    return path.exists() and bool(read_journal(path).records)


def read_state(path: Path) -> tuple[SessionState, int]:
    """The state of a session folder and the length of a torn last journal line."""
    if not path.is_dir():
        raise DatasetError(f"{path}: no such session folder; check the path")
    content = read_journal(path / JOURNAL)
    return replay(content.records, path / JOURNAL), content.torn_bytes


def file_problem(
    root: Path, owner: str, stored: StoredFile, *, verify: bool = True
) -> str:
    """Problem of a file of a pair or another shot, by hash or else by size; empty if unchanged."""
    path = file_path(root, owner, stored.name)
    if not path.is_file():
        return f"{stored.name} is missing"
    if not path.resolve().is_relative_to(root.resolve()):
        return f"{stored.name} is a link that leaves the session folder"
    if path.stat().st_size != stored.bytes:
        return f"{stored.name} has {path.stat().st_size} bytes, not {stored.bytes}"
    if verify and sha256_file(path) != stored.sha256:
        return f"{stored.name} has changed since it was taken"
    return ""


def _read_pair(root: Path, pair: CompletePair, *, verify: bool) -> SessionPair:
    for stored in pair.files:
        if problem := file_problem(root, pair.id, stored, verify=verify):
            raise DatasetError(
                f"{root}: pair {pair.id}: {problem}; see 'defocus-capture check {root}'"
            )
    names = {stored.name for stored in pair.files}

    def truth(name: str) -> Path | None:
        if f"truth/{name}" in names:
            return file_path(root, pair.id, f"truth/{name}")
        return None

    return SessionPair(
        id=pair.id,
        scene=pair.scene,
        blurry=file_path(root, pair.id, pair.blurry),
        sharp=file_path(root, pair.id, pair.sharp),
        verdict="warn" if pair.verdict == "warn" else "accept",
        metadata=_metadata(file_path(root, pair.id, "pair.json")),
        truth_flow=truth("flow.npy"),
        truth_image=truth("all_in_focus.tif"),
        defocus_map=truth("defocus_map.npy"),
    )


def _metadata(path: Path) -> Json:
    with intact(path, "restore it from a copy", DatasetError, OSError):
        document = read_json(path)
        if not isinstance(document, dict):
            raise TypeError("not a JSON object")
        return document
