"""The commands live and review, as processes."""

import contextlib
import http.client
import json
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image as PillowImage

from defocus.capture.commands.shoot import command as shoot
from defocus.capture.sessions.damage import check_session
from defocus.command_line.options import with_common_options, with_plugins
from defocus.extras.pages.commands.capture_live import command as live
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import write_session
from tests.capture.test_commands import TINY
from tests.command_process import StartedCommand, start_command
from tests.extras.pages.benches import SMALL


def names(command: click.Command) -> set[str]:
    """Of its own options and those of all commands, which a command gets when it is first run."""
    params = with_common_options(with_plugins(command)).params
    return {max(option.opts, key=len).lstrip("-") for option in params}


def test_what_live_lacks_of_shoot_is_said():
    section = (Path(__file__).parents[3] / "capture/README.md").read_text(
        encoding="utf-8"
    )
    section = section.split("## In the browser")[1].split("## ")[0]
    said = set(re.findall(r"`--([a-z-]+)`", section.split("has no")[1].split(".")[0]))
    assert said == names(shoot) - names(live) - {"yes", "json-lines", "dry-run"}


@contextlib.contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[StartedCommand, str]]:
    """The process and the address it prints; killed where the test leaves it alive."""
    with start_command("defocus-capture", *arguments, folder=folder) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def ask(url: str, action: str) -> int:
    port, token = re.fullmatch(
        r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]{43})", url
    ).groups()  # type: ignore[union-attr]
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    ) as page:
        page.request(
            "POST", f"/do/{action}", "{}", {"Authorization": f"Bearer {token}"}
        )
        return page.getresponse().status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_shoots_and_ends_when_told_with_the_pair_complete(tmp_path, run, number):
    slow = f"{SMALL}&latency=2"  # longer than the server waits for open connections
    with started(tmp_path, "live", "s", "--camera", slow, "--port", "0") as (
        process,
        url,
    ):
        stream = urllib.request.urlopen(  # noqa: S310 - the address that our command printed
            urllib.request.Request(  # noqa: S310 - the same
                url.replace("/?", "/events?"),
                headers={"Authorization": f"Bearer {url[-43:]}"},
            )
        )
        assert stream.readline() == b"event: state\n"
        assert ask(url, "shoot") == 202
        until_begun(tmp_path / "s")
        busy = run("defocus-capture", "review", "s", "--port", "0")
        assert busy.returncode == 2
        assert f"in use by process {process.pid}" in busy.stderr
        process.send_signal(number)
        with stream:
            while stream.readline():
                pass
        out, err = process.communicate()
    assert (process.returncode, out) == (0, ""), err
    assert err.splitlines() == ["open this address in a browser; Ctrl-C ends"]
    (pair,) = check_session(tmp_path / "s").pairs
    assert pair.verdict != "incomplete", "the shot under way is finished"


def until_begun(session: Path) -> None:
    while not list(session.glob("pairs/*")):
        time.sleep(0.01)


def until_refused(url: str) -> None:
    """Until the server has ended."""
    port = int(url.split(":")[2].partition("/")[0])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)


def test_told_twice_it_ends_at_once_and_the_pair_is_taken_up_again(tmp_path, run):
    slow = f"{SMALL}&fault=slow%3D100"
    with started(tmp_path, "live", "s", "--camera", slow, "--port", "0") as (
        process,
        url,
    ):
        assert ask(url, "shoot") == 202
        until_begun(tmp_path / "s")
        process.send_signal(signal.SIGINT)
        until_refused(url)
        time.sleep(0.5)  # from the end of the server to the wait for the shot
        assert process.poll() is None, "the shot under way is waited for"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "ended at once" in err
    assert [pair.verdict for pair in check_session(tmp_path / "s").pairs] == [
        "incomplete"
    ]
    result = run("defocus-capture", "resume", "s", "--camera", SMALL, "--yes")
    assert "1 to shoot" in result.stderr
    assert [pair.verdict for pair in check_session(tmp_path / "s").pairs] != [
        "incomplete"
    ]


def test_what_stands_in_the_way_is_said_and_nothing_is_made(tmp_path, run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("defocus-capture", "live", "s", "--camera", SMALL, "--port", port)
    assert result.returncode == 2
    assert f"port {port} cannot be used" in result.stderr
    live = ("defocus-capture", "live", "s", "--port", "0", "--camera")
    result = run(*live, "gphoto2:serial=none")
    assert result.returncode == 3, result.stderr
    result = run(*live, SMALL, "--blurry", "f/0.7")
    assert result.returncode == 2
    result = run(*live, SMALL, "--hook", "cp {nothing}")
    assert "placeholders" in result.stderr
    result = run("defocus-capture", "review", "s")
    assert result.returncode == 2
    assert not (tmp_path / "s").exists()


@pytest.mark.full
def test_without_a_port_any_free_one_is_taken(tmp_path):
    """Also where a page is open already, and the port that the help names is used."""
    for name in ("first", "second"):
        picture = tmp_path / f"{name}.png"
        write_image(picture, np.full((8, 12, 3), 90, np.uint8))
        write_session(tmp_path / name, [{"blurry": picture, "sharp": picture}])
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # another program has it, as well
            taken.bind(("127.0.0.1", 8077))
            taken.listen()
        with (
            started(tmp_path, "review", "first") as (_, first),
            started(tmp_path, "review", "second") as (_, second),
            started(tmp_path, "live", "third", "--camera", SMALL) as (_, third),
        ):
            ports = {
                int(url.split(":")[2].partition("/")[0])
                for url in (first, second, third)
            }
    assert len(ports) == 3
    assert 8077 not in ports


@pytest.mark.full
def test_a_preview_in_the_browser_shoots_nothing(tmp_path):
    with started(tmp_path, "live", "--camera", TINY, "--port", "0") as (process, url):
        assert url.startswith("http://127.0.0.1:"), url
        assert ask(url, "shoot") == 202
        address, token = url.split("/?token=")
        host = address.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as page:
            page.request("GET", "/events", headers={"Authorization": f"Bearer {token}"})
            message = next(
                line for line in page.getresponse() if b"a preview cannot shoot" in line
            )
        assert b'"live": true' in message
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert list(tmp_path.iterdir()) == []


def test_review_writes_the_contact_sheet(run, tmp_path):
    write_image(tmp_path / "a.png", np.full((24, 32, 3), 90, np.uint8))
    write_session(
        tmp_path / "s", [dict.fromkeys(("blurry", "sharp"), tmp_path / "a.png")]
    )
    result = run("defocus-capture", "review", "s", "--html", "r.html")
    assert (result.returncode, result.stderr) == (0, "wrote r.html\n")
    assert "0001_desk" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_look_through_the_camera(run, tmp_path):
    result = run(
        "defocus-capture",
        "live",
        "--camera",
        TINY,
        "--frames",
        "2",
        "--picture",
        "x.jpg",
    )
    assert result.returncode == 0, result.stderr
    first, _ = result.stdout.splitlines()
    assert first.startswith("detail ")
    assert "; edges in focus " in first
    with PillowImage.open(tmp_path / "x.jpg") as picture:
        assert picture.size == (96, 64)
    result = run(
        "defocus-capture", "live", "--camera", TINY, "--frames", "1", "--json-lines"
    )
    view = json.loads(result.stdout)
    assert [sum(channel) for channel in view["histogram"]] == pytest.approx(
        [1.0] * 3, abs=1e-3
    )
    assert len(view["clipped_share"]) == 3


def test_a_camera_without_a_live_picture(run, tmp_path, virtual_folder):
    (tmp_path / "hot").mkdir()
    for camera, code in (
        (f"gphoto2:virtual={virtual_folder}", 4),
        (f"folder:{tmp_path}/hot", 2),
    ):
        result = run("defocus-capture", "live", "--frames", "1", "--camera", camera)
        assert result.returncode == code
    assert "has no live view" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--blurry", "f/2"), "--blurry is for shooting; name a SESSION"),
        (("s", "--frames", "1"), "--frames is for looking only; leave SESSION out"),
        (("--json-lines",), "--picture and --json-lines go with --frames N"),
    ],
)
def test_looking_and_shooting_have_options_of_their_own(run, words, said):
    result = run("defocus-capture", "live", "--camera", TINY, *words)
    assert result.returncode == 2
    assert said in result.stderr
