"""ONVIF focus motor: absolute, relative or continuous moves, whichever works.

One works if it changed the gradient energy: some (Dahua) report success without moving."""

import time
from collections.abc import Callable
from typing import Any

from defocus.errors import CameraError
from defocus.extras.networkcams.onvif.client import OnvifClient, RefusedError
from defocus.progress import say

STEPS_OF_TRAVEL = 200
"""One step is this part of the whole travel, as far as the camera reports its travel."""

FULL_TRAVEL_SECONDS = 4.0
"""What a continuous move at full speed is taken to need for the whole travel."""

PROBES = (0.1, -0.3, 0.3)
"""Parts of the travel that a way of moving is tried with; at an end only one direction is left."""

LEAST_CHANGE = 0.05
"""A change below a twentieth proves nothing."""

NOISE_FACTOR = 4.0
MOVE_SECONDS = 15.0
POLL_SECONDS = 0.2
LOOKS = 4
LOOK_SECONDS = 0.5
"""Some cameras serve a snapshot for a second or more; a change is looked for several times."""

Way = Callable[[float], float]
"""Moves by a signed part of the travel, and returns the part that was driven."""


class FocusDrive:
    """The focus motor of one video source.

    Positive steps are assumed to be towards far, which ONVIF does not define."""

    def __init__(
        self,
        client: OnvifClient,
        video_source: str,
        options: dict[str, Any],
        energy: Callable[[], float],
    ) -> None:
        self._client, self._source = client, video_source
        self._energy = energy
        self.options = options
        self.way = ""  # the kind of move that works; empty before the first

    def move(self, steps: int) -> int:
        """Move by steps of 1/200 of the range, and wait until the motor stops; the steps moved.

        They are fewer at an end stop; no way that moves the picture is ``CameraError``."""
        if not self.way:
            self.way = self._find_way()
        return round(self._ways()[self.way](steps / STEPS_OF_TRAVEL) * STEPS_OF_TRAVEL)

    def _ways(self) -> dict[str, Way]:
        """The camera's kinds of moves, most exact first."""
        ways: dict[str, Way] = {
            "Absolute": self._absolute,
            "Relative": self._relative,
            "Continuous": self._continuous,
        }
        return {name: way for name, way in ways.items() if self.options.get(name)}

    def _find_way(self) -> str:
        """Try each kind until the picture changes, then move the lens back."""
        tried = []
        for name, way in self._ways().items():
            try:
                if self._moves(way):
                    say(f"{self._client.name}: the focus moves by {name} moves")
                    return name
                tried.append(f"{name}: accepted, but the gradient energy stays")
            except RefusedError as error:
                tried.append(f"{name}: {error}")
        raise CameraError(
            f"{self._client.name}: the focus does not move "
            f"({'; '.join(tried) or 'no way offered'}); does the lens have a motor, and does the "
            "scene have detail?"
        )

    def _moves(self, way: Way) -> bool:
        before = [self._energy() for _ in range(3)]
        noise = max(before) - min(before)
        level = sorted(before)[1]
        enough = max(NOISE_FACTOR * noise, LEAST_CHANGE * level)
        for part in PROBES:
            driven = way(part)
            moved = self._changes(level, enough)
            way(-driven)
            if moved:
                return True
        return False

    def _changes(self, level: float, enough: float) -> bool:
        for look in range(LOOKS):
            if look:
                time.sleep(LOOK_SECONDS)
            if abs(self._energy() - level) > enough:
                return True
        return False

    def _absolute(self, part: float) -> float:
        low, high = _range(self.options["Absolute"]["Position"])
        position = self.position()
        if position is None:
            raise RefusedError(
                f"{self._client.name}: the camera does not report its focus position"
            )
        target = min(max(position + part * (high - low), low), high)
        if target != position:
            self._move(Absolute={"Position": target})
        return (target - position) / (high - low)

    def _relative(self, part: float) -> float:
        low, high = _range(self.options["Relative"]["Distance"])
        self._move(Relative={"Distance": part * max(-low, high)})
        return part

    def _continuous(self, part: float) -> float:
        low, high = _range(self.options["Continuous"]["Speed"])
        self._client.call(
            "imaging",
            "Move",
            VideoSourceToken=self._source,
            Focus={"Continuous": {"Speed": high if part > 0 else low}},
        )
        time.sleep(abs(part) * FULL_TRAVEL_SECONDS)
        self._client.call("imaging", "Stop", VideoSourceToken=self._source)
        self._wait()
        return part

    def _move(self, **focus: Any) -> None:  # noqa: ANN401 - nested dicts
        self._client.call("imaging", "Move", VideoSourceToken=self._source, Focus=focus)
        self._wait()

    def _wait(self) -> None:
        """Wait until the camera reports that the lens has stopped, if it reports it."""
        deadline = time.monotonic() + MOVE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            if self._status().get("MoveStatus") != "MOVING":
                return
        raise CameraError(
            f"{self._client.name}: the focus still moves after {MOVE_SECONDS:g} s; check the lens"
        )

    def position(self) -> float | None:
        """Focus position reported by the camera, in its own units."""
        position = self._status().get("Position")
        return None if position is None else float(position)

    def _status(self) -> dict[str, Any]:
        answer = self._client.call("imaging", "GetStatus", VideoSourceToken=self._source) or {}
        status: dict[str, Any] = answer.get("FocusStatus20") or {}
        return status


def _range(options: dict[str, Any]) -> tuple[float, float]:
    """Lowest and highest value of an option; an empty range is refused."""
    low, high = float(options["Min"]), float(options["Max"])
    if not low < high:
        raise RefusedError(f"the camera gives an empty range, {low:g} to {high:g}")
    return low, high


def gradient_energy_of_file(content: bytes) -> float:
    """Gradient energy of an encoded picture."""
    import cv2
    import numpy as np

    from defocus.blur.gradients import gradient_energy

    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise CameraError("a preview cannot be decoded; try again")
    return gradient_energy(grey.astype(np.float32) / 255.0)
