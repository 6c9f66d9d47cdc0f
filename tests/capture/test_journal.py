"""The journal: what was confirmed is never lost, whatever is cut off or damaged."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.folder import open_session_folder, repair_session
from defocus.capture.sessions.journal import Journal, read_journal
from defocus.capture.sessions.session import has_begun, read_state
from defocus.errors import DatasetError
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import write_session
from tests.capture.shooting import shoot

Verdicts = dict[str, tuple[str, str]]
PAIRS = ("0001_scene-001", "0002_scene-001", "0003_scene-002")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Three pairs of two apertures and scenes; a person decided about the last."""
    root = tmp_path_factory.mktemp("repair") / "s"
    for blurry in ("f/4,f/2.8", "f/4"):
        request = BracketRequest(blurry=blurry, shutter="1/400")
        uri = "sim:?seed=2&width=64&height=64"
        shoot(root, uri, request, code=None, retake="never", strictness="warn")
    with open_session_folder(root, create=False) as folder:
        folder.judge("0003_scene-002", "reject", "a hand in the picture")
    return root


def verdicts(session: Path) -> Verdicts:
    state = read_state(session)[0]
    return {pair.id: (pair.verdict, pair.reason) for pair in state.complete.values()}


def damage(session: Path, event: str) -> list[int]:
    """Flip a byte in every line of an event; return their numbers."""
    journal = session / "journal.jsonl"
    lines = [bytearray(line) for line in journal.read_bytes().splitlines(keepends=True)]
    hit = [
        n for n, line in enumerate(lines, 1) if f'"event":"{event}"'.encode() in line
    ]
    for number in hit:
        lines[number - 1][40] ^= 1
    journal.write_bytes(b"".join(lines))
    return hit


IN_WORDS = {
    "session-created": ["the beginning of the session"],
    "planned": ["a plan of pairs"] * 2,
    "pair-shot": [f"the end of the shots of a pair ({pair})" for pair in PAIRS],
    "pair-complete": [f"the verdict on a pair ({pair})" for pair in PAIRS],
    "judged": ["a person's decision on a pair (0003_scene-002)"],
}


@pytest.mark.parametrize("event", IN_WORDS)
def test_lines_are_taken_from_the_copies(session, copied, event, refused):
    """A last line that was whole, the person's, is damaged and not torn."""
    whole, numbers = (copied / "journal.jsonl").read_bytes(), damage(copied, event)
    assert event != "judged" or numbers[-1] == whole.count(b"\n")
    with refused(DatasetError):
        read_state(copied)
    assert repair_session(copied)[:-1] == [
        f"line {number}: {said}, taken from a copy"
        for number, said in zip(numbers, IN_WORDS[event], strict=True)
    ]
    assert (copied / "journal.jsonl").read_bytes() == whole
    assert (copied / "journal.damaged-1.jsonl").is_file()
    assert repair_session(copied) == []
    assert verdicts(copied) == verdicts(session)


def test_damage_after_a_repair_that_lost_a_line(session, copied):
    """The lines after it have other numbers than in the copies of before."""
    for journal in (copied / "journal-copies").iterdir():
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(
            b"".join(line for line in lines if b'"event":"file"' not in line)
        )
    damage(copied, "file")
    repair_session(copied)
    assert len(damage(copied, "pair-complete")) == 3
    repair = repair_session(copied)
    assert [line.split(": ")[1] for line in repair[:-1]] == [
        f"{said}, taken from a copy" for said in IN_WORDS["pair-complete"]
    ]
    assert verdicts(copied) == verdicts(session)


@pytest.mark.parametrize(
    "event", ["session-created", "planned", "pair-complete", "judged"]
)
def test_without_copies_the_rest_of_the_session_tells(session, copied, event):
    shutil.rmtree(copied / "journal-copies")
    damage(copied, event)
    with (copied / "journal.jsonl").open("ab") as stream:
        stream.write(b"not the last line any more\n")
    repair = repair_session(copied)
    assert any("made from" in line or "by a person" in line for line in repair)
    pairs, before = (
        {pair: said for pair, (said, _) in verdicts(one).items()}
        for one in (copied, session)
    )
    assert pairs == before
    state, whole = read_state(copied)[0], read_state(session)[0]
    assert state.planned == whole.planned
    assert [one.to_json() for one in state.shoots] == [
        one.to_json() for one in whole.shoots
    ]
    assert not state.incomplete
    with open_session_folder(copied, create=False):
        assert [pair.verdict for pair in check_session(copied).pairs][-1] == "reject"


def test_a_pair_whose_file_has_changed_is_not_called_complete(copied):
    shutil.rmtree(copied / "journal-copies")
    damage(copied, "pair-complete")
    victim = copied / "pairs" / "0001_scene-001" / "sharp.tif"
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1])
    (copied / "pairs" / "0003_scene-002" / "blurry.tif").unlink()
    repair = repair_session(copied)
    assert "0001_scene-001: lost, sharp.tif has changed" in repair
    assert "0003_scene-002: rejected by a person, but the pair itself is lost" in repair
    assert "0001_scene-001" in [pair.id for pair in read_state(copied)[0].incomplete]


def test_what_nothing_tells_is_refused_and_nothing_is_changed(copied, refused):
    shutil.rmtree(copied / "journal-copies")
    damage(copied, "session-created")
    (copied / "session.json").unlink()
    damaged = (copied / "journal.jsonl").read_bytes()
    with refused(DatasetError):
        repair_session(copied)
    assert (copied / "journal.jsonl").read_bytes() == damaged


def test_an_index_that_is_not_what_the_journal_says_is_named(tmp_path, capsys):
    write_image(tmp_path / "p.png", np.full((6, 8, 3), 90, np.uint8))
    write_session(
        tmp_path / "s", [dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")]
    )
    index = tmp_path / "s" / "session.json"
    document = json.loads(index.read_text())
    assert check_session(tmp_path / "s").ok
    assert capsys.readouterr().err == ""
    for content, words in (
        ("{", "damaged"),
        ("[]", "damaged"),
        (json.dumps({**document, "id": "other"}), "'id' is not what the journal says"),
        (json.dumps({**document, "pairs": {}}), "'pairs' is not what the journal says"),
        (None, "missing"),
    ):
        index.unlink() if content is None else index.write_text(content)
        assert check_session(tmp_path / "s").ok  # the pairs are those of the journal
        stderr = capsys.readouterr().err
        assert words in stderr
        assert "--fix-index" in stderr


@pytest.fixture
def path(tmp_path):
    """A journal of four lines."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        for index in range(4):
            journal.append("file", name=f"blurry-{index}.tif", text="é\n")
    return tmp_path / "journal.jsonl"


def test_cut_anywhere_keeps_every_whole_line(path):
    content = b"".join(path.read_bytes().splitlines(keepends=True)[:2])
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        journal = read_journal(path)
        assert len(journal.records) == content[:length].count(b"\n")
        assert journal.valid_bytes + journal.torn_bytes == length


@pytest.mark.parametrize("lost_blocks", [False, True])
def test_appending_after_a_torn_line_cuts_it_off_and_says_so(path, lost_blocks):
    content = path.read_bytes()
    path.write_bytes(content[:-20] + bytes(19) + b"\n" if lost_blocks else content[:-5])
    with Journal(path) as journal:
        assert journal.torn_bytes > 0
        assert journal.append("after")["n"] == 4
    events = [record["event"] for record in read_journal(path).records]
    assert events == ["file", "file", "file", "after"]


@pytest.mark.parametrize("line", [0, 1])
def test_damage_before_the_last_line_is_an_error_that_names_it(path, line, refused):
    """So is a line that was taken out."""
    lines = path.read_bytes().splitlines(keepends=True)
    changed = [*lines]
    changed[line] = lines[line].replace(b"blurry", b"blurrx")
    path.write_bytes(b"".join(changed))
    with refused(DatasetError):
        read_journal(path)
    path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    with refused(DatasetError):
        read_journal(path)


@pytest.mark.parametrize("written", [0.5, 1.0])
def test_an_interruption_while_a_line_is_written(tmp_path, monkeypatch, written):
    """A line that got to the disk counts, half a line does not, and neither is overwritten."""
    write = os.write

    def interrupted(descriptor: int, content: bytes) -> int:
        write(descriptor, content[: int(len(content) * written)])
        raise KeyboardInterrupt

    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append("first")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append("second", text="x" * 500)
        journal.append("third")
    events = [
        record["event"] for record in read_journal(tmp_path / "journal.jsonl").records
    ]
    assert events == (
        ["first", "second", "third"] if written == 1.0 else ["first", "third"]
    )


@pytest.mark.parametrize("left", [b"", b'{"crc32":"0'])
def test_a_session_that_was_killed_at_its_start_begins_with_the_same_command(
    tmp_path, left
):
    root = tmp_path / "s"
    root.mkdir()
    (root / "lock").touch()
    (root / "journal.jsonl").write_bytes(left)
    assert not has_begun(root)
    request = BracketRequest(blurry="f/4", shutter="1/400")
    shoot(root, "sim:?seed=2&width=64&height=64", request, code=None, strictness="warn")
    assert has_begun(root)
    assert len(read_state(root)[0].complete) == 1
