"""What extras add to a session: they read shots that belong to no pair, and say what these show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import SessionState
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


@dataclass(frozen=True)
class SessionAddition:
    """Addition of an extra to a session; it has no parts where there is nothing to show.

    Attributes:
        heading: Heading of its parts on the session's page; unique.
        read: Called by ``resume``: reads the shots that were not read yet, and writes to the
            journal what they show.
        parts: Makes its parts of the session's page, such as a :class:`~defocus.Table`.
        words: Makes the words on each shot, by the shot's name, such as ``chart 0001``.
        log_heading: Heading of its table in the session's log.
        log_parts: Makes that table.

    Examples:
        >>> import defocus
        >>> from defocus.capture.sessions.additions import SessionAddition, ShotWords
        >>> weather = SessionAddition(
        ...     heading="Weather",
        ...     read=lambda session: None,
        ...     parts=lambda state: [defocus.Paragraph("Sunny.")],
        ...     words=lambda state: {"chart 0001": ShotWords("taken in sunshine", "sunshine")},
        ...     log_heading="Weather",
        ...     log_parts=lambda state: [],
        ... )
        >>> weather.words(None)["chart 0001"].short
        'sunshine'
    """

    heading: str
    read: Callable[[SessionFolder], object]
    parts: Callable[[SessionState], Sequence[Part]]
    words: Callable[[SessionState], Mapping[str, ShotWords]]
    log_heading: str
    log_parts: Callable[[SessionState], Sequence[Part]]


SESSION_ADDITIONS: Kind[SessionAddition] = Kind(
    "sessions",
    Shape(lambda: SessionAddition, lambda addition: str(addition.heading)),
    word="addition to sessions",
)


def session_additions() -> list[SessionAddition]:
    """Additions of extras (folder ``sessions``) and of the entry points ``defocus.sessions``."""
    return [addition for _, addition in SESSION_ADDITIONS.values()]
