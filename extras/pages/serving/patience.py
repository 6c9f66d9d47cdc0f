"""Connections that open and send nothing, or half a request, end after a while."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_SECONDS = 30.0


class PatientProtocol(H11Protocol):
    """Ends a connection whose request is not whole in time; an answer may take as long as it likes.

    A head has :data:`PATIENCE_SECONDS` from the first byte, a body the same time between two
    parts."""

    _due: asyncio.TimerHandle | None = None
    _heard = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._heard = self.loop.time()
        self._wait(PATIENCE_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Go on with a request, or begin to wait for the rest of one."""
        self._heard = self.loop.time()
        super().data_received(data)
        if self._due is None:
            self._wait(PATIENCE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._due is not None:
            self._due.cancel()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._due = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """End the connection if a part of a request is awaited for too long."""
        self._due = None
        state = str(self.conn.their_state)
        if state == "SEND_BODY":
            left = self._heard + PATIENCE_SECONDS - self.loop.time()
            if left > 0:
                self._wait(left)
                return
        if state in ("IDLE", "SEND_BODY"):
            self.transport.close()
