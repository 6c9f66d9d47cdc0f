"""Every served page takes malformed requests: an answer, never an error of the server."""

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from defocus.benchmark.serving.app import make_app
from defocus.reports.serving.access import Guard
from tests.benchmark.example_study import make_study
from tests.fuzz.campaign import WORDS, damaged_once, limited, seed_of_today

TOKEN = "right"
REQUESTS = 150
PATHS = ("/", "/stamp", "/pictures", "/events2", "/studies/study/report.html", "/studies/x/stamp")
"""Without those that never end."""


def asked(page: Guard, scope: dict[str, Any], body: bytes) -> int:
    """The status of the answer to one request."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(page(scope, receive, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


def request(draws: random.Random) -> tuple[dict[str, Any], bytes]:
    """A request with a damage or more; most have the right host and token, to get further."""
    headers = {
        b"host": b"127.0.0.1:8000",
        b"authorization": b"Bearer right",
        b"cookie": b"defocus-8000=right",
        b"origin": b"http://127.0.0.1:8000",
        b"content-length": b"10",
        b"x-name": b"a.png",
    }
    for name in draws.sample(sorted(headers), draws.randrange(3)):
        headers[name] = damaged_once(headers[name], draws).replace(b"\n", b"")
    path = draws.choice(PATHS)
    if draws.random() < 0.5:
        path = damaged_once(path.encode(), draws).decode("utf-8", "replace")
        path = path if path.startswith("/") else f"/{path}"
    body = draws.choice((b"", b"{}", b'{"pair": "a", "reason": "\\ud800"}', b"[" * 9000, *WORDS))
    return {
        "type": "http",
        "method": draws.choice(("GET", "POST", "HEAD", "PUT", "X")),
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 9),
        "query_string": draws.choice((b"", b"token=right", b"token=%ff%00", b"strength=nan&x")),
        "headers": list(headers.items()),
    }, body


@pytest.mark.parametrize("served", ["study"])
def test_malformed_requests_are_answered(tmp_path: Path, cache_folder: Path, served: str) -> None:
    seed = seed_of_today()
    print(f"DEFOCUS_FUZZ_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    draws = random.Random(seed)
    study = make_study(tmp_path / served, systems=1, images=2)
    page = make_app(study, TOKEN)
    until = time.monotonic() + float(os.environ.get("DEFOCUS_FUZZ_SECONDS", "0"))
    number = 0
    while number < REQUESTS or time.monotonic() < until:
        scope, body = request(draws)
        with limited():
            assert asked(page, scope, body) < 500, (seed, number, scope)
        number += 1
    print(f"{served}: {number} requests")  # noqa: T201 - the table of a campaign, with -s
