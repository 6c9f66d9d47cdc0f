"""The focus motor, in the words of three makers; all other bodies have none that we know.

A step is the maker's smallest. Larger ones (Canon's ``Near 3``, Sony's 7) are no known number of
them: how many differs by lens. That a lens is at the end of its travel only Nikon says.

Source: libgphoto2, ``camlibs/ptp2/config.c``. Not tried on a real body.
"""

from typing import Any, Literal

from defocus.capture.links.gphoto2.body.connection import OpenBody, RequestRefusedError
from defocus.capture.links.gphoto2.body.entries import Entries

__all__ = ["BodyMotor", "MotorKind"]

MotorKind = Literal["near-far", "signed-steps", "speeds"]
"""Canon, Panasonic and Olympus; Nikon; Sony."""

NIKON_STEPS = 50
"""Steps of one order: where the travel ends within them, they are not counted."""

END_OF_TRAVEL = -113
LIVE_VIEW_TRIES = 5
STEP_SECONDS = 0.1


class BodyMotor:
    """The motor of an open body."""

    def __init__(self, body: OpenBody, entries: Entries) -> None:
        self._body, self._entries = body, entries

    def kind(self) -> MotorKind | None:
        """How the motor is driven; None where there is none."""
        drive = self._entries.read("manualfocusdrive")
        if drive is not None and {"Near 1", "Far 1"} <= set(drive["choices"]):
            return "near-far"
        if drive is not None and drive["span"] is not None and drive["span"][0] < 0:
            return "signed-steps"
        speeds = self._entries.read("manualfocus")
        if speeds is not None and speeds["span"] is not None and speeds["span"][0] < 0:
            return "speeds"
        return None

    def move(self, steps: int) -> int:
        """Drive by steps, > 0 towards far; return the steps driven."""
        kind = self.kind()
        if kind == "speeds":
            return self._by_ones("manualfocus", "1", "-1", None, steps)
        if kind is None:
            raise RequestRefusedError(
                self._body.gp.GP_ERROR_NOT_SUPPORTED, "this camera has no focus motor"
            )
        found = self._view(on=True)
        try:
            if kind == "near-far":
                return self._by_ones("manualfocusdrive", "Far 1", "Near 1", "None", steps)
            return self._by_number(steps)
        finally:
            if found != "1":
                self._view(on=False)

    def _view(self, *, on: bool) -> str:
        """Switch the live view, without which no motor runs; what it was before."""
        found = self._entries.read("viewfinder")
        if found is None or found["read_only"]:
            return "1"
        if on and found["value"] != "1":
            self._insist("viewfinder", "1")
        elif not on:
            self._insist("viewfinder", "0")
        return str(found["value"])

    def _insist(self, word: str, value: str) -> None:
        body = self._body
        for left in range(LIVE_VIEW_TRIES, 0, -1):
            try:
                self._set(word, value)
            except body.gp.GPhoto2Error:
                if left == 1:
                    raise
                body.hear_out()
            else:
                return

    def _by_ones(self, word: str, far: str, near: str, rest: str | None, steps: int) -> int:
        """One step after another; a step that equals the one before is ignored without a rest."""
        for _ in range(abs(steps)):
            self._set(word, far if steps > 0 else near)
            self._body.hear_out(STEP_SECONDS)
            if rest is not None:
                self._set(word, rest)
        return steps

    def _by_number(self, steps: int) -> int:
        """In orders of some steps, until the travel ends.

        A few steps can be refused with the code of the end, so they are driven as the rest of more.
        """
        body, driven, sign = self._body, 0, 1 if steps > 0 else -1
        while driven < abs(steps):
            order = min(NIKON_STEPS, abs(steps) - driven)
            try:
                self._set("manualfocusdrive", str(sign * order))
            except body.gp.GPhoto2Error as error:
                if error.code != END_OF_TRAVEL:
                    raise
                if order == NIKON_STEPS or not self._from_further_back(sign, order):
                    break
            driven += order
            body.hear_out(STEP_SECONDS)
        return sign * driven

    def _from_further_back(self, sign: int, order: int) -> bool:
        """Whether an order was driven by a long one back and a longer one forth."""
        try:
            for steps in (-NIKON_STEPS, NIKON_STEPS + order):
                self._set("manualfocusdrive", str(sign * steps))
                self._body.hear_out(STEP_SECONDS)
        except self._body.gp.GPhoto2Error as error:
            if error.code != END_OF_TRAVEL:
                raise
            return False
        return True

    def _set(self, word: str, value: str) -> None:
        """Without reading back: these entries are orders, not states."""
        widget: Any = self._body.camera.get_single_config(word)
        kind, gp = widget.get_type(), self._body.gp
        numbers = {gp.GP_WIDGET_RANGE: float, gp.GP_WIDGET_TOGGLE: int}
        widget.set_value(numbers[kind](value) if kind in numbers else value)
        self._body.camera.set_single_config(word, widget)
