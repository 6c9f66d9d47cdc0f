"""Shooting as the commands do it: ask, shoot, tell, and leave the session valid at any end."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import click

from defocus.capture.cameras.camera import CameraDescription, open_camera
from defocus.capture.folder import SessionFolder, open_session_folder
from defocus.capture.journal import Record
from defocus.capture.plan import Plan
from defocus.capture.request import BracketRequest
from defocus.capture.shooting import new_pairs, shoot_pairs
from defocus.capture.state import PlannedPair
from defocus.commandline import json_output
from defocus.errors import DatasetError, InputError
from defocus.progress import say

__all__ = ["resume_session", "shoot_new"]

SETTLE_SECONDS = 1.5
"""Time for a mirror and a tripod to come to rest."""


class Asker:
    """Asks the person at the terminal.

    Attributes:
        answered: Whether everything counts as answered, as with ``--yes``.
    """

    def __init__(self, *, answered: bool) -> None:
        self.answered = answered
        self._scene: str | None = None

    def require_person(self) -> None:
        """Refuse to go on where somebody must be asked and nobody can be.

        Raises:
            InputError: There is no terminal.
        """
        if not self.answered and not sys.stdin.isatty():
            raise InputError("nobody is at the terminal to confirm the plan; add --yes")

    def confirm(self, plan: Plan, pairs: int) -> None:
        """Show a plan and ask whether to go on.

        Raises:
            click.Abort: The answer is no.
            InputError: There is no terminal.
        """
        self.require_person()
        for line in plan.lines():
            say(line)
        if not self.answered:
            click.confirm(f"shoot {pairs} pair(s)?", abort=True, err=True)

    def scene_ready(self, pair: PlannedPair) -> None:
        """Before the first pair of a further scene, wait until the camera stands."""
        if self._scene not in (None, pair.scene) and not self.answered:
            click.prompt(
                f"set up scene '{pair.scene}', then press Enter",
                default="",
                show_default=False,
                err=True,
            )
        self._scene = pair.scene


@contextlib.contextmanager
def journalled_session(path: Path, *, create: bool, json_lines: bool) -> Iterator[SessionFolder]:
    """A session folder whose journal lines go to stdout as JSON lines, or to people as text."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminated_as_interrupted())
        tell: Callable[[Record], None] = _tell
        if json_lines:
            out = stack.enter_context(json_output())
            tell = out.write
        yield stack.enter_context(open_session_folder(path, create=create, listener=tell))


def _tell(record: Record) -> None:
    if record["event"] == "pair-complete":
        reason = f": {record['reason']}" if record["reason"] else ""
        say(f"{record['pair']}  {record['verdict']}{reason}")
    elif record["event"] == "recovered":
        say(f"the last journal line was torn ({record['torn_bytes']} bytes); it did not count yet")
    elif record["event"] == "pair-set-aside":
        say(f"{record['pair']}  was cut short; its files are in {record['folder']}")


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the work like Ctrl-C does, so that the camera's settings are put back."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def shoot_new(
    path: Path,
    uri: str,
    request: BracketRequest,
    *,
    scene: str | None,
    scenes: int,
    repeat: int,
    settle_seconds: float | None,
    yes: bool,
    json_lines: bool,
) -> int:
    """Add pairs to a session, new or not; the command ``shoot``.

    Returns:
        Exit code: 1 where a pair was rejected, else 0.

    Raises:
        DatasetError: The session has incomplete pairs, or is in use.
        CameraError: No camera (exit code 3), or it was lost (4).
        StorageError: The disk is full.
    """
    asker = Asker(answered=yes)
    asker.require_person()
    with open_camera(uri) as camera:
        plan = request.plan(camera)
        asker.confirm(plan, scenes * repeat)
        with journalled_session(path, create=True, json_lines=json_lines) as folder:
            if folder.state.incomplete:
                raise DatasetError(
                    f"{path}: pair {folder.state.incomplete[0].id} is incomplete; "
                    f"run 'defocus-capture resume {path}' first"
                )
            pairs = new_pairs(folder.state, scene, scenes=scenes, repeat=repeat)
            if settle_seconds is None:
                settle_seconds = 0.0 if plan.camera.simulated else SETTLE_SECONDS
            folder.plan(
                {
                    **plan.to_json(),
                    "max_seconds": request.max_seconds,
                    "settle_seconds": settle_seconds,
                    "confirmed_by_yes": yes,
                },
                pairs,
            )
            shoot_pairs(
                folder,
                camera,
                pairs,
                plan.bracket,
                settle_seconds=settle_seconds,
                ready=asker.scene_ready,
            )
            return _exit_code(folder, pairs)


def resume_session(path: Path, *, uri: str | None, yes: bool, json_lines: bool) -> int:
    """Shoot the incomplete pairs of a session; the command ``resume``.

    A plan that ``--yes`` confirmed is not asked about again, unless the camera is another one.

    Returns:
        Exit code: 1 where one of them was rejected, else 0.

    Raises:
        DatasetError: No session there, or in use.
        CameraError: No camera (exit code 3), or it was lost (4).
        StorageError: The disk is full.
    """
    asker = Asker(answered=yes)
    with journalled_session(path, create=False, json_lines=json_lines) as folder:
        incomplete = folder.state.incomplete
        say(f"{len(folder.state.complete)} pairs complete, {len(incomplete) or 'nothing'} to shoot")
        for index, group in groupby(incomplete, key=lambda pair: pair.shoot):
            shoot, pairs = folder.state.shoots[index], list(group)
            with open_camera(uri or str(shoot["camera"]["uri"])) as camera:
                plan = BracketRequest.from_shoot(shoot).plan(camera)
                asker.answered = yes or _confirmed(shoot, plan.camera)
                asker.confirm(plan, len(pairs))
                shoot_pairs(
                    folder,
                    camera,
                    pairs,
                    plan.bracket,
                    settle_seconds=float(shoot["settle_seconds"]),
                    ready=asker.scene_ready,
                )
        return _exit_code(folder, incomplete)


def _confirmed(shoot: Mapping[str, Any], camera: CameraDescription) -> bool:
    """Whether a shoot was confirmed by ``--yes`` and this is the camera that it was planned for."""
    then, now = shoot["camera"], camera.to_json()
    same = ["model", "serial"] if camera.serial else ["model", "uri"]
    return shoot.get("confirmed_by_yes") is True and all(then.get(key) == now[key] for key in same)


def _exit_code(folder: SessionFolder, pairs: list[PlannedPair]) -> int:
    complete = folder.state.complete
    return int(any(complete[pair.id].verdict == "reject" for pair in pairs))
