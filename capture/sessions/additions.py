"""What extras add to a session: they read shots that belong to no pair, and say what these show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import SessionState
from defocus.plugins.discovery import Kind, Shape
from defocus.reports.model import Part


class ShotWords(NamedTuple):
    """Words on what a shot shows: alone, and next to a table of its numbers."""

    whole: str
    short: str


@dataclass(frozen=True)
class SessionAddition:
    """What an extra does with a session; it has no parts where there is nothing to show."""

    heading: str  # of its parts on the session's page
    # and journals what is not read yet; for ``resume``
    read: Callable[[SessionFolder], object]
    parts: Callable[[SessionState], Sequence[Part]]  # of the session's page
    # by shot, such as ``chart 0001``
    words: Callable[[SessionState], Mapping[str, ShotWords]]
    log_heading: str  # of its table in the log
    log_parts: Callable[[SessionState], Sequence[Part]]  # that table


SESSION_ADDITIONS: Kind[SessionAddition] = Kind(
    "sessions",
    Shape(lambda: SessionAddition, lambda addition: str(addition.heading)),
    word="addition to sessions",
)


def session_additions() -> list[SessionAddition]:
    """Additions of extras (folder ``sessions``) and of the entry points ``defocus.sessions``."""
    return [addition for _, addition in SESSION_ADDITIONS.values()]
