"""What extras add to a session: they read shots that belong to no pair, and say what these show.

Shot ``flat 0001`` has the lines ``flat-shot`` and ``flat-read`` in the journal, and its files in
``flats/0001``. These are the session's also where the extra is not there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from defocus.capture.sessions.lines import AddedReadLine, AddedShotLine
from defocus.capture.sessions.state import AddedShot, SessionState
from defocus.plugins.discovery import Kind, Shape
from defocus.reports.model import Part


class ShotWords(NamedTuple):
    """Words on what a shot shows.

    Attributes:
        whole: The words where they stand alone.
        short: The words next to a table of the shot's numbers.
    """

    whole: str
    short: str


class OpenSession(Protocol):
    """A session folder that only this process may write, as an addition sees it."""

    root: Path

    @property
    def state(self) -> SessionState:
        """The present state by the journal."""

    def added_read(
        self, word: str, number: int, found: Mapping[str, Any] | None, reason: str = ""
    ) -> None:
        """Record what was read in a shot of an addition, or why nothing was."""


@dataclass(frozen=True)
class LineKind:
    """A kind of line that an addition writes to the journal."""

    type: type[AddedShotLine | AddedReadLine]
    words: str  # what it is about, such as ``a shot of the flat field``


@dataclass(frozen=True)
class SessionAddition:
    """Addition of an extra to a session; it has no parts where there is nothing to show.

    Attributes:
        heading: Heading of its parts on the session's page; unique.
        read: Called by ``resume``: reads the shots that were not read yet, and writes to the
            journal what they show.
        parts: Makes its parts of the session's page, such as a :class:`~defocus.Table`.
        words: Makes the words on each shot, by the shot's name, such as ``flat 0001``.
        log_heading: Heading of its table in the session's log.
        log_parts: Makes that table.
        lines: Its lines in the journal by their events, such as ``flat-shot`` and ``flat-read``.

    Examples:
        >>> import defocus
        >>> from defocus.capture.sessions.additions import SessionAddition, ShotWords
        >>> weather = SessionAddition(
        ...     heading="Weather",
        ...     read=lambda session: None,
        ...     parts=lambda state: [defocus.Paragraph("Sunny.")],
        ...     words=lambda state: {"flat 0001": ShotWords("taken in sunshine", "sunshine")},
        ...     log_heading="Weather",
        ...     log_parts=lambda state: [],
        ... )
        >>> weather.words(None)["flat 0001"].short
        'sunshine'
    """

    heading: str
    read: Callable[[OpenSession], object]
    parts: Callable[[SessionState], Sequence[Part]]
    words: Callable[[SessionState], Mapping[str, ShotWords]]
    log_heading: str
    log_parts: Callable[[SessionState], Sequence[Part]]
    lines: Mapping[str, LineKind] = field(default_factory=dict)


SESSION_ADDITIONS: Kind[SessionAddition] = Kind(
    "sessions",
    Shape(lambda: SessionAddition, lambda addition: str(addition.heading)),
    word="addition to sessions",
)


def session_additions() -> list[SessionAddition]:
    """Additions of extras (folder ``sessions``) and of the entry points ``defocus.sessions``."""
    return [addition for _, addition in SESSION_ADDITIONS.values()]


def line_kinds() -> dict[str, LineKind]:
    """The kinds of lines of all additions, by their events."""
    kinds: dict[str, LineKind] = {}
    for addition in session_additions():
        kinds.update(addition.lines)
    return kinds


def declared_words() -> set[str]:
    """First words of the lines of the additions that are there."""
    return {event.partition("-")[0] for event in line_kinds()}


def added_words(state: SessionState) -> list[str]:
    """First words of additions' lines: of additions that are there, and of those in the journal."""
    return sorted(_journalled_words(state) | declared_words())


def foreign_words(state: SessionState) -> list[str]:
    """First words of lines in the journal whose additions are not there."""
    journalled = _journalled_words(state)
    return sorted(journalled - declared_words()) if journalled else []


def _journalled_words(state: SessionState) -> set[str]:
    return {added.shot.word for added in state.added.values()}


def left_to_read(state: SessionState) -> list[AddedShot]:
    """Shots that are not read yet and that an addition that is there reads."""
    left = [added for added in state.added.values() if added.read is None]
    if not left:
        return []
    words = declared_words()
    return [added for added in left if added.shot.word in words]
