"""Rebuild the state of a session from the lines of its journal."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from defocus.capture.planning.shoot_record import Read
from defocus.capture.sessions.additions import line_kinds
from defocus.capture.sessions.journal import Record
from defocus.capture.sessions.lines import (
    AddedReadLine,
    AddedShotLine,
    CreatedLine,
    DeletedLine,
    FileLine,
    JudgedLine,
    NoteLine,
    PairCompleteLine,
    PlannedLine,
    RetakeLine,
    ShotLine,
    StartedLine,
)
from defocus.capture.sessions.state import (
    SCHEMA,
    AddedShot,
    CompletePair,
    PlannedPair,
    SessionState,
    ShotPair,
)
from defocus.errors import DatasetError
from defocus.settings import document_problem

_KINDS: Mapping[str, type[Read]] = {
    "session-created": CreatedLine,
    "planned": PlannedLine,
    "pair-started": StartedLine,
    "file": FileLine,
    "pair-shot": ShotLine,
    "retake": RetakeLine,
    "deleted-on-card": DeletedLine,
    "pair-complete": PairCompleteLine,
    "judged": JudgedLine,
    "note": NoteLine,
}

_ADDED_KINDS: Mapping[str, type[AddedShotLine | AddedReadLine]] = {
    "shot": AddedShotLine,
    "read": AddedReadLine,
}
"""Types of the lines of additions by the last word of their events. An addition that is there
brings its own."""


def read_line(record: Mapping[str, Any]) -> Read | None:
    """Parse a journal line, None if the state does not depend on it; ``ValueError`` in a line."""
    event = record.get("event")
    if not isinstance(event, str):
        raise ValueError("it has no event")
    kind = _KINDS.get(event) or _added_kind(event)
    if kind is None:
        return None
    try:
        return kind.model_validate(record)
    except ValidationError as error:
        raise ValueError(document_problem(error, event)) from None


def _added_kind(event: str) -> type[AddedShotLine | AddedReadLine] | None:
    """The type of a line of an addition, such as ``flat-shot``; None for other lines."""
    _, _, step = event.partition("-")
    if step not in _ADDED_KINDS:
        return None
    declared = line_kinds().get(event)
    return _ADDED_KINDS[step] if declared is None else declared.type


def replay(
    records: Iterable[Record],
    journal: Path,
    read: Callable[[Record], Read | None] = read_line,
) -> SessionState:
    """Rebuild the state of a session from its untrusted journal; ``read`` may have a cache."""
    state = SessionState()
    for record in records:
        try:
            _apply(state, read(record))
        except ValueError as error:
            raise DatasetError(
                f"{journal}: line {record.get('n')} is invalid ({error}); restore the journal from "
                "a copy"
            ) from error
    if not state.id:
        raise DatasetError(
            f"{journal}: the journal has no first line; start a new session folder"
        )
    return state


def _apply(state: SessionState, line: Read | None) -> None:
    match line:
        case CreatedLine():
            _create(state, line)
        case PlannedLine():
            _plan(state, line)
        case FileLine():
            _note_places(state, line.pair, line)
        case StartedLine():
            state.begun.add(line.pair)
            state.shot.pop(line.pair, None)
        case ShotLine():
            state.shot[line.pair] = ShotPair(line.files, line.entry)
        case RetakeLine():
            state.shot.pop(line.pair, None)
            state.retakes[line.pair] += 1
        case DeletedLine():
            state.on_card.pop((line.pair, line.name), None)
        case PairCompleteLine():
            _complete(state, line)
        case JudgedLine() | NoteLine():
            _hear(state, line)
        case AddedShotLine() | AddedReadLine():
            _add(state, line)


def _create(state: SessionState, line: CreatedLine) -> None:
    if line.schema_number > SCHEMA:
        raise ValueError(f"session schema {line.schema_number}; update this package")
    state.id, state.created, state.software = line.id, line.time, line.software


def _add(state: SessionState, line: AddedShotLine | AddedReadLine) -> None:
    added = state.added.get(line.id)
    if isinstance(line, AddedShotLine):
        if added is not None:
            raise ValueError(f"{line.word} {line.number} is shot twice")
        state.added[line.id] = AddedShot(line)
        _note_places(state, line.id, line)
        return
    if added is None:
        raise ValueError(f"{line.word} {line.number} is read and was not shot")
    state.added[line.id] = AddedShot(added.shot, line)


def _note_places(
    state: SessionState, owner: str, line: FileLine | AddedShotLine
) -> None:
    for entry, place in zip(line.files, line.on_card, strict=False):
        state.on_card[owner, entry.name] = place


def _hear(state: SessionState, line: JudgedLine | NoteLine) -> None:
    """Apply what a person decided or noted."""
    if isinstance(line, NoteLine):
        state.notes[line.about] = line.text
        return
    judged = state.complete.get(line.pair)
    if judged is None:
        raise ValueError(f"pair {line.pair} is judged and not complete")
    state.complete[line.pair] = replace(
        judged, verdict=line.verdict, reason=line.reason
    )
    state.judged.add(line.pair)


def _plan(state: SessionState, line: PlannedLine) -> None:
    first = len(state.shoots)
    state.shoots.extend(line.shoots)
    state.series.extend(first for _ in line.shoots)
    for entry in line.pairs:
        if entry.id in state.planned:
            raise ValueError(f"pair {entry.id} is planned twice")
        state.planned[entry.id] = PlannedPair(
            entry.id,
            entry.number,
            entry.scene,
            first + entry.shoot,
            entry.focus_steps,
            entry.title,
        )


def _complete(state: SessionState, line: PairCompleteLine) -> None:
    if line.pair not in state.planned:
        raise ValueError(f"pair {line.pair} is complete and was not planned")
    if line.pair in state.complete:
        raise ValueError(f"pair {line.pair} is complete twice")
    state.shot.pop(line.pair, None)
    state.complete[line.pair] = CompletePair(
        line.pair,
        line.scene,
        line.verdict,
        line.reason,
        line.blurry,
        line.sharp,
        line.files,
    )
