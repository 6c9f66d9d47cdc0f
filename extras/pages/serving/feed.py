"""Push updates of the page: the newest document of each kind, sent to every listener."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any


class Feed:
    """Newest documents by kind; :meth:`publish` from any thread, :meth:`follow` in an event loop.

    A listener that is slower than the news gets the newest of each kind and skips the rest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, tuple[int, str]] = {}
        self._count = 0
        self._closed = False
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @property
    def listeners(self) -> int:
        """How many pages are open."""
        return len(self._listeners)

    def publish(self, kind: str, document: dict[str, Any]) -> None:
        """Make a JSON document the newest of its kind."""
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        with self._lock:
            self._count += 1
            self._newest[kind] = self._count, text
            self._wake()

    def close(self) -> None:
        """Let every listener end."""
        with self._lock:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        for event, loop in self._listeners.items():
            loop.call_soon_threadsafe(event.set)

    async def follow(self) -> AsyncIterator[tuple[str, str]]:
        """Yield kind and JSON text, first what is newest now, then what comes."""
        event = asyncio.Event()
        event.set()
        seen = 0
        with self._lock:
            self._listeners[event] = asyncio.get_running_loop()
        try:
            while not self._closed:
                await event.wait()
                event.clear()
                with self._lock:
                    news = sorted(
                        (n, kind, text) for kind, (n, text) in self._newest.items()
                    )
                for number, kind, text in news:
                    if number > seen:
                        yield kind, text
                seen = max((number for number, _, _ in news), default=0)
        finally:
            with self._lock:
                del self._listeners[event]
