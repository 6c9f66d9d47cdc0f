"""After a power loss at any point nothing that was confirmed is lost, and nothing is half there."""

import json
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from defocus.benchmark.results.store import open_results
from defocus.capture.sessions.journal import Journal, read_journal
from defocus.datasets.archives import unpack
from defocus.datasets.curation import add_decision, read_decisions
from defocus.datasets.curation_rules import Judgement
from defocus.files import make_folder, write_json
from tests.benchmark.example_study import ENTRY
from tests.benchmark.test_results import COSTS, SCORES
from tests.defocus.power_loss import Disk

Check = Callable[[Path], None]


def disk(tmp_path: Path, check: Check) -> Disk:
    """A disk with an empty folder; each state is removed once it was looked at."""

    def looked(place: Path) -> None:
        check(place)
        shutil.rmtree(place)

    (tmp_path / "disk").mkdir()
    (tmp_path / "states").mkdir()
    made = Disk(tmp_path / "disk", looked, tmp_path / "states")
    made.begin()
    return made


def finished(made: Disk, least: int) -> None:
    made.try_states()
    assert made.states >= least


def test_a_document_is_old_or_new(tmp_path, monkeypatch):
    confirmed = 0

    def check(place: Path) -> None:
        path = place / "new/folder/it.json"
        number = json.loads(path.read_bytes())["number"] if path.exists() else 0
        assert number in (confirmed, confirmed + 1)

    made = disk(tmp_path, check)
    with made.watched(monkeypatch):
        folder = make_folder(made.root / "new/folder")
        for number in (1, 2, 3):
            write_json(folder / "it.json", {"number": number})
            confirmed = number
    finished(made, 60)


def test_a_journal_keeps_its_lines(tmp_path, monkeypatch):
    confirmed = 0

    def check(place: Path) -> None:
        path = place / "journal.jsonl"
        if confirmed:
            assert path.exists()
        if not path.exists():
            return
        found = read_journal(path).records
        assert confirmed <= len(found) <= confirmed + 1
        with Journal(path) as again:
            again.append("again")
        assert len(read_journal(path).records) == len(found) + 1

    made = disk(tmp_path, check)
    with made.watched(monkeypatch), Journal(made.root / "journal.jsonl") as journal:
        for number in (1, 2, 3):
            journal.append("event", text="x" * 50 * number)
            confirmed = number
    finished(made, 30)


def test_a_persons_decisions_are_kept(tmp_path, monkeypatch):
    confirmed: list[str] = []

    def check(place: Path) -> None:
        assert set(confirmed) <= set(read_decisions(place))

    made = disk(tmp_path, check)
    with made.watched(monkeypatch):
        for name in ("a", "b", "c"):
            add_decision(made.root, Judgement(name, "reject", "blurred", "person"))
            confirmed.append(name)
    finished(made, 20)


def test_an_archive_is_unpacked_whole(tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    contents = {"a.png": b"one" * 10, "b/c.png": b"two" * 10}
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    done = False

    def check(place: Path) -> None:
        out = place / "out"
        assert out.exists() or not done
        if out.exists():
            found = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*.png")}
            assert found == contents

    made = disk(tmp_path, check)
    with made.watched(monkeypatch):
        unpack(archive, made.root / "out")
        done = True
        made.try_states()
    finished(made, 60)


SECTOR = 512
"""What a disk writes whole, or not at all."""
DRAWS = 100


def reordered(before: bytes, after: bytes) -> Iterator[bytes]:
    """A file while it is written: each changed sector may be there or not, in any order.

    One sector alone, all but one, and drawn ones; where the file grows, a sector that is not there
    is zeros, or the file ends before it.
    """
    old = before + bytes(max(0, len(after) - len(before)))
    new = after + old[len(after) :]
    starts = range(0, len(new), SECTOR)
    changed = [s for s in starts if old[s : s + SECTOR] != new[s : s + SECTOR]]
    draws = random.Random(0)
    chosen = [{one} for one in changed] + [{*changed} - {one} for one in changed]
    chosen += [{one for one in changed if draws.random() < share} for share in _shares()]
    for written in chosen:
        parts = [(new if s in written else old)[s : s + SECTOR] for s in starts]
        end = max([len(before), *(s + SECTOR for s in written)])
        yield b"".join(parts)[: min(end, len(new))]


def _shares() -> list[float]:
    return [(number + 0.5) / DRAWS for number in range(DRAWS)]


@pytest.mark.full
def test_a_store_keeps_its_runs_in_whatever_order_sectors_are_written(tmp_path):
    """A run goes into the log, which is synced; later into the file; then the log is reused.

    Between two syncs SQLite writes each place of one of the two files once, as a trace of its calls
    shows; so the states in between are mixtures of what the file was and what it becomes.
    """
    path, log = tmp_path / "store/results.sqlite", tmp_path / "store/results.sqlite-wal"
    path.parent.mkdir()
    snaps = []
    with open_results(path) as results:
        for number in (1, 2):
            results.record(replace(ENTRY, run=f"net-{number}"), SCORES, COSTS)
            snaps.append((path.read_bytes(), log.read_bytes()))
        assert results._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        results._connection.execute("PRAGMA wal_checkpoint(FULL)")
        snaps.append((path.read_bytes(), log.read_bytes()))
        results.record(replace(ENTRY, run="net-3"), SCORES, COSTS)
        snaps.append((path.read_bytes(), log.read_bytes()))
    (file, one), (_, two), (pages, kept), (last, again) = snaps
    assert (file, kept, last) == (snaps[1][0], two, pages)  # one file at a time
    assert file != pages
    assert len(again) <= len(two), "the log begins anew"
    states = [(file, mixed, 1) for mixed in reordered(one, two)]
    states += [(mixed, two, 2) for mixed in reordered(file, pages)]
    states += [(pages, mixed, 2) for mixed in reordered(two, again)]
    whole = [(file, two, 2), (pages, two, 2), (pages, b"", 2), (pages, again, 3)]
    for number, (content, written, sure) in enumerate([*states, *whole]):
        place = tmp_path / str(number) / "results.sqlite"
        place.parent.mkdir()
        place.write_bytes(content)
        place.with_name("results.sqlite-wal").write_bytes(written)
        with open_results(place) as opened:
            runs = [entry.run for entry in opened.entries()]
            assert runs[:sure] == [f"net-{n + 1}" for n in range(sure)]
            assert len(runs) <= min(sure + 1, 3)
            assert all(opened.scores(run) == SCORES for run in runs)
        shutil.rmtree(place.parent)
    assert len(states) > 300
