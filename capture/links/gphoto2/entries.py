"""Entries of a body's configuration: read and set, although the body answers late or wrongly.

Source: libgphoto2, ``camlibs/ptp2/config.c`` (focus steps too). Not tried on a real body."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from defocus.capture.links.gphoto2.release import (
    NOT_THERE,
    OpenBody,
    RequestRefusedError,
)

Entry = dict[str, Any]
"""A setting as the binding describes it."""

READ_AGAIN_SECONDS = 3.0
"""Longest time for which an old value may be read back, before the setting is sent once more; then
again the same time."""

DEAF_SECONDS = 0.3
"""Longest time for which an old value may be read back from an entry that has never followed on
this body."""

LOOK_SECONDS = 0.2
"""Pause between two readings."""


class Entries:
    """The entries of an open body."""

    # A name may come with the next event, a value is read back old for seconds, and a refusal may
    # mean busy.

    def __init__(self, body: OpenBody) -> None:
        self._body = body
        self._seen: set[str] = set()
        self._there: set[str] = set()
        self._last: dict[str, str] = {}
        self._deaf: set[str] = set()

    def read(self, word: str) -> Entry | None:
        """One entry: value, choices, limits, whether it is read-only; None where there is none."""
        entry = self._look(word)
        if word not in self._seen or (entry is None and word in self._there):
            # The first answers after connecting are often of before, and names come late; some go
            # for a moment.
            self._seen.add(word)
            self._body.hear_out(LOOK_SECONDS)
            entry = self._look(word)
        if entry is not None:
            self._there.add(word)
        return entry

    def first_of(
        self, words: Sequence[str], patience: float
    ) -> tuple[str, Entry] | None:
        """The first of some entries, read for ``patience`` seconds: a reconnect may hide some."""
        deadline = self._body.clock() + patience
        while True:
            for word in words:
                entry = self.read(word)
                if entry is not None:
                    return word, entry
            if self._body.clock() >= deadline:
                return None
            self._body.listen(LOOK_SECONDS)

    def _look(self, word: str) -> Entry | None:
        gp = self._body.gp
        try:
            widget = self._body.camera.get_single_config(word)
        except gp.GPhoto2Error as error:
            if error.code in NOT_THERE:
                return None
            raise
        return self.told_of(widget)

    def told_of(self, widget: Any) -> Entry:  # noqa: ANN401 - the binding's
        """An entry as it is sent to the other process."""
        gp = self._body.gp
        kind = widget.get_type()
        listed = kind in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU)
        choices: list[str] = []
        if listed:
            choices += map(str, widget.get_choices())
        span = None
        if kind == gp.GP_WIDGET_RANGE:
            span = list(widget.get_range()[:2])
        return {
            "value": str(widget.get_value()),
            "choices": choices,
            "span": span,
            "read_only": bool(widget.get_readonly()),
        }

    def write(self, word: str, value: str, *, again: bool = False) -> str:
        """Set an entry, with ``again`` even to its own value; return what is then read back."""
        entry = self.read(word)
        unchanged = entry is not None and _same(entry["value"], value)
        # Setting the value it has makes some bodies change it; theirs may be an old one, though.
        if unchanged and not again and self._last.get(word, value) == value:
            return str(value if entry is None else entry["value"])
        first = "" if entry is None else entry["value"]
        got = self._tried(word, value)
        if not _same(got, value) and word not in self._deaf:
            got = self._tried(word, value)
        self._last[word] = value
        if not _same(got, value) and got == first:
            self._deaf.add(word)
        return got

    def _tried(self, word: str, value: str) -> str:
        """Set once, and read until it has followed or the time is over."""
        body = self._body
        patience = DEAF_SECONDS if word in self._deaf else READ_AGAIN_SECONDS
        refusal = self._put(word, value)
        deadline = body.clock() + patience
        got = ""
        while True:
            body.hear_out(LOOK_SECONDS)
            if refusal is not None:
                refusal = self._put(word, value)
                if isinstance(refusal, RequestRefusedError):
                    break  # no event brings a choice back; a dial does
            if refusal is None:
                got = str(body.camera.get_single_config(word).get_value())
            if refusal is None and _same(got, value):
                return got
            if body.clock() >= deadline:
                break
            body.listen(LOOK_SECONDS)
        if refusal is not None:
            raise self._meaning(word, refusal)
        return got

    def _meaning(self, word: str, refusal: Exception) -> Exception:
        """A refusal in words, where the entry now says why."""
        now = self._look(word)
        code = getattr(refusal, "code", NOT_THERE[0])
        if now is None:
            return RequestRefusedError(
                code,
                f"this camera has no '{word}' as it is set now; turn its dial to M",
            )
        if now["read_only"]:
            return RequestRefusedError(
                code,
                f"{word} is {now['value']} and follows the camera's dial; set it there",
            )
        return refusal

    def _put(self, word: str, value: str) -> Exception | None:
        """Set once; return the body's answer if it refused."""
        body = self._body
        gp = self._body.gp
        try:
            widget = body.camera.get_single_config(word)
            kind = widget.get_type()
            if kind in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU):
                choices = list(widget.get_choices())
                # A value that is not a choice can kill the process (tried on the virtual camera).
                if value not in choices:
                    return RequestRefusedError(
                        NOT_THERE[0], f"{word} has no choice {value!r}"
                    )
                widget.set_value(value)
            elif kind == gp.GP_WIDGET_RANGE:
                widget.set_value(float(value))
            elif kind == gp.GP_WIDGET_TOGGLE:
                widget.set_value(int(value == "1"))
            else:
                return RequestRefusedError(
                    NOT_THERE[0], f"{word} is a text and stays as it is"
                )
            body.camera.set_single_config(word, widget)
        except gp.GPhoto2Error as error:
            if error.code not in (*NOT_THERE, gp.GP_ERROR, gp.GP_ERROR_CAMERA_BUSY):
                raise
            return error  # type: ignore[no-any-return]
        return None

    def everything(self) -> dict[str, Entry]:
        """Every entry that has a value, by its name; no actions.

        Texts are called read-only: what is allowed is unknown, a wrong value can kill the process.
        """
        gp = self._body.gp
        entries: dict[str, Entry] = {}
        waiting = [self._tree()]
        while waiting:
            widget = waiting.pop()
            kind = widget.get_type()
            if widget.get_name() in ("actions", "other"):
                continue  # what opens the shutter, such as bulb; the same entries as raw numbers
            if kind in (gp.GP_WIDGET_WINDOW, gp.GP_WIDGET_SECTION):
                children = range(widget.count_children() - 1, -1, -1)
                waiting.extend(widget.get_child(index) for index in children)
            elif kind != gp.GP_WIDGET_BUTTON:
                entry = self.told_of(widget)
                if kind == gp.GP_WIDGET_TOGGLE:
                    entry["choices"] = ["0", "1"]
                entry["read_only"] |= kind in (gp.GP_WIDGET_TEXT, gp.GP_WIDGET_DATE)
                entries[widget.get_name()] = entry
        return entries

    def _tree(self) -> Any:  # noqa: ANN401 - the binding's
        """The whole tree; it is requested once more if it is missing for a moment."""
        gp = self._body.gp
        try:
            return self._body.camera.get_config()
        except gp.GPhoto2Error as error:
            if error.code not in NOT_THERE:
                raise
            self._body.hear_out(LOOK_SECONDS)
            return self._body.camera.get_config()


def _same(got: str, asked: str) -> bool:
    """Whether two words are the same; numbers with limits come back with more digits."""
    if got == asked:
        return True
    try:
        return math.isclose(float(got), float(asked), rel_tol=1e-3)
    except ValueError:
        return False


MotorKind = Literal["near-far", "signed-steps", "speeds"]
"""Ways to move the focus: of Canon, Panasonic and Olympus; of Nikon; of Sony."""

NIKON_STEPS = 50
"""Steps of one order to the motor. An order that reaches the end of the travel does not count its
steps."""

END_OF_TRAVEL = -113
LIVE_VIEW_TRIES = 5
STEP_SECONDS = 0.1


class BodyMotor:
    """The motor of an open body."""

    def __init__(self, body: OpenBody, entries: Entries) -> None:
        self._body = body
        self._entries = entries

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
        view = self._view(on=True)
        try:
            if kind == "near-far":
                return self._by_ones(
                    "manualfocusdrive", "Far 1", "Near 1", "None", steps
                )
            return self._by_number(steps)
        finally:
            if view != "1":
                self._view(on=False)

    def _view(self, *, on: bool) -> str:
        """Switch the live view, without which no motor runs; return its state before."""
        view = self._entries.read("viewfinder")
        if view is None or view["read_only"]:
            return "1"
        if on and view["value"] != "1":
            self._insist("viewfinder", "1")
        elif not on:
            self._insist("viewfinder", "0")
        return str(view["value"])

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

    def _by_ones(
        self, word: str, far: str, near: str, rest: str | None, steps: int
    ) -> int:
        """One step after another; a step that equals the one before is ignored without a rest."""
        for _ in range(abs(steps)):
            self._set(word, far if steps > 0 else near)
            self._body.hear_out(STEP_SECONDS)
            if rest is not None:
                self._set(word, rest)
        return steps

    def _by_number(self, steps: int) -> int:
        """Drive in orders of several steps, until the travel ends."""
        # a few steps can be refused with the code of the end: they are driven as the rest of more
        body = self._body
        driven = 0
        sign = 1 if steps > 0 else -1
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
        """Set without reading back: these entries are orders, not states."""
        widget: Any = self._body.camera.get_single_config(word)
        kind = widget.get_type()
        gp = self._body.gp
        numbers = {gp.GP_WIDGET_RANGE: float, gp.GP_WIDGET_TOGGLE: int}
        widget.set_value(numbers[kind](value) if kind in numbers else value)
        self._body.camera.set_single_config(word, widget)
