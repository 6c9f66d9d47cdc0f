"""Every served page takes malformed requests: an answer, never an error of the server."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from defocus.datasets.api import open_dataset
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import audit_of
from defocus.datasets.curation import begin_curation
from defocus.datasets.curation_rules import Rules
from defocus.extras.pages.curation import make_page
from defocus.extras.pages.live.app import make_app as live_app
from defocus.extras.pages.live.bench import ACTIONS
from defocus.extras.pages.restore.app import make_app as restore_app
from defocus.extras.pages.restore.desk import Desk
from defocus.extras.pages.serving.access import Guard
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.studies.app import make_app as study_app
from defocus.pictures.write import write_image
from tests.benchmark.example_study import make_study
from tests.capture.raw_sessions import write_session
from tests.datasets.conftest import write_folder
from tests.extras.pages.benches import bench_at_work
from tests.extras.pages.restoring_page import choice
from tests.fuzz.campaign import LONGEST_S, WORDS, damaged_once, limited, seed_of_today

TOKEN = "right"
REQUESTS = 150
PATHS = {
    "study": (
        "/",
        "/stamp",
        "/pictures",
        "/studies/study-study-0c87ed81/report.html",
        "/studies/study-study-0c87ed81/leaderboard.csv",
        "/studies/x/stamp",
    ),
    "curation": (
        *("/", "/pairs", "/pairs/a", "/pairs/a/displacement", "/pairs/b/histograms"),
        *("/pictures/a/blurry/large", "/pictures/b/sharp/small"),
        *("/do/accept", "/do/reject", "/do/undo"),
    ),
    "live": (
        *("/", "/pairs", "/pairs/0001_desk", "/pairs/0001_desk/displacement"),
        *("/pairs/0001_desk/histograms", "/pictures/0001_desk/blurry/large"),
        *(f"/do/{action}" for action in ACTIONS),
    ),
    "restore": (
        *("/", "/pictures", "/pictures/1", "/pictures/1/restore", "/pictures/1/stop"),
        *("/pictures/1/shown/before", "/pictures/1/after/0", "/pictures/1/saved/0"),
    ),
}
"""Of each page, without those that never end."""


def study_page(folder: Path) -> Guard:
    return study_app(make_study(folder / "study", systems=1, images=2), TOKEN)


def curation_page(folder: Path) -> Guard:
    """The review of two pairs that are said to be measured."""
    dataset = open_dataset(
        f"pairs:{write_folder(folder / 'pictures', ['a.png', 'b.png'])}"
    )
    rows = {
        one.id: AuditedPair(one.id, one.scene, one.split, "ok") for one in dataset.pairs
    }
    audit = audit_of(dataset, "dis", rows)
    return make_page(
        begin_curation(dataset, audit, Rules(), folder / "out"), Feed(), TOKEN
    )


def restore_page(folder: Path) -> Guard:
    desk = Desk(folder, [choice(nn.Identity())], None, torch.device("cpu"))
    return restore_app(desk, 0, Feed(), TOKEN)


@contextlib.contextmanager
def live_page(folder: Path) -> Iterator[Guard]:
    """A session with a pair and a simulated camera, which also shoots what is asked for."""
    write_image(folder / "a.png", np.full((24, 32, 3), 90, np.uint8))
    write_session(
        folder / "session", [dict.fromkeys(("blurry", "sharp"), folder / "a.png")]
    )
    with bench_at_work(folder / "session") as work:
        yield live_app(work.bench, work.folder, TOKEN)
        work.until(lambda now: not now["busy"])
        assert work.do("accept", pair="0001_desk")["problem"] == ""


PAGES: dict[str, Callable[[Path], AbstractContextManager[Guard]]] = {
    "study": lambda folder: nullcontext(study_page(folder)),
    "curation": lambda folder: nullcontext(curation_page(folder)),
    "restore": lambda folder: nullcontext(restore_page(folder)),
    "live": live_page,
}
BODIES = (
    *(b"", b"{}", b'{"pair": "a", "reason": "\\ud800"}', b"[" * 9000, *WORDS),
    *(b'{"pair": "0001_desk", "reason": "\\u0000"}', b'{"x": "nan", "y": "1e999"}'),
    *(
        b'{"about": "desk", "text": "\\ud800"}',
        b'{"scene": "\\u202e"}',
        b'{"x": "0.5", "y": ""}',
    ),
)


def asked(page: Guard, scope: dict[str, Any], body: bytes) -> int:
    """The status of the answer to one request."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(page(scope, receive, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


def request(draws: random.Random, paths: Sequence[str]) -> tuple[dict[str, Any], bytes]:
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
    path = draws.choice(paths)
    if draws.random() < 0.5:
        path = damaged_once(path.encode(), draws).decode("utf-8", "replace")
        path = path if path.startswith("/") else f"/{path}"
    body = draws.choice(BODIES)
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
        "query_string": draws.choice(
            (b"", b"token=right", b"token=%ff%00", b"strength=nan&x")
        ),
        "headers": list(headers.items()),
    }, body


@pytest.mark.parametrize("served", list(PAGES))
def test_malformed_requests_are_answered(tmp_path, cache_folder, served):
    seed = seed_of_today()
    print(f"DEFOCUS_FUZZ_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    draws = random.Random(seed)
    until = time.monotonic() + float(os.environ.get("DEFOCUS_FUZZ_SECONDS", "0"))
    number = 0
    with PAGES[served](tmp_path) as page:
        while number < REQUESTS or time.monotonic() < until:
            scope, body = request(draws, PATHS[served])
            with limited(LONGEST_S):
                assert asked(page, scope, body) < 500, (seed, number, scope)
            number += 1
    print(f"{served}: {number} requests")  # noqa: T201 - the table of a campaign, with -s


def test_links_of_a_served_study_are_not_followed(tmp_path, cache_folder):
    """Who made a study must not choose which file of this computer is served."""
    page = study_page(tmp_path)
    scope, _ = request(random.Random(0), ("/",))
    headers = [(b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer right")]
    scope |= {"method": "GET", "path": "/", "query_string": b"", "headers": headers}
    assert asked(page, scope, b"") == 307  # one study opens at once
    scope |= {
        "path": "/studies/study-study-0c87ed81/report.pdf",
        "raw_path": b"/studies/study-study-0c87ed81/report.pdf",
    }
    report = tmp_path / "study/report.pdf"
    report.write_bytes(b"%PDF-1.7 own")
    assert asked(page, scope, b"") == 200
    report.rename(tmp_path / "secret")
    report.symlink_to(tmp_path / "secret")
    assert asked(page, scope, b"") == 404
