"""Several restorations into one folder: no line of the journal is lost, nobody's work refused."""

import errno
import json

import pytest

from defocus.restoration.journal import JOURNAL, Restored, RestoreJournal
from defocus.storage import staging

SETTINGS = {"system": "net"}


def no_locks(*_: object, **__: object) -> bool:
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.mark.parametrize("locks", [True, False])
def test_lines_of_another_process_stay(tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr(staging, "try_lock", no_locks)
    journals = [RestoreJournal(tmp_path, SETTINGS) for _ in range(3)]
    targets = [tmp_path / f"{number}.png" for number in range(3)]
    for journal, target in zip(journals, targets, strict=True):
        journal.claim([target])
    for journal, target in reversed(list(zip(journals, targets, strict=True))):
        target.write_bytes(target.name.encode())
        journal.finish(target, "0" * 64, Restored(target.name, str(target), width=8))
    written = json.loads((tmp_path / JOURNAL).read_text())
    assert [bool(written[target.name]) for target in targets] == [True] * 3
    again = RestoreJournal(tmp_path, SETTINGS)
    again.claim(targets)
    assert all(again.earlier(target, target, "0" * 64) for target in targets)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
        JOURNAL,
    ]
    assert not list(tmp_path.parent.glob(".*.owner"))


def test_what_a_killed_run_left_beside_the_pictures_is_swept(tmp_path):
    RestoreJournal(tmp_path, SETTINGS).claim([tmp_path / "a.png"])
    (tmp_path / ".a-abcdefgh.part.png").write_bytes(b"half")
    (tmp_path / ".mine-abcdefgh.part.png").write_bytes(b"whose?")
    RestoreJournal(tmp_path, SETTINGS).claim([tmp_path / "b.png"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".mine-abcdefgh.part.png",
        JOURNAL,
    ]
