"""The user at the page, who is instructed there and answers with *Shoot*."""

from collections.abc import Callable

from defocus.capture.sessions.state import PlannedPair
from defocus.capture.taking.running import ShootOptions

__all__ = ["Ask", "PagePerson"]

Ask = Callable[[str], None]
"""Says what is to be done, and returns when the person says that it is."""


class PagePerson:
    """Holds the grey card, and is left what was rejected."""

    def __init__(self, options: ShootOptions, ask: Ask, carded: dict[str, str]) -> None:
        """With the scenes that had their grey card, each with its first pair."""
        self._options, self._ask, self._carded = options, ask, carded

    def scene_ready(self, pair: PlannedPair) -> None:
        """It is: otherwise nobody would have pressed the button."""

    def card_held(self, pair: PlannedPair) -> bool:
        """Where grey cards are wanted, ask for one at each try of the first pair of a scene."""
        first = self._carded.setdefault(pair.scene, pair.id)
        if not self._options.grey_card or first != pair.id:
            return False
        self._ask(f"hold the grey card into scene '{pair.scene}', so that it fills the centre")
        return True

    def card_gone(self, pair: PlannedPair) -> None:
        """Ask to take the card away."""
        self._ask(f"take the grey card out of scene '{pair.scene}'")

    def retake(self, pair: PlannedPair, reason: str, attempt: int) -> bool:  # noqa: ARG002 - the protocol's
        """Shoot again by itself where that is wanted; otherwise there are buttons."""
        return self._options.retake == "auto" and attempt <= self._options.retries
