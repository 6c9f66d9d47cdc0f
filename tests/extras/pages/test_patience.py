"""Connections that send nothing, or half a request, end; long answers do not."""

import asyncio
import socket
from typing import Any

import pytest

from defocus.extras.pages.serving import patience
from tests.extras.pages.page_server import serving

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"


async def page(_scope: object, receive: Any, send: Any) -> None:
    await receive()
    await asyncio.sleep(0.7)  # as an event stream, which is silent for a while
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"whole"})


def answer(port: int, request: bytes) -> bytes:
    """What comes until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(request)
        content = b""
        while part := client.recv(1000):
            content += part
        return content


@pytest.mark.full
def test_half_open_connections_end(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.3)
    with serving(page, lambda: None) as port:
        assert answer(port, b"") == b""
        assert answer(port, HEAD) == b""
        assert b"whole" not in answer(port, HEAD + b"content-length: 9\r\n\r\nhalf")
        whole = answer(
            port, HEAD + b"connection: close\r\ncontent-length: 4\r\n\r\nwhat"
        )
        assert b"whole" in whole
