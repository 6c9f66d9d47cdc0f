"""Scripted bodies plugged in: the whole back end runs in this process, on the body's clock."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from defocus.capture.links import child_link, retries
from defocus.capture.links.gphoto2 import child as child_process
from defocus.capture.links.gphoto2 import process, received
from defocus.capture.taking.shots import frames
from tests.capture.scripted.binding import binding_of
from tests.capture.scripted.body import BodyHangsError, ScriptedBody
from tests.capture.scripted.script import read_script

BODIES = Path(__file__).parent / "bodies"


class InProcessChild:
    """A :class:`child_link.Child` without a process; requests and answers are still JSON."""

    def __init__(
        self, bodies: list[ScriptedBody], _module: str, _environment: object
    ) -> None:
        self._holder = child_process.ChildCamera(
            clock=lambda: max(body.now for body in bodies)
        )
        self._ended = False

    def ask(self, do: str, *, within_seconds: float = 90.0, **request: Any) -> Any:
        del within_seconds
        if self._ended:
            raise child_link.ChildLostError("the camera's process was ended")
        asked = json.loads(json.dumps({"number": 1, "do": do, **request}))
        try:
            answer = json.loads(json.dumps(child_process.answer(self._holder, asked)))
        except BodyHangsError as error:
            self.end()
            raise child_link.ChildLostError(
                "the camera's process does not answer"
            ) from error
        if answer["ok"]:
            return answer["value"]
        raise child_link._error_of(answer)

    def end(self) -> None:
        self._ended = True


class Plugged:
    """Scripted bodies on USB, in the order of their ports."""

    def __init__(self, bodies: list[ScriptedBody]) -> None:
        self.bodies = bodies
        self.started = 0

    @property
    def body(self) -> ScriptedBody:
        return self.bodies[0]


def plug(monkeypatch: pytest.MonkeyPatch, *scripts: Path) -> Plugged:
    """Plug bodies in for the length of a test; time is theirs."""
    bodies = [ScriptedBody(read_script(path)) for path in scripts]
    plugged = Plugged(bodies)

    def start(module: str, environment: object) -> InProcessChild:
        plugged.started += 1
        return InProcessChild(bodies, module, environment)

    def sleep(seconds: float) -> None:
        for body in bodies:
            body.now += seconds

    time = SimpleNamespace(
        sleep=sleep, monotonic=lambda: max(body.now for body in bodies)
    )
    monkeypatch.setitem(sys.modules, "gphoto2", binding_of(bodies))
    monkeypatch.setattr(process, "Child", start)
    for module in (process, received, retries, frames):
        monkeypatch.setattr(module, "time", time)
    return plugged
