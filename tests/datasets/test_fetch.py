"""Releases fetched over the loopback: cut connections, wrong bytes, servers that stall."""

import contextlib
import errno
import hashlib
import json
import re
import shutil
import threading
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from defocus.datasets import fetching
from defocus.datasets.api import Reader, open_dataset, reader_card, reader_names
from defocus.datasets.checksums import folder_hashes
from defocus.datasets.commands import fetch
from defocus.datasets.differences import verify_folder
from defocus.datasets.fetching import (
    fetch_known_file,
    fetch_release,
    listing_of,
    place_of,
)
from defocus.datasets.pair import ReaderCard
from defocus.datasets.release.packaging import package_dataset
from defocus.errors import DatasetError, DefocusError, InputError, StorageError
from tests.datasets.conftest import DETAILS, equal_pictures, package_noise, write_folder
from tests.web_server import serving

BIG = "pairs/a/blurry.png"


@dataclass
class Server:
    """A server of one folder, and how it fails."""

    root: Path
    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and range
    cuts: int = 0  # connections of pictures that end after half of what was asked for
    uneven: bool = False  # every other cut comes after a third
    ranges: bool = True  # requests of parts are answered with parts
    wrong: bool = False  # pictures have another last byte
    endless: bool = False  # 64 MB are sent in the place of a picture
    sent: int = 0  # bytes of them that were taken, and the last that were offered
    stalls: bool = (
        False  # it stops inside of a picture, and before its rest, until ``go``
    )
    go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server(release):
    seen = Server(release)

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            header = self.headers.get("Range", "")
            seen.asked.append((self.path.lstrip("/"), header))
            path = seen.root / unquote(self.path).lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            content, start = path.read_bytes(), 0
            picture = path.suffix in {".png", ".tar", ".zip"}
            if seen.wrong and picture:
                content = content[:-1] + bytes([content[-1] ^ 1])
            if seen.endless and picture:
                self.send_response(200)
                self.end_headers()
                self.close_connection = True
                with contextlib.suppress(ConnectionError):
                    while seen.sent < 64 * 2**20:
                        seen.sent += 2**16  # before: who reads it may look at once
                        self.wfile.write(bytes(2**16))
                return
            if header and seen.ranges:
                start = int(header.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
            body = content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            self.end_headers()
            if picture and (seen.cuts or seen.stalls):
                share = 3 if seen.uneven and seen.cuts % 2 else 2
                nothing = seen.stalls and header  # it does not go on with a file either
                self.wfile.write(b"" if nothing else body[: len(body) // share + 1])
                self.wfile.flush()
                if seen.stalls:
                    seen.go.wait()
                seen.cuts -= 1
                self.close_connection = True
                return
            self.wfile.write(body)

    with serving(Handler) as seen.address:
        yield seen
        seen.go.set()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(fetching, "WAIT_SECONDS", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache_folder):
    return package_noise(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def release(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "served"))


def test_a_release_arrives_whole_and_once(data, server, tmp_path):
    arguments = ("fetch", server.address + "/", "--out", tmp_path / "copy", "--json")
    result = data(*arguments)
    assert folder_hashes(tmp_path / "copy") == folder_hashes(server.root)
    server.asked.clear()
    (tmp_path / "copy/LICENSE").write_text("mine")
    again = json.loads(data(*arguments, code=None).stdout)
    assert (again["new"], again["sha256"]) == (1, json.loads(result.stdout)["sha256"])
    listings = ["manifest-sha256.txt", "tagmanifest-sha256.txt"]
    assert [name for name, _ in server.asked] == [*listings, "LICENSE"]
    assert verify_folder(tmp_path / "copy").ok


@pytest.mark.parametrize("ranges", [True, False])
def test_cut_connections_are_gone_on_with(server, tmp_path, ranges):
    server.cuts, server.ranges = 6, ranges
    if not ranges:
        server.cuts = (
            3  # each time from the start, so that no attempt brings more than the last
        )
    fetch_release([place_of(server.address)], tmp_path / "copy")
    assert verify_folder(tmp_path / "copy").ok
    assert not list((tmp_path / "copy").rglob(".*"))
    resumed = [header for _, header in server.asked if header]
    assert resumed
    assert not any(header == "bytes=0-" for header in resumed)


def test_a_server_that_never_brings_more_is_given_up(server, tmp_path, refused):
    """Without ranges each attempt begins again, so one may bring more than the last for ever."""
    server.cuts, server.ranges, server.uneven = 10**6, False, True
    with refused(DefocusError):
        fetch_release([place_of(server.address)], tmp_path / "copy")


def test_what_a_killed_run_has_is_kept(server, tmp_path, refused):
    """The connection stays cut, so the run fails; the next one asks for the rest alone."""
    server.cuts = 10**6
    size = (server.root / BIG).stat().st_size
    (tmp_path / "copy").mkdir()
    with refused(DefocusError):
        fetch_release([place_of("http://127.0.0.1:9")], tmp_path / "copy")
    name = hashlib.sha256(b"blurry.png").hexdigest()[:16]
    part = tmp_path / "copy/pairs/a" / f".{name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes((server.root / BIG).read_bytes()[:1000])
    server.cuts = 0
    (tmp_path / "copy/manifest-sha256.txt").write_bytes(
        (server.root / "manifest-sha256.txt").read_bytes()
    )
    fetch_release([place_of(server.address)], tmp_path / "copy")
    assert (BIG, "bytes=1000-") in server.asked
    assert size > 1000
    part.write_bytes(b"x" * 500)  # of another file: fetched again from its start
    (tmp_path / "copy" / BIG).unlink()
    fetch_release([place_of(server.address)], tmp_path / "copy")
    assert verify_folder(tmp_path / "copy").ok


def test_a_run_that_was_killed_at_its_first_write_is_gone_on_with(whole, tmp_path):
    out = tmp_path / "fetched"
    out.mkdir()
    left = out / ".manifest-sha256-0123abcd.part.txt"
    left.write_bytes(b"torn")
    fetch_release([place_of(str(whole))], out)
    assert verify_folder(out).ok
    assert not left.exists()


def test_a_disk_that_does_not_keep_what_arrived_is_told_as_such(
    whole, tmp_path, monkeypatch
):
    def faulty(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fetching, "sync_folder", faulty)
    with pytest.raises(StorageError, match=r"fetched\S*: the disk reports a fault"):
        fetch_release([place_of(str(whole))], tmp_path / "fetched")


def test_wrong_bytes_come_from_the_next_mirror(server, tmp_path, whole, refused):
    server.wrong = True
    with refused(DefocusError):
        fetch_release([place_of(server.address)], tmp_path / "copy")
    assert not (tmp_path / "copy" / BIG).exists()
    fetch_release([place_of(server.address), place_of(str(whole))], tmp_path / "copy")
    assert verify_folder(tmp_path / "copy").ok


@pytest.mark.parametrize("form", ["folder", "webdataset"])
def test_no_endless_file_is_read(server, tmp_path, cache_folder, form, refused):
    if form == "webdataset":
        noise = open_dataset(f"pairs:{write_folder(tmp_path / 'noise', ['a.png'])}")
        server.root = package_dataset(noise, tmp_path / "r", form, DETAILS, 10**9).root
    server.endless = True
    with refused(DefocusError):
        fetch_release([place_of(server.address)], tmp_path / "copy")
    assert 0 < server.sent < 16 * 2**20, "what lay in the buffers of the connection"
    assert not list((tmp_path / "copy").rglob("*.part"))
    (shard,) = list(server.root.rglob("*.tar")) or [server.root / BIG]
    with shard.open("ab") as file:
        file.truncate(10**7)
    with refused(DefocusError):
        fetch_release([place_of(str(server.root))], tmp_path / "copy")


@pytest.mark.full
def test_a_stalled_server_is_left(server, tmp_path, whole, monkeypatch):
    # a busy machine answers within it
    monkeypatch.setattr(fetching, "STALLED_SECONDS", 1.0)
    monkeypatch.setattr(fetching, "TRIES", 1)
    server.stalls = True
    fetch_release([place_of(server.address), place_of(str(whole))], tmp_path / "copy")
    assert verify_folder(tmp_path / "copy").ok
    pictures = [name for name, _ in server.asked if name.endswith(".png")]
    assert pictures == [BIG, BIG], "asked for the whole and for the rest, then no more"


@pytest.mark.full
def test_a_dead_mirror_is_waited_for_once(server, tmp_path, monkeypatch, capsys):
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    sources = [place_of("http://127.0.0.1:9"), place_of(server.address)]
    fetch = fetch_release(sources, tmp_path / "copy")
    assert len(fetch.new) > 3
    assert verify_folder(tmp_path / "copy").ok
    assert len(waited) == fetching.TRIES - 1
    assert (
        capsys.readouterr().err.count("the other sources come first from now on") == 1
    )
    assert [place.name for place in sources] == [server.address, "http://127.0.0.1:9"]


def test_a_part_and_then_the_rest(data, server, tmp_path, refused):
    out = tmp_path / "copy"
    result = data(
        "fetch",
        server.address,
        "--out",
        out,
        "--only",
        "pairs/a/*",
        "--json",
        code=None,
    )
    assert json.loads(result.stdout)["left"] == 2
    against = data("verify", out, "--against", server.address, "--json", code=None)
    wrong = {one["file"] for one in json.loads(against.stdout)["wrong"]}
    assert wrong == {"pairs/b/blurry.png", "pairs/b/sharp.png"}
    assert against.returncode == 1
    check = data("verify", out, code=1)
    assert re.search(
        r": 2 missing, \d+ files right; 'defocus-data fetch' gets", check.stdout
    )
    with refused(DatasetError):
        fetch_release([place_of(server.address)], out, only=["nothing/*"])
    again = data(
        "fetch", server.address, "--out", out, "--only", "pairs/a/*", code=None
    )
    assert "use it with" not in again.stdout
    assert "without --only" in again.stdout
    rest = data("fetch", server.address, "--out", out, code=None)
    assert f"use it with --dataset release:{out}" in rest.stdout
    assert open_dataset(f"release:{out}").pairs
    data("verify", out, "--against", server.root)


@pytest.mark.parametrize("form", ["folder", "hdf5", "webdataset", "imagefolder"])
def test_names_of_any_script_arrive(data, server, tmp_path, form):
    """The file's name is the id, in the release, over HTTP and as the copy is opened."""
    source = open_dataset(
        f"pairs:{write_folder(tmp_path / 'x', ['カフェ_01.png'], bits=8)}"
    )
    server.root = package_dataset(source, tmp_path / "made", form, DETAILS, 10**9).root
    out = tmp_path / "copy"
    data("fetch", server.address, "--out", out)
    data("verify", out)
    (pair,), (own,) = open_dataset(f"release:{out}").pairs, source.pairs
    assert pair.id == "カフェ_01"
    assert equal_pictures(pair.blurry, own.blurry)
    assert "カフェ_01" in (out / "pairs.csv").read_text(encoding="utf-8")


def test_a_later_version_takes_from_the_earlier_one(data, server, tmp_path):
    """The earlier one lacks a pair; the hash says which of the two sources is wanted."""
    source = write_folder(tmp_path / "x", ["a.png"], bits=8)
    earlier = tmp_path / "earlier"
    package_dataset(open_dataset(f"pairs:{source}"), earlier, "folder", DETAILS, 10**9)
    sha256 = listing_of([place_of(str(server.root))]).sha256
    arguments = (
        "fetch",
        earlier,
        server.address,
        "--out",
        tmp_path / "copy",
        "--sha256",
        sha256,
    )
    data(*arguments)
    assert folder_hashes(tmp_path / "copy") == folder_hashes(server.root)
    pictures = {name for name, _ in server.asked if name.endswith(".png")}
    assert pictures == {"pairs/b/blurry.png", "pairs/b/sharp.png"}


def test_other_releases_and_other_hashes_are_refused(server, tmp_path, refused):
    place = [place_of(server.address)]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("x")
    with refused(DatasetError):
        fetch_release(place, tmp_path / "mine")
    with refused(DatasetError):
        fetch_release(place, tmp_path / "copy", sha256="0" * 64)
    (server.root / "tagmanifest-sha256.txt").write_text("damaged")
    with refused(DatasetError):
        fetch_release(place, tmp_path / "copy")
    for address in ("http://user:secret@host/x", "https://host/x?token=secret"):
        with pytest.raises(InputError) as caught:
            place_of(address)
        assert "secret" not in str(caught.value)


def test_nothing_is_written_through_a_link(server, tmp_path, refused):
    out = tmp_path / "copy"
    out.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (out / "manifest-sha256.txt").write_bytes(
        (server.root / "manifest-sha256.txt").read_bytes()
    )
    (out / "pairs").symlink_to(tmp_path / "elsewhere")
    with refused(DatasetError):
        fetch_release([place_of(server.address)], out)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_hash_of_an_archive_is_recorded_and_kept_to(server, tmp_path, refused):
    (server.root / "set.zip").write_bytes(b"first" * 100)
    place, target = [place_of(server.address + "/set.zip")], tmp_path / "set.zip"
    with refused(InputError):
        fetch_known_file(place, target, None, trust_first=False)
    first = fetch_known_file(place, target, None, trust_first=True)
    asked = len(server.asked)
    assert fetch_known_file(place, target, None, trust_first=False) == first
    assert len(server.asked) == asked
    (server.root / "set.zip").write_bytes(b"other" * 100)
    with refused(DefocusError) as caught:
        fetch_known_file(place, tmp_path / "again.zip", None, trust_first=True)
    assert first in str(caught.value)


def test_a_published_set_is_fetched_by_name(server, tmp_path, bring):
    (server.root / "set.zip").write_bytes(b"first" * 100)
    card = ReaderCard(
        "A set", "a page", "CC-BY-4.0", True, archive=server.address + "/set.zip"
    )
    bring(Reader("a-set", lambda _: pytest.fail("not opened"), card))
    arguments = ["a-set", "--out", str(tmp_path / "sets")]
    unknown = CliRunner().invoke(fetch.command, arguments)
    assert "nobody knows its hash; give --sha256, or --trust-first" in str(
        unknown.exception
    )
    result = CliRunner().invoke(fetch.command, [*arguments, "--trust-first"])
    assert "unpack it with 'defocus-data import" in result.output
    assert (tmp_path / "sets/set.zip").read_bytes() == b"first" * 100
    asked = len(server.asked)
    assert CliRunner().invoke(fetch.command, arguments).exit_code == 0
    assert len(server.asked) == asked
    assert {n for n in reader_names() if reader_card(n).archive} == {
        "a-set",
        "zedd",
        "zedd-stacks",
    }


def test_published_sets_are_told_where_to_get(data, tmp_path, said, snapshot):
    assert said(data("fetch", "dpdd", "--out", tmp_path / "DPDD", code=2)) == snapshot
