"""The page of ``restore --page`` behind the browser: who may, what it takes, what it gives back."""

import http.client
import json
import signal
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest
import tifffile
import torch
from click.testing import CliRunner
from PIL import Image as Pillow
from PIL import ImageCms

from defocus.baselines.registry import baseline
from defocus.command_line.options import with_added_options
from defocus.errors import ImageError
from defocus.extras.pages.restore import desk as desk_module
from defocus.extras.pages.restore import dropped as dropped_module
from defocus.extras.pages.restore import uploads
from defocus.extras.pages.restore.desk import Desk
from defocus.extras.pages.restore.dropped import read_dropped
from defocus.extras.pages.restore.systems import Choice, choices_here
from defocus.extras.pages.restore.uploads import given_name
from defocus.pictures.png import png_chunk
from defocus.pictures.read import read_stored
from defocus.pictures.write import encoded_picture
from defocus.restoration.command import command
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings
from tests.command_process import start_command, wait_until
from tests.extras.pages.restoring_page import (
    TOKEN,
    Sharpener,
    Waiting,
    choice,
    restoring_page,
)
from tests.restoration.test_restore import picture
from tests.restoration.test_restore_isolation import PIXELS, OddError

CPU = torch.device("cpu")
WIDE = "wide.png: 90x60 pixels are more than a page can show; restore it with defocus-restore FILE"


@dataclass
class Page:
    desk: Desk
    port: int

    def ask(
        self, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content; the right bearer token unless headers say otherwise."""
        sent = {"Authorization": f"Bearer {TOKEN}", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET" if body is None else "POST", path, body, sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content

    def drop(self, content: bytes, name: str) -> tuple[int, dict[str, Any]]:
        status, _, document = self.ask("/pictures", content, **{"X-Name": quote(name)})
        return status, json.loads(document)

    def restored(self, content: bytes, name: str) -> dict[str, Any]:
        status, content_facts = self.drop(content, name)
        assert status == 201, content_facts
        wanted = json.dumps({"system": "0"}).encode()
        status, _, answer = self.ask(f"/pictures/{content_facts['id']}/restore", wanted)
        assert status == 200, answer
        document: dict[str, Any] = json.loads(answer)
        return document

    @property
    def folders(self) -> list[str]:
        return sorted(one.name for one in self.desk._folder.iterdir())


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with restoring_page(tmp_path_factory.mktemp("page"), [choice(Sharpener())]) as (
        desk,
        port,
    ):
        yield Page(desk, port)


def png(height: int = 60, width: int = 80) -> bytes:
    return cv2.imencode(".png", picture(height, width, np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Authorization": "Bearer wrong"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_who_may_drop_nothing(page, headers, status):
    before = page.folders
    assert page.ask("/pictures", png(), **{"X-Name": "a.png", **headers})[0] == status
    assert page.folders == before


def test_a_name_is_never_a_path(page):
    status, document = page.drop(png(), "../..\\../etc/cron.d/böse\n.PNG")
    assert status == 201
    assert (document["name"], document["saved_name"]) == (
        "böse\\n.PNG",
        "böse\\n-restored.PNG",
    )
    kept = page.desk.pictures[document["id"]]
    assert kept.path == page.desk._folder / document["id"] / "picture.png"
    for name in ("", "..", "a.pdf", "png", "x/"):
        with pytest.raises(ImageError, match="not JPEG, PNG, TIFF"):
            given_name(name)
    assert given_name("n" * 300 + ".jpg") == "n" * 120 + ".jpg"


def test_save_says_what_the_saved_file_lacks(page, monkeypatch):
    """Nothing foresaw it: only the file itself is without the text."""
    given = png()
    document = page.restored(
        given[:33] + png_chunk(b"tEXt", b"Author\0me") + given[33:], "a.png"
    )
    assert document["remarks"] == []
    monkeypatch.setattr(
        dropped_module,
        "encoded_picture",
        lambda stored, metadata, kind: encoded_picture(
            stored, replace(metadata, parts=None), kind
        ),
    )
    assert page.ask(f"/pictures/{document['id']}/saved/0?strength=0")[0] == 200
    shown = next(
        one
        for one in json.loads(page.ask("/pictures")[2])
        if one["id"] == document["id"]
    )
    assert shown["remarks"] == ["left out: texts (Author)"]


def test_a_bad_picture_is_one_line_and_leaves_nothing(page, monkeypatch):
    before = page.folders
    whole = cv2.imencode(".jpg", picture(60, 80, np.uint8))[1].tobytes()
    monkeypatch.setattr(dropped_module, "LARGEST_PIXELS", 5000)
    for content, name, line in [
        (
            whole[:500],
            "cut.jpg",
            "cut.jpg: the file is cut short (500 bytes); copy it again",
        ),
        (b"words", "a.png", "a.png: not a picture that can be read; replace the file"),
        (b"", "empty.png", "empty.png: the file is empty; copy it again"),
        (
            png(),
            "talk.pdf",
            "talk.pdf: not JPEG, PNG, TIFF, WebP, BMP, HEIC, AVIF, JPEG XL or RAW by its name",
        ),
        (png(60, 90), "wide.png", WIDE),
    ]:
        assert page.drop(content, name) == (422, {"problem": line})
    monkeypatch.setattr(uploads, "LARGEST_BYTES", 2000)
    assert page.drop(png(), "much.png")[1]["problem"].startswith(
        "much.png: larger than"
    )
    monkeypatch.setattr(desk_module, "MOST_PICTURES", 0)
    assert (
        page.drop(png(), "a.png")[1]["problem"]
        == "0 pictures are open; remove one first"
    )
    assert page.folders == before


@pytest.mark.parametrize("name", ["turned.jpg", "deep.png", "grey.tif"])
def test_what_is_saved_is_what_the_command_writes(page, tmp_path, name):
    """Kind, depth, EXIF, profile, strength and what is left sharp: byte for byte."""
    given = tmp_path / name
    if name == "turned.jpg":
        exif = Pillow.Exif()
        exif[271], exif[274] = "Maker", 6
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        shown = Pillow.fromarray(picture(200, 280, np.uint8))
        shown.save(given, exif=exif, icc_profile=profile, quality=95)
    else:
        stored = picture(200, 280, np.uint16)
        cv2.imwrite(str(given), stored[:, :, 0] if name == "grey.tif" else stored)
    document = page.restored(given.read_bytes(), name)
    assert (document["width"], document["height"]) == (
        (200, 280) if name == "turned.jpg" else (280, 200)
    )
    place = f"/pictures/{document['id']}"
    system = page.desk.choices[0].system
    for strength, leave in ((1.0, False), (1.7, True), (0.0, False)):
        out = tmp_path / f"{strength}"
        settings = RestoreSettings(out=out, strength=strength, leave_sharp=leave)
        restore_pictures([given], system, None, CPU, settings)
        _, _, saved = page.ask(
            f"{place}/saved/0?strength={strength}&leave_sharp={int(leave)}"
        )
        assert saved == (out / name).read_bytes()
    for layer in ("shown/before", "shown/map", "shown/sharp", "after/0", "beyond/0"):
        _, _, content = page.ask(f"{place}/{layer}")
        seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        reduced = 4 if layer in ("shown/map", "shown/sharp") else 1
        assert seen.dtype == np.uint8
        assert seen.shape[:2] == (
            document["height"] // reduced,
            document["width"] // reduced,
        )
    assert page.ask(f"{place}/remove", b"")[0] == 200
    assert document["id"] not in page.folders


def test_what_is_not_there_is_not_found(page):
    place = f"/pictures/{page.restored(png(), 'a.png')['id']}"
    for asked in ("nan", "2.1", "-1", "", "1;rm"):
        assert page.ask(f"{place}/saved/0?strength={quote(asked)}")[0] == 404
    for path in (
        f"{place}/after/1",
        f"{place}/beyond/1",
        f"{place}/saved/-1?strength=1",
        f"{place}/shown/picture",
        f"{place}/shown/..%2fbefore",
        "/pictures/99/after/0",
        "/pictures/..%2f1/after/0",
    ):
        assert page.ask(path)[0] == 404
    assert page.ask(f"{place}/restore", b'{"system": "7"}')[0] == 404
    assert page.ask(f"{place}/restore", b"[1]")[0] == 400
    assert page.ask("/pictures/99/stop", b"")[0] == 404


def test_restoring_is_followed_and_stopped(tmp_path):
    network = Waiting()
    with restoring_page(tmp_path, [choice(network)], tile_px=256) as (desk, port):
        page = Page(desk, port)
        _, document = page.drop(png(300, 520), "large.png")
        answers: list[tuple[int, Any]] = []

        def restore() -> None:
            status, _, content = page.ask(
                f"/pictures/{document['id']}/restore", b'{"system": "0"}'
            )
            answers.append((status, json.loads(content)))

        first = threading.Thread(target=restore)
        first.start()
        assert network.reached.wait(300)
        assert page.ask(f"/pictures/{document['id']}/stop", b"")[0] == 202
        network.may_go.set()
        first.join(60)
        assert answers == [(409, {"stopped": True})]
        assert network.asked == 1  # of eight tiles
        restore()
        assert answers[1][0] == 200
        assert network.asked == 9
        restore()  # is done already
        assert network.asked == 9


def test_own_weights_come_first_and_what_was_asked_for_is_there():
    default, asked = (
        Choice(baseline("defocus-m"), "own"),
        Choice(baseline("wiener"), ""),
    )
    assert choices_here(default)[0] == default
    assert choices_here(asked)[0] == default
    assert choices_here(asked)[-1] == asked
    assert default.title == "Defocus-M (own weights)"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--page", "a.png"],
            "with --page pictures are dropped in the browser; omit IMAGES",
        ),
        (
            ["--page", "--strength", "1"],
            "--strength does not go with --page: choose on the page",
        ),
        (["--page", "--json"], "--json does not go with --page: choose on the page"),
        (["--port", "80", "a.png"], "--port goes with --page"),
    ],
)
def test_what_does_not_go_with_a_page_is_refused(arguments, line):
    result = CliRunner().invoke(with_added_options("restore", command), arguments)
    assert result.exit_code == 2
    assert line in result.stderr


@pytest.mark.full
def test_the_command_serves_until_it_is_interrupted_and_leaves_nothing(tmp_path):
    words = ("restore", "--page", "--baseline", "wiener")
    started = start_command(
        "defocus-bench", *words, folder=tmp_path, TMPDIR=str(tmp_path)
    )
    with started as process:
        try:
            address, _, token = process.stdout.readline().strip().partition("/?token=")
            page = Page(None, int(address.rpartition(":")[2]))  # type: ignore[arg-type]
            status, headers, content = page.ask("/", Authorization=f"Bearer {token}")
            assert status == 200
            assert b"Wiener" in content
            assert "default-src 'none'" in headers["content-security-policy"]
            sent = {"Authorization": f"Bearer {token}", "X-Name": "a.png"}
            status, _, document = page.ask("/pictures", png(), **sent)
            assert (status, json.loads(document)["name"]) == (201, "a.png")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert [one for one in tmp_path.iterdir() if one.name.startswith("defocus")] == []


@pytest.mark.parametrize("white", [1, 255, 1023])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_is_shown_by_its_own_white(tmp_path, white, channels):
    ramp = np.linspace(0, white, 64 * 64).reshape(64, 64, 1).repeat(channels, axis=2)
    stored = ramp.astype(np.uint16 if white == 1023 else np.float32)
    if channels == 4:
        stored[:, :, 3] = 65535 if white == 1023 else 1
    colours = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(tmp_path / "picture.tif", stored.squeeze(), photometric=colours)
    read_dropped(tmp_path / "picture.tif", "mine.tif")
    shown = np.atleast_3d(read_stored(tmp_path / "before.png")).astype(float)
    assert np.abs(shown[:, :, 0] - 255 * ramp[:, :, 0] / white).max() < 1
    assert shown.shape[2] == channels
    assert channels < 4 or shown[:, :, 3].min() == 255


def test_a_picture_is_shown_in_its_own_colours(tmp_path):
    whole = cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    chunk = png_chunk(b"cICP", bytes([9, 16, 0, 1]))
    (tmp_path / "picture.png").write_bytes(whole[:33] + chunk + whole[33:])
    read_dropped(tmp_path / "picture.png", "mine.png")
    assert chunk in (tmp_path / "before.png").read_bytes()


def test_the_page_answers_an_unforeseen_error_with_its_reason(tmp_path, monkeypatch):
    def failing(*_given: Any) -> None:
        raise OddError("odd")

    content = cv2.imencode(".png", PIXELS)[1].tobytes()
    with restoring_page(tmp_path, [choice(Sharpener())]) as (desk, port):
        page = Page(desk, port)
        document = page.restored(content, "mine.png")
        for name in ("encoded_picture", "write_uncompressed"):
            monkeypatch.setattr(dropped_module, name, failing)
        status, _, answer = page.ask(f"/pictures/{document['id']}/saved/0?strength=1")
        assert status == 422
        assert b"unforeseen OddError: odd; please report it" in answer
        assert page.drop(content, "other.png")[0] == 422
        monkeypatch.undo()
        assert page.ask(f"/pictures/{document['id']}/saved/0?strength=1")[0] == 200


def test_an_upload_that_is_cut_short_is_told_nobody_and_leaves_nothing(page, capfd):
    before = page.folders
    with socket.create_connection(("127.0.0.1", page.port)) as browser:
        head = (
            f"POST /pictures HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nX-Name: a.png\r\nContent-Length: 100000\r\n\r\n"
        )
        browser.sendall(head.encode() + b"x" * 1000)
        wait_until(lambda: len(page.folders) > len(before))
    wait_until(lambda: page.folders == before and not page.desk._arriving)
    assert page.drop(png(), "b.png")[0] == 201
    assert capfd.readouterr().err == ""


def test_as_many_uploads_at_once_as_pictures_may_be_open(page, monkeypatch):
    """What just arrives counts: its bytes and pixels take as much as those of an open one."""
    monkeypatch.setattr(desk_module, "MOST_PICTURES", len(page.desk.pictures) + 2)
    with ExitStack() as arriving:
        for _ in range(2):
            arriving.enter_context(page.desk.arriving())
        assert page.drop(png(), "third.png")[0] == 422
    assert page.drop(png(), "third.png")[0] == 201
