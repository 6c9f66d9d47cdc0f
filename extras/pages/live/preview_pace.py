"""When a live picture is asked for: again after failures, and no more where nobody watches.

A body is often busy; an unseen live view heats the sensor and holds up the mirror."""

import time
from collections.abc import Callable

AGAIN_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the next try after the first, second, … failure in a row; after further ones, the
last."""

REST_SECONDS = 120.0
"""Seconds after the last live picture at which the live view is ended if nobody watches."""


class PreviewPace:
    """The pace of live pictures."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._next_at = clock()
        self._last_at: float | None = None

    @property
    def due(self) -> bool:
        """Whether a picture may be asked for now."""
        return self._clock() >= self._next_at

    @property
    def to_be_ended(self) -> bool:
        """Whether the live view has run unseen for long; true only once."""
        if self._last_at is None or self._clock() - self._last_at < REST_SECONDS:
            return False
        self._last_at = None
        return True

    def came(self) -> None:
        """A picture came."""
        self._failures = 0
        self._last_at = self._clock()

    def failed(self) -> None:
        """Record that no live picture came."""
        pause = AGAIN_SECONDS[min(self._failures, len(AGAIN_SECONDS) - 1)]
        self._failures += 1
        self._next_at = self._clock() + pause
