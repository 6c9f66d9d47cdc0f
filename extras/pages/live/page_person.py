"""The user at the page, who answers instructions with *Shoot*."""

from collections.abc import Callable

from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.state import PlannedPair
from defocus.capture.taking.person import again_by_itself

Ask = Callable[[str], None]
"""Says what is to be done, and returns when the person says that it is."""


class PageUser:
    """Asks for the grey card on the page, and leaves decisions on rejected pairs to its buttons."""

    def __init__(self, options: ShootOptions, ask: Ask, carded: dict[str, str]) -> None:
        """Take the scenes that already had their grey card, each with its first pair."""
        self._options, self._ask, self._carded = options, ask, carded

    def scene_ready(self, pair: PlannedPair, note: str) -> None:
        """Return at once, because the user has pressed the button."""

    def card_held(self, pair: PlannedPair) -> bool:
        """Ask for a grey card, if requested, at each try of a scene's first pair."""
        first = self._carded.setdefault(pair.scene, pair.id)
        if not self._options.grey_card or first != pair.id:
            return False
        self._ask(
            f"hold the grey card into scene '{pair.typed_scene}', so that it fills the centre"
        )
        return True

    def card_gone(self, pair: PlannedPair) -> None:
        """Ask to take the card away."""
        self._ask(f"take the grey card out of scene '{pair.typed_scene}'")

    @property
    def may_retake(self) -> bool:
        """Whether rejected pairs are shot again without a button."""
        return self._options.retake == "auto"

    def retake(self, pair: PlannedPair, quality: Quality, attempt: int) -> bool:
        """Shoot again automatically if requested; otherwise the user decides with buttons."""
        return self.may_retake and again_by_itself(pair, quality, attempt, self._options.retries)
