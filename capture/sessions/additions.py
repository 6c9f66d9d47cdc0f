"""What extras add to a session: they read shots that are of no pair, and say what these show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import SessionState
from defocus.discovery import brought_values
from defocus.reports.model import Part


class ShotWords(NamedTuple):
    """What a shot shows: by itself, and beside a table of its numbers."""

    whole: str
    short: str


@dataclass(frozen=True)
class SessionAddition:
    """What an extra does with a session.

    Attributes:
        heading: Of its parts on the session's page.
        read: Reads and journals what was shot and is not read yet; ``resume`` calls it.
        parts: Of the session's page; none where there is nothing to show.
        words: What shots show, by their names, such as ``chart 0001``; for the log.
        log_heading: Of its table in the log.
        log_parts: That table; none where there is nothing to show.
    """

    heading: str
    read: Callable[[SessionFolder], object]
    parts: Callable[[SessionState], Sequence[Part]]
    words: Callable[[SessionState], Mapping[str, ShotWords]]
    log_heading: str
    log_parts: Callable[[SessionState], Sequence[Part]]


def session_additions() -> list[SessionAddition]:
    """Those in the folder ``sessions`` of extras, and of the entry points ``defocus.sessions``."""
    return [one for _, one in brought_values("sessions", SessionAddition)]
