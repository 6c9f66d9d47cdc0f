"""Which faults of a body's script are to happen, how often, and which of them have been played."""

from tests.capture.scripted.script import Fault, Script

FOR_EVER = 10_000


class Armed:
    """The armed faults of a body; ``played`` names those that changed what the body did."""

    def __init__(self, script: Script) -> None:
        self.played: set[str] = set()
        self._script = script
        self._left: dict[str, int] = {}

    def arm(self, name: str, times: int = FOR_EVER) -> None:
        """Let a fault happen, so many times."""
        self._left[name] = times

    def left_of(self, name: str) -> int:
        """How often a fault is still to happen."""
        return self._left.get(name, 0)

    def happens(self, name: str) -> bool:
        """Whether a fault happens now; it is counted."""
        left = self.left_of(name)
        if left:
            self._left[name] = left - 1
            self.played.add(name)
        return left > 0

    def lasts(self, name: str, word: str = "") -> bool:
        """Whether a fault is on and concerns an entry; ask it last, because it is then played."""
        fault = self._script.faults.get(name, Fault(name))
        on = self.left_of(name) > 0 and (
            not word or not fault.names or word in fault.names
        )
        if on:
            self.played.add(name)
        return on

    def code(self, name: str, otherwise: int = -1) -> int:
        """The library's error of a fault."""
        fault = self._script.faults.get(name)
        return fault.codes[0] if fault is not None and fault.codes else otherwise

    def seconds(self, name: str, otherwise: float) -> float:
        """How long a fault lasts or delays."""
        fault = self._script.faults.get(name)
        return fault.seconds if fault is not None and fault.seconds else otherwise
