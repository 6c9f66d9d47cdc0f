"""After a power loss at any point nothing that was confirmed is lost, and nothing is half there."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from defocus.capture.sessions.journal import Journal, read_journal
from defocus.datasets.archives import unpack
from defocus.datasets.curation import add_decision, read_decisions
from defocus.datasets.curation_rules import Judgement
from defocus.storage.files import make_folder, write_json
from tests.defocus.power_loss import Disk

Check = Callable[[Path], None]


def disk(tmp_path: Path, check: Check) -> Disk:
    """A disk with an empty folder; each state is removed once it was looked at."""

    def looked(place: Path) -> None:
        check(place)
        shutil.rmtree(place)

    (tmp_path / "disk").mkdir()
    (tmp_path / "states").mkdir()
    watched = Disk(tmp_path / "disk", looked, tmp_path / "states")
    watched.begin()
    return watched


def finished(watched: Disk, least: int) -> None:
    watched.try_states()
    assert watched.states >= least


def test_a_document_is_old_or_new(tmp_path, monkeypatch):
    confirmed = 0

    def check(place: Path) -> None:
        path = place / "new/folder/it.json"
        number = json.loads(path.read_bytes())["number"] if path.exists() else 0
        assert number in (confirmed, confirmed + 1)

    watched = disk(tmp_path, check)
    with watched.watched(monkeypatch):
        folder = make_folder(watched.root / "new/folder")
        for number in (1, 2, 3):
            write_json(folder / "it.json", {"number": number})
            confirmed = number
    finished(watched, 60)


def test_a_journal_keeps_its_lines(tmp_path, monkeypatch):
    confirmed = 0

    def check(place: Path) -> None:
        path = place / "journal.jsonl"
        if confirmed:
            assert path.exists()
        if not path.exists():
            return
        records = read_journal(path).records
        assert confirmed <= len(records) <= confirmed + 1
        with Journal(path) as again:
            again.append("again")
        assert len(read_journal(path).records) == len(records) + 1

    watched = disk(tmp_path, check)
    with (
        watched.watched(monkeypatch),
        Journal(watched.root / "journal.jsonl") as journal,
    ):
        for number in (1, 2, 3):
            journal.append("event", text="x" * 50 * number)
            confirmed = number
    finished(watched, 30)


def test_a_persons_decisions_are_kept(tmp_path, monkeypatch):
    confirmed: list[str] = []

    def check(place: Path) -> None:
        assert set(confirmed) <= set(read_decisions(place))

    watched = disk(tmp_path, check)
    with watched.watched(monkeypatch):
        for name in ("a", "b", "c"):
            add_decision(watched.root, Judgement(name, "reject", "blurred", "person"))
            confirmed.append(name)
    finished(watched, 20)


def test_an_archive_is_unpacked_whole(tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    contents = {"a.png": b"one" * 10, "b/c.png": b"two" * 10}
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    complete = False

    def check(place: Path) -> None:
        out = place / "out"
        assert out.exists() or not complete
        if out.exists():
            members = {
                p.relative_to(out).as_posix(): p.read_bytes()
                for p in out.rglob("*.png")
            }
            assert members == contents

    watched = disk(tmp_path, check)
    with watched.watched(monkeypatch):
        unpack(archive, watched.root / "out")
        complete = True
        watched.try_states()
    finished(watched, 60)
