"""Sessions that are killed, with a failing camera, on a full disk: nothing confirmed is lost."""

import contextlib
import errno
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

import pytest

from defocus.capture.links import retries
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.session import read_session, read_state
from defocus.errors import DatasetError, DefocusError, StorageError
from defocus.pictures.read import read_image
from tests.capture.shooting import journalled, resume, shoot

pytestmark = pytest.mark.full
TINY = "sim:?seed=3&width=128&height=96&noise=0.5"
REQUEST = BracketRequest(blurry="f/1.4", shutter="1/1600")

RANDOM_FAULTS = (
    "busy=1", "timeout=0.01", "slow=0.02", "truncated", "wrong-aperture", "stuck-aperture", "ev=1",
    "shift=15,0", "duplicate-frame", "clip", "wb-drift", "unplug", "disk-full", "store-full",
    "crash",
)  # fmt: skip


def faulty(moment: random.Random) -> str:
    """The camera with a random fault every few shots."""
    faults, shot = [], 0
    while shot < 60:
        shot += moment.randint(3, 9)
        faults.append(f"fault={quote(moment.choice(RANDOM_FAULTS), safe='')}@{shot}")
    return "&".join([TINY, *faults])


def go_on(session: Path, uri: str, pairs: int) -> None:
    """Start or resume a session; what the camera or the disk ends, ends the process with 1."""
    with patch.object(retries, "PAUSES_SECONDS", (0.001,) * 5):
        try:
            begun = bool(read_state(session)[0].planned)
        except DatasetError:
            begun = False
        try:
            if begun:
                resume(session, uri)
            else:
                shoot(session, uri, REQUEST, code=None, repeat=pairs, retries=3)
        except DefocusError as error:
            sys.exit(f"ended by a fault: {error}")


def started(target: Callable[..., object], *arguments: object) -> ForkServerProcess:
    # The server has imported everything already: what is killed is the work, not the start.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["defocus.align.measure", "defocus.capture.taking.resuming"]
    )
    process = processes.Process(target=target, args=arguments)
    process.start()
    return process


def written_lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def killed(process: ForkServerProcess, journal: Path, lines: int, delay: float) -> bool:
    """Kill -9 a process ``delay`` after the journal grew by ``lines``; False if a fault ended it.

    Lines rather than seconds, so that a quick machine does not finish before it is killed."""
    before = written_lines(journal)
    while process.is_alive() and written_lines(journal) < before + lines:
        time.sleep(0.001)
    time.sleep(delay)
    alive = process.is_alive()
    process.kill()
    process.join()
    return alive


def check_finished(session: Path, pairs: int) -> None:
    """Every pair is there once, every file is as it was taken, every accepted picture is whole."""
    checked = check_session(session)
    assert [pair.id[:4] for pair in checked.pairs] == [
        f"{n:04d}" for n in range(1, pairs + 1)
    ]
    assert all(entry.ok for pair in checked.pairs for entry in pair.files)
    assert "incomplete" not in {pair.verdict for pair in checked.pairs}
    assert len(list((session / "pairs").iterdir())) == pairs
    there = read_session(session).pairs
    assert len(there) >= 0.9 * pairs
    for pair in there:
        assert (
            read_image(pair.sharp).shape
            == read_image(pair.blurry).shape
            == (96, 128, 3)
        )
        assert pair.metadata["roles"]["sharp"]["exif"]["f_number"] == 22.0
    assert len({pair.metadata["roles"]["sharp"]["sha256"] for pair in there}) == len(
        there
    )
    assert not list(session.rglob("*.part"))
    subprocess.run(
        ["sha256sum", "-c", "--quiet", "checksums.sha256"], cwd=session, check=True
    )


def check_whole_pairs_were_not_shot_again(session: Path) -> None:
    """A pair whose shots were all stored is begun again only after a rejection."""
    whole = set()
    for record in journalled(session, "pair-shot", "retake", "pair-started"):
        if record["event"] == "pair-shot":
            whole.add(record["pair"])
        elif record["event"] == "retake":
            whole.remove(record["pair"])
        else:
            assert record["pair"] not in whole


def test_killed_at_three_random_moments(tmp_path):
    """Shoot with faults, kill -9 at random moments, resume; at last compare everything."""
    moment, session, pairs = random.Random(1), tmp_path / "session", 9
    confirmed: dict[str, str] = {}
    kills = 0
    while kills < 3:
        process = started(go_on, session, faulty(moment), pairs)
        delay = moment.uniform(0.0, 0.05)
        if killed(process, session / "journal.jsonl", moment.randint(1, 7), delay):
            kills += 1
        else:
            assert process.exitcode, "it was done before it could be killed"
        if written_lines(session / "journal.jsonl") == 0:
            continue
        there = read_session(session).pairs  # verifies every hash
        hashes = {pair.id: pair.metadata["roles"]["sharp"]["sha256"] for pair in there}
        assert confirmed.items() <= hashes.items(), (
            "a confirmed pair was lost or changed"
        )
        confirmed = hashes
    go_on(session, TINY, pairs)
    check_finished(session, pairs)
    check_whole_pairs_were_not_shot_again(session)


class FullDisk:
    """From the n-th write below a folder on, every one finds the disk full.

    Opening for writing, making folders, writing and syncing through descriptors count."""

    def __init__(self, root: Path) -> None:
        self.root, self.writes, self.full_from, self.on = str(root), 0, 0, True
        self._write, self._fsync = os.write, os.fsync
        sys.addaudithook(self._hear)  # for as long as this process lives
        os.write, os.fsync = self._writing, self._syncing  # type: ignore[assignment]

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        opened = event == "open" and isinstance(arguments[2], int)
        if event == "os.mkdir" or (opened and arguments[2] & (os.O_WRONLY | os.O_RDWR)):  # type: ignore[operator]
            path = arguments[0]
            if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(
                self.root
            ):
                self._count()

    def _writing(self, descriptor: int, content: bytes) -> int:
        self._count()
        return self._write(descriptor, content)

    def _syncing(self, descriptor: int) -> None:
        self._count()
        self._fsync(descriptor)

    def _count(self) -> None:
        if self.on:
            self.writes += 1
            if self.writes >= self.full_from > 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fill_at_each_write(folder: Path, every: int) -> None:
    """Shoot one pair with a disk that is full from each n-th write on, and go on."""
    disk = FullDisk(folder)
    shoot(folder / "0", TINY, REQUEST, strictness="off")
    total = disk.writes
    assert total > 40
    for number in range(1, total + 1, every):
        session = folder / str(number)
        disk.writes, disk.full_from, disk.on = 0, number, True
        with contextlib.suppress(StorageError):
            shoot(session, TINY, REQUEST, strictness="off")
        disk.on = False
        assert not list(session.rglob("*.tif.part")), number
        if written_lines(session / "journal.jsonl"):
            read_session(session)
        go_on(session, TINY, 1)
        assert check_session(session).ok, number
        assert len(read_session(session).pairs) == 1, number


def test_a_disk_that_is_full_from_any_write_on(tmp_path):
    process = started(fill_at_each_write, tmp_path, 9)
    process.join()
    assert process.exitcode == 0
