"""Who gets at the page: who was given its address, from this computer, and nobody else."""

import http.client
import json
import re
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from defocus.capture.sessions.member import (
    ROLES,
    displacement_overlay,
    measured_similarity,
)
from defocus.extras.pages.serving.access import Share, new_token
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.serving.sharing import qr_lines
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import bayer_dng, write_session
from tests.extras.pages.benches import TOKEN, Work, bench_at_work
from tests.extras.pages.benches import served as served_page


@dataclass
class Client:
    """Asks a page's server, as whoever a test wants to be."""

    port: int

    def ask(
        self, path: str, *, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content; the right bearer token unless headers say otherwise."""
        sent = {"Authorization": f"Bearer {TOKEN}", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(
            method, path, body or None, {k: v for k, v in sent.items() if v}
        )
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content

    @property
    def own(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Served:
    client: Client
    work: Work


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A session under review: a pair of RAW files, and one whose original was damaged since."""
    root = tmp_path_factory.mktemp("served")
    light = np.full((64, 64), 0.25)
    raw = {role: bayer_dng(root / f"{role}.dng", light) for role in ("blurry", "sharp")}
    write_image(root / "p.png", np.full((30, 40, 3), 90, np.uint8))
    png = dict.fromkeys(("blurry", "sharp"), root / "p.png")
    hostile = "<img src=x onerror=alert(1)>"
    write_session(root / "s", [raw, png], scenes={0: hostile})
    damaged = root / "s/pairs/0002_desk/sharp.png"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:40])
    with bench_at_work(root / "s", uri=None) as work, served_page(work) as port:
        yield Served(Client(port), work)


@pytest.mark.full
def test_a_failed_test_leaves_no_thread(tmp_path):
    """Whoever still listens to the page's events then does not keep its server alive either."""
    before = set(threading.enumerate())
    with (  # noqa: PT012 - the page must be there when the test fails
        pytest.raises(ZeroDivisionError),
        bench_at_work(tmp_path / "s") as work,
        served_page(work) as port,
    ):
        listening = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        listening.request(
            "GET", "/events", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert listening.getresponse().status == 200
        raise ZeroDivisionError
    listening.close()
    assert set(threading.enumerate()) <= before


def test_the_token_is_taken_out_of_the_address_into_a_cookie(served):
    client = served.client
    status, headers, _ = client.ask(f"/?token={TOKEN}", Authorization="")
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert cookie.startswith(f"defocus-{client.port}={TOKEN};")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    sent = cookie.partition(";")[0]
    assert client.ask("/", Authorization="", Cookie=sent)[0] == 200
    assert client.ask("/pairs", Authorization="", Cookie=f"other=1; {sent}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "", "Cookie": "defocus-1=" + TOKEN},
        {"Authorization": "", "Cookie": "defocus-1=\xe9; ;;="},
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/events", "/pairs", "/pictures/0001_desk/sharp/thumb"]
)
def test_without_the_token_there_is_nothing(served, path, headers):
    status, sent_headers, content = served.client.ask(path, **headers)
    assert status == 403
    assert b"desk" not in content
    assert "set-cookie" not in sent_headers
    wrong = f"/?token={'u' * 43}"
    assert served.client.ask(wrong, Authorization="")[0] == 403


def test_a_cookie_of_the_right_name_needs_the_right_token(served):
    for value in ("", "wrong", TOKEN[:-1], TOKEN + "t"):
        cookie = f"defocus-{served.client.port}={value}"
        assert served.client.ask("/pairs", Authorization="", Cookie=cookie)[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.5:8077",
        "evil@127.0.0.1x",
        "",
    ],
)
def test_foreign_host_names_are_refused(served, host):
    assert served.client.ask("/pairs", Host=host or " ")[0] in (400, 421)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_a_port_that_is_forwarded_under_its_own_number_is_the_loopback_too(
    served, name
):
    assert served.client.ask("/pairs", Host=f"{name}:{served.client.port}")[0] == 200
    for other in (name, f"{name}:9"):
        assert served.client.ask("/pairs", Host=other)[0] == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "own"]
)
def test_only_the_pages_own_buttons_do_anything(served, origin):
    client = served.client
    cookie = f"defocus-{client.port}={TOKEN}"
    body = json.dumps({"pair": "0001_desk", "reason": "seen"})
    before = served.work.told["revision"]
    status, _, _ = client.ask(
        "/do/accept", method="POST", body=body, Authorization="", Cookie=cookie,
        Origin=client.own if origin == "own" else origin,
    )  # fmt: skip
    assert status == (202 if origin == "own" else 403)
    if origin == "own":
        served.work.until(lambda now: now["revision"] != before)
    else:
        assert client.ask("/do/accept", method="POST", body=body, Authorization="",
                          Cookie=cookie)[0] == 403  # fmt: skip
        assert served.work.told["revision"] == before


def test_every_answer_has_the_policy(served):
    for path, token in (
        ("/", TOKEN),
        ("/pairs", TOKEN),
        ("/", "wrong"),
        ("/none", TOKEN),
    ):
        _, headers, content = served.client.ask(path, Authorization=f"Bearer {token}")
        policy = headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
        )
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert b"http://" not in content
        assert b"https://" not in content


def test_the_document_has_no_inline_handlers_and_no_foreign_files(served):
    text = served.client.ask("/")[2].decode()
    assert not re.search(r"\son\w+=|style=|javascript:", text.partition("<script>")[0])
    assert len(re.findall("<script", text)) == len(re.findall("<style", text)) == 1
    assert re.findall(r'(?:src|href)="([^"#]*)', text) == ["data:,", ""]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pairs/0009_none", 404),
        ("/pairs/..%2f..%2fjournal.jsonl", 404),
        ("/pictures/0001_desk/pair.json/large", 404),
        ("/pictures/0001_desk/sharp/huge", 404),
        ("/pictures/..%2f0001_desk/sharp/large", 404),
        ("/pictures/0002_desk/sharp/large", 422),
        ("/journal.jsonl", 404),
        ("/../journal.jsonl", 404),
    ],
)
def test_what_is_not_there_or_damaged_says_so(served, path, status):
    got, _, content = served.client.ask(path)
    assert got == status
    assert b"crc32" not in content


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x" * 20_000, "too long"),
        ("[1]", "not an object of texts"),
        ('{"pair": 3}', "not an object of texts"),
        ("{", "Expecting"),
        ('{"pair": "0009_none"}', "choose a pair"),
    ],
)
def test_requests_that_make_no_sense_are_refused(served, body, words):
    status, _, content = served.client.ask("/do/accept", method="POST", body=body)
    assert status == 409
    assert words in json.loads(content)["problem"]
    assert served.client.ask("/do/delete", method="POST", body="{}")[0] == 404
    assert served.client.ask("/do/accept")[0] == 405


def test_the_displacement_of_a_pair_is_drawn_where_one_was_measured(served):
    status, _, content = served.client.ask("/pairs/0001_desk/displacement")
    assert (status, json.loads(content)) == (200, None)
    facts = {"shift_px": [1.0, 0.0], "zoom": 1.0, "rotation_deg": 0.0}
    impossible: tuple[dict[str, object], ...] = (
        {"shift_px": [1e300, 0.0]},
        {"zoom": None},
        {"rotation_deg": float("nan")},
    )
    for wrong in impossible:
        assert measured_similarity({"quality": {"misalignment": facts | wrong}}) is None
    model = measured_similarity({"quality": {"misalignment": facts}})
    assert model is not None
    label, arrows = displacement_overlay(model, (32, 64), 2.0)
    # half a pixel of it
    assert (label, arrows.shape) == ("Displacement × 10", (32, 64, 4))
    assert arrows[4, 4:9, 3].all()


def test_both_members_are_shown_with_the_same_development(served):
    answers = [served.client.ask(f"/pictures/0001_desk/{role}/large") for role in ROLES]
    assert [status for status, _, _ in answers] == [200, 200]
    assert answers[0][1]["content-type"] == "image/jpeg"
    assert answers[0][2] == answers[1][2]


def test_details_are_words(served):
    words = json.loads(served.client.ask("/pairs/0001_desk")[2])
    assert words["settings"] == [["blurry", "f/4"], ["sharp", "f/4"]]
    assert ["Clipped in the sharp picture", "unknown", ""] in words["numbers"]
    assert words["measured"] == {"verdict": "accept", "reason": ""}


def test_histograms_of_raw_files_are_those_of_the_sensor(served):
    status, _, content = served.client.ask("/pairs/0001_desk/histograms")
    assert status == 200
    for channels in json.loads(content).values():
        peaks = [max(range(64), key=shares.__getitem__) for shares in channels]
        assert peaks == [8, 16, 9], (
            "grey of 0.25 as the sensor saw it, before white balance"
        )
    assert served.client.ask("/pairs/0002_desk/histograms")[0] == 422


@pytest.mark.full
@pytest.mark.parametrize("control", [False, True])
def test_a_shared_page_is_looked_at_and_commands_only_with_control(tmp_path, control):
    write_image(tmp_path / "p.png", np.full((30, 40, 3), 90, np.uint8))
    write_session(
        tmp_path / "s", [dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")]
    )
    share = Share("v" * 43, "192.168.1.5:8077", control)
    with (
        bench_at_work(tmp_path / "s", uri=None) as work,
        served_page(work, share) as port,
    ):
        client, there = (
            Client(port),
            {"Host": share.host, "Authorization": f"Bearer {share.token}"},
        )
        status, answer_headers, _ = client.ask(
            f"/?token={share.token}", Host=share.host, Authorization=""
        )
        assert (status, answer_headers["set-cookie"].partition(";")[0]) == (
            303,
            f"defocus-8077={share.token}",
        )
        status, _, page = client.ask("/", **there)
        assert (status, b'data-do="accept"' in page) == (200, control)
        assert b'data-do="accept"' in client.ask("/")[2], "the person at this computer"
        assert client.ask("/pictures/0001_desk/sharp/thumb", **there)[0] == 200
        asked = json.dumps({"pair": "0001_desk", "reason": "from a phone"})
        origin = f"http://{share.host}"
        status, _, _ = client.ask(
            "/do/reject", method="POST", body=asked, **{**there, "Origin": origin}
        )
        assert status == (202 if control else 403)
        if control:
            work.until(
                lambda now: work.bench.session.complete["0001_desk"].verdict == "reject"
            )
        assert client.ask("/pairs", **{**there, "Host": "192.168.1.6:8077"})[0] == 421
        assert client.ask("/pairs", **{**there, "Authorization": "Bearer x"})[0] == 403


def test_who_only_looks_may_magnify_the_live_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(Feed, "listeners", 1)
    share = Share("v" * 43, "192.168.1.5:8077", control=False)
    with (
        bench_at_work(tmp_path / "s", "sim:?width=240&height=160") as work,
        served_page(work, share) as port,
    ):
        client, there = (
            Client(port),
            {"Host": share.host, "Authorization": f"Bearer {share.token}"},
        )
        work.until(lambda _now: "preview" in work.bench.feed._newest)
        status, _, content = client.ask("/magnified?x=0.5&y=0.5", **there)
        state = json.loads(content)
        assert (status, set(state)) == (
            200, {"picture", "mtf50", "reason", "detail", "square"},
        )  # fmt: skip
        assert state["picture"].startswith("data:image/jpeg;base64,")
        for nonsense in ("", "?x=0.5", "?x=a&y=0", "?x=2&y=0", "?x=nan&y=0"):
            status, _, content = client.ask(f"/magnified{nonsense}", **there)
            assert (status, "0 to 1" in json.loads(content)["problem"]) == (422, True)
        assert client.ask("/magnified?x=0.5&y=0.5", Authorization="Bearer x")[0] == 403


def test_the_code_for_phones_is_the_address():
    import cv2

    address = f"http://192.168.100.200:65535/?token={new_token()}"
    lines = qr_lines(address)
    codes = np.array(
        [[" \u2580\u2584\u2588".index(block) for block in line] for line in lines]
    )
    modules = np.stack([codes & 1, codes >> 1], axis=1).reshape(-1, codes.shape[1])
    shown = np.kron(
        np.where(modules, 0, 255).astype(np.uint8), np.ones((6, 6), np.uint8)
    )
    assert cv2.QRCodeDetectorAruco().detectAndDecode(shown)[0] == address
