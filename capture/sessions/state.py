"""What a session's journal says: which pairs were planned, which are complete, with which files."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from defocus.capture.sessions.journal import Record
from defocus.errors import DatasetError

__all__ = [
    "SCHEMA",
    "CompletePair",
    "PlannedPair",
    "SessionState",
    "StoredFile",
    "Verdict",
    "complete_record",
    "file_path",
    "is_file_name",
    "replay",
    "scene_slug",
]

SCHEMA = 1
"""Version of the session folder; a reader refuses a higher one."""

Verdict = Literal["accept", "warn", "reject"]

_PAIR_ID = re.compile(r"\d{4,6}_[a-z0-9][a-z0-9-]{0,63}")
_FILE_NAME = re.compile(r"(truth/)?[a-z0-9_-]+\.[a-z0-9]{1,5}")
_VERDICTS: tuple[Verdict, ...] = ("accept", "warn", "reject")


@dataclass(frozen=True)
class StoredFile:
    """A file of a pair: name inside the pair's folder, SHA-256 in hexadecimal, size."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class PlannedPair:
    """A pair that was asked for.

    Attributes:
        id: ``NNNN_scene``.
        number: From 1.
        scene: Its name as it stands in file names.
        shoot: Index of the ``planned`` line that asked for it.
        focus_steps: How far the focus of the blurry frame lies from that of the sharp one, in steps
            of the focus motor; positive is farther.
    """

    id: str
    number: int
    scene: str
    shoot: int
    focus_steps: int = 0


@dataclass(frozen=True)
class CompletePair:
    """A pair whose last journal line is written; ``blurry`` and ``sharp`` are file names."""

    id: str
    scene: str
    verdict: Verdict
    reason: str
    blurry: str
    sharp: str
    files: tuple[StoredFile, ...]


@dataclass
class SessionState:
    """The session as the journal tells it."""

    id: str = ""
    created: str = ""
    software: dict[str, Any] = field(default_factory=dict)
    shoots: list[dict[str, Any]] = field(default_factory=list)
    planned: dict[str, PlannedPair] = field(default_factory=dict)
    complete: dict[str, CompletePair] = field(default_factory=dict)

    @property
    def incomplete(self) -> list[PlannedPair]:
        """Planned pairs that are not complete, in the order of their numbers."""
        missing = [pair for pair in self.planned.values() if pair.id not in self.complete]
        return sorted(missing, key=lambda pair: pair.number)

    @property
    def next_number(self) -> int:
        """The number of the next new pair, from 1."""
        return 1 + max((pair.number for pair in self.planned.values()), default=0)


def replay(records: Iterable[Record], journal: Path) -> SessionState:
    """Rebuild the state of a session from its journal.

    Args:
        records: The journal's lines; read as untrusted text.
        journal: The journal's path, for messages.

    Raises:
        DatasetError: A line lacks a field, or holds an id or a file name we would not write.
    """
    state = SessionState()
    for record in records:
        try:
            _apply(state, record)
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{journal}: line {record.get('n')} is not one of ours ({error}); "
                "restore the journal from a copy"
            ) from error
    if not state.id:
        raise DatasetError(f"{journal}: the journal has no first line; start a new session folder")
    return state


def _apply(state: SessionState, record: Record) -> None:
    event = record["event"]
    if event == "session-created":
        if record["schema"] > SCHEMA:
            raise ValueError(f"session schema {record['schema']}; update this package")
        state.id, state.created = str(record["id"]), str(record["time"])
        state.software = dict(record["software"])
    elif event == "planned":
        state.shoots.append(dict(record["shoot"]))
        for pair in record["pairs"]:
            planned = PlannedPair(
                checked(_PAIR_ID, pair["id"]),
                int(pair["number"]),
                str(pair["scene"]),
                len(state.shoots) - 1,
                int(pair.get("focus_steps", 0)),
            )
            state.planned[planned.id] = planned
    elif event == "pair-complete":
        complete = _complete_pair(record)
        if complete.id in state.complete:
            raise ValueError(f"pair {complete.id} is complete twice")
        state.complete[complete.id] = complete
    elif event == "judged":
        judged = state.complete[record["pair"]]
        verdict, reason = _checked_verdict(record["verdict"]), str(record["reason"])
        state.complete[judged.id] = replace(judged, verdict=verdict, reason=reason)


def _complete_pair(record: Record) -> CompletePair:
    files = tuple(
        StoredFile(checked(_FILE_NAME, entry["name"]), str(entry["sha256"]), int(entry["bytes"]))
        for entry in record["files"]
    )
    names = {entry.name for entry in files}
    if not {record["blurry"], record["sharp"], "pair.json"} <= names:
        raise ValueError("a member of the pair is missing from its files")
    return CompletePair(
        checked(_PAIR_ID, record["pair"]),
        str(record["scene"]),
        _checked_verdict(record["verdict"]),
        str(record["reason"]),
        record["blurry"],
        record["sharp"],
        files,
    )


def _checked_verdict(text: object) -> Verdict:
    for verdict in _VERDICTS:
        if text == verdict:
            return verdict
    raise ValueError(f"verdict {text!r}")


def checked(pattern: re.Pattern[str], text: object) -> str:
    """``text`` where the whole of it matches.

    Raises:
        ValueError: It does not.
    """
    if not isinstance(text, str) or pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is refused as a name")
    return text


def is_file_name(name: str) -> bool:
    """Whether a file of that name may lie in a pair's folder."""
    return _FILE_NAME.fullmatch(name) is not None


def complete_record(pair: CompletePair) -> dict[str, Any]:
    """The fields of the ``pair-complete`` line of a pair."""
    fields = asdict(pair)
    fields["pair"] = fields.pop("id")
    fields["files"] = [asdict(entry) for entry in pair.files]
    return fields


def file_path(root: Path, pair_id: str, name: str) -> Path:
    """Where a file of a pair lies; ``name`` was checked by :func:`replay`."""
    return root / "pairs" / pair_id / PurePosixPath(name)


def scene_slug(name: str) -> str:
    """A scene's name as it stands in file names: letters a-z, digits and hyphens.

    Letters of other scripts are left out, so that the names are the same on every file system.

    Raises:
        DatasetError: Nothing is left of it.

    Example:
        >>> scene_slug("Book shelf, 2nd")
        'book-shelf-2nd'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].strip("-")
    if not slug:
        raise DatasetError(f"scene name {name!r} has no letter a-z or digit; give another")
    return slug
