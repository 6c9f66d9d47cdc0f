"""The guard of served pages: only the loopback's own names are answered."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from defocus.extras.pages.serving.access import Guard


def status(host: bytes, port: int = 80, **headers: bytes) -> int:
    """The status of the answer to a request with these headers and the right token."""
    sent: list[Any] = []

    async def page(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"authorization": b"Bearer token", **headers, "host": host}
    pairs = [(name.encode(), value) for name, value in given.items()]
    asked = {"type": "http", "method": "GET", "path": "/x", "query_string": b""}
    scope = {**asked, "headers": pairs, "server": ("127.0.0.1", port)}
    asyncio.run(Guard(page, "token", "")(scope, receive, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (b"127.0.0.1", 80),
        (b"localhost:8000", 8000),
        (b"LOCALHOST", 80),
        (b"[::1]:1", 1),
    ],
)
def test_the_loopback_is_answered(host, port):
    assert status(host, port) == 200
    assert status(host, port, authorization=b"", cookie=b"defocus-80=x") == 403


@pytest.mark.parametrize(
    "host", [b"127.0.0.1", b"localhost:80", b"[::1]:8001", b"localhost:08"]
)
def test_another_port_is_refused(host):
    """A page of another program on this computer, or a request that was meant for it."""
    assert status(host, 8000) == 421


@pytest.mark.parametrize(
    "host",
    [
        *(
            b"",
            b"[",
            b"]",
            b"[::1",
            b"[::1]x",
            b"localhost:",
            b"localhost:x",
            b"localhost:-1",
        ),
        *(
            b"localhost:999999",
            b"localhost:\xb2",
            b"\xff",
            b"a@localhost",
            b"localhost/",
            b"%00",
        ),
        *(
            b"localhost.evil.org",
            b"127.0.0.1\t",
            b"[v1.x]",
            b"::1",
            "ℂ:80".encode(),
            b"a" * 70000,
        ),
    ],
)
def test_a_malformed_or_foreign_host_is_refused(host):
    assert status(host) == 421
    assert status(host, cookie=b"\xff=;;=\0") == 421


@pytest.mark.parametrize(
    ("ends_by", "begun", "answered"),
    [
        (ClientDisconnect, False, []),
        (asyncio.CancelledError, False, [503]),
        (asyncio.CancelledError, True, [200]),
    ],
    ids=["browser-left", "server-ends", "server-ends-in-an-answer"],
)
def test_a_request_that_ends_in_the_middle_is_no_error(ends_by, begun, answered):
    async def page(_scope: object, _receive: object, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ends_by

    statuses: list[int] = []

    async def send(message: Any) -> None:
        if "status" in message:
            statuses.append(message["status"])

    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b""}
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer token")]
    asked = {**scope, "headers": headers, "server": ("127.0.0.1", 80)}
    asyncio.run(Guard(page, "token", "")(asked, None, send))  # type: ignore[arg-type]
    assert statuses == answered
