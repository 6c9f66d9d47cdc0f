"""Work on many items, each by itself: a failure of one is reported in a line, the others go on.

Only errors of storing, an interruption and errors of the request stop everything."""

import os
import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import TypeVar

from defocus.errors import (
    NO_MEMORY,
    STORAGE_ERRNOS,
    DefocusError,
    InterruptedWorkError,
    KilledError,
    RegistryError,
    SettingsError,
    StorageError,
    WeightsError,
    lacks_memory,
    what_program_lacks,
)
from defocus.progress import grouped, log, say, several, telling

T = TypeVar("T")
R = TypeVar("R")

OF_THE_REQUEST = (
    InterruptedWorkError,
    RegistryError,
    SettingsError,
    WeightsError,
)
"""Errors that every other item would meet too, and the person's wish to end."""


@dataclass(frozen=True)
class LeftOut:
    """One of many items, and why there is no result for it, in one line."""

    id: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """One of the objects ``left_out`` of a command's ``--json``."""
        return {"id": self.id, "reason": self.reason}


@dataclass(frozen=True)
class Killed(LeftOut):
    """One of many items whose processes were killed; it is never stored as unreadable."""


def require_none_killed(results: Iterable[object], thing: str) -> None:
    """Raise :class:`KilledError` if the result of an item is that its processes were killed."""
    killed = [one for one in results if isinstance(one, Killed)]
    if killed:
        names = several([one.id for one in killed])
        raise KilledError(
            f"{thing} {names}: {killed[0].reason}; then give the same command again"
        )


def attempt(
    name: str,
    work: Callable[[], R],
    errors: tuple[type[BaseException], ...] = (Exception, SystemExit),
) -> R | LeftOut:
    """The result of work on one of many items, or why there is none."""
    # Only what stops everything, or is not among ``errors``, comes out of it.
    try:
        return work()
    except errors as error:
        return left_out_by(name, error)


def attempt_named(
    work: Callable[[T], R],
    named: tuple[str, T],
) -> tuple[str, R | LeftOut]:
    """The name of one of many items, and the result of work on it or why there is none."""
    name, thing = named
    return name, attempt(name, partial(work, thing))


def left_out_by(name: str, error: BaseException) -> LeftOut:
    """Why there is no result for one of many items; what stops everything is raised again."""
    lacking = what_program_lacks(error)
    if lacking and not isinstance(error, OSError | StorageError):
        # on its way out of a process it loses the error that it comes from
        raise StorageError(lacking) from error
    if stops_everything(error):
        raise error
    return LeftOut(name, reason_of(error))


def parted(results: Iterable[R | LeftOut]) -> tuple[list[R], tuple[LeftOut, ...]]:
    """The results that there are, and what was left out."""
    values = []
    left_out = []
    for result in results:
        if isinstance(result, LeftOut):
            left_out.append(result)
        else:
            values.append(result)
    return values, tuple(left_out)


def stops_everything(error: BaseException) -> bool:
    """Whether an error ends the work on all items, not only on the one that it came from."""
    if isinstance(error, StorageError):
        return error.everywhere
    if what_program_lacks(error):
        return True
    if isinstance(error, OSError) and error.errno in STORAGE_ERRNOS:
        return True
    if isinstance(error, OF_THE_REQUEST):
        return True
    return not isinstance(error, Exception | SystemExit)


PLUGIN = "defocus_plugin_"
"""Prefix of the import names of plug-ins."""


def plugin_fault(
    error: BaseException,
    place: str = "",
    what: str = "",
    folder: Path | None = None,
) -> str:
    """An error in the code of a plug-in, in one line; empty if no plug-in has part in it."""
    # Without a place, it is the last line of a plug-in that the error came through.
    for frame, line in () if place else traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__")).startswith(PLUGIN):
            place = f"{frame.f_code.co_filename}:{line}"
    if not place:
        return ""
    from pydantic import ValidationError

    from defocus.settings import document_problem

    reason = str(error.msg if isinstance(error, SyntaxError) else error)
    if isinstance(error, ValidationError):  # its own text has many lines
        reason = document_problem(error, "settings")
    reason = re.sub(rf"\b{PLUGIN}\w+?_[0-9a-f]{{12}}\.", "", reason)
    reason = cut(reason)
    remedy = "correct it there"
    if isinstance(error, ModuleNotFoundError):
        remedy = f"install it, or put it into {folder or Path(place).parent}"
    return f"plug-in {place}: {what}{type(error).__name__}: {reason}; {remedy}"


def cut(text: object, width: int = 300) -> str:
    """A text in one line, without its end where it is longer."""
    return shorten(str(text), width, placeholder=" …")


def reason_of(error: BaseException) -> str:
    """Why something was left out, in one line; an unforeseen error is named as such and logged."""
    text = " ".join(str(error).split())
    if isinstance(error, DefocusError):
        return text
    if isinstance(error, OSError) and error.errno and error.strerror:
        if not error.filename:
            return f"the system says: {error.strerror}; run the same command again"
        reason = _SYSTEM.get(type(error), f"{error.strerror}; check the path")
        return f"{os.fsdecode(error.filename)}: {reason}"
    if lacks_memory(error):
        return NO_MEMORY
    origin = "".join(traceback.format_exception(error)).rstrip()
    if telling.verbose:
        for line in origin.splitlines():
            say(line)
    else:
        log(origin)
    unforeseen = (
        f"unforeseen {type(error).__name__}: {cut(text)}; please "
        "report it, with the traceback that --log-file FILE keeps"
    )
    return plugin_fault(error) or unforeseen


_SYSTEM: dict[type[OSError], str] = {
    FileNotFoundError: "no such file or folder",
    PermissionError: "no permission to read it; change its mode or copy it",
}


def say_left_out(
    left_out: Iterable[LeftOut],
    of: int,
    thing: str,
) -> None:
    """Say what was left out and why, alike reasons together."""
    reasons = (
        (f"{thing} {one.id} is left out", one.reason.removeprefix(f"{one.id}: "))
        for one in left_out
    )
    for line in grouped(reasons, of, thing):
        say(line, error=True)
