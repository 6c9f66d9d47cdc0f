"""A damaged journal is rebuilt from its copies and from what stands elsewhere in the session."""

import shutil
from pathlib import Path

import pytest

from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.folder import open_session_folder, repair_session
from defocus.capture.sessions.session import read_state
from defocus.errors import DatasetError
from tests.capture.shooting import shoot

Verdicts = dict[str, tuple[str, str]]


PAIRS = ("0001_scene-001", "0002_scene-001", "0003_scene-002")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs of two apertures and scenes; a person decided about the last."""
    root = tmp_path_factory.mktemp("repair") / "s"
    for blurry in ("f/4,f/2.8", "f/4"):
        request = BracketRequest(blurry, "f/22", "1/400")
        uri = "sim:?seed=2&width=64&height=64"
        shoot(root, uri, request, code=None, retake="never", strictness="warn")
    with open_session_folder(root, create=False) as folder:
        folder.judge("0003_scene-002", "reject", "a hand in the picture")
    return root


@pytest.fixture
def copied(session: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(session, tmp_path / "s"))


def verdicts(session: Path) -> Verdicts:
    state = read_state(session)[0]
    return {pair.id: (pair.verdict, pair.reason) for pair in state.complete.values()}


def damage(session: Path, event: str) -> list[int]:
    """Flip a byte in every line of an event; return their numbers."""
    journal = session / "journal.jsonl"
    lines = [bytearray(line) for line in journal.read_bytes().splitlines(keepends=True)]
    hit = [n for n, line in enumerate(lines, 1) if f'"event":"{event}"'.encode() in line]
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
def test_lines_are_taken_from_the_copies(session: Path, copied: Path, event: str) -> None:
    """A last line that was whole, the person's, is damaged and not torn."""
    whole, numbers = (copied / "journal.jsonl").read_bytes(), damage(copied, event)
    assert event != "judged" or numbers[-1] == whole.count(b"\n")
    with pytest.raises(DatasetError, match=r"is damaged; run 'defocus-capture check --repair"):
        read_state(copied)
    assert repair_session(copied)[:-1] == [
        f"line {number}: {said}, taken from a copy"
        for number, said in zip(numbers, IN_WORDS[event], strict=True)
    ]
    assert (copied / "journal.jsonl").read_bytes() == whole
    assert (copied / "journal.damaged-1.jsonl").is_file()
    assert repair_session(copied) == []
    assert verdicts(copied) == verdicts(session)


def test_damage_after_a_repair_that_lost_a_line(session: Path, copied: Path) -> None:
    """The lines after it have other numbers than in the copies of before."""
    for journal in (copied / "journal-copies").iterdir():
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(line for line in lines if b'"event":"file"' not in line))
    damage(copied, "file")
    repair_session(copied)
    assert len(damage(copied, "pair-complete")) == 3
    told = repair_session(copied)
    assert [line.split(": ")[1] for line in told[:-1]] == [
        f"{said}, taken from a copy" for said in IN_WORDS["pair-complete"]
    ]
    assert verdicts(copied) == verdicts(session)


@pytest.mark.parametrize("event", ["session-created", "planned", "pair-complete", "judged"])
def test_without_copies_the_rest_of_the_session_tells(
    session: Path, copied: Path, event: str
) -> None:
    shutil.rmtree(copied / "journal-copies")
    damage(copied, event)
    with (copied / "journal.jsonl").open("ab") as stream:
        stream.write(b"not the last line any more\n")
    told = repair_session(copied)
    assert any("made from" in line or "by a person" in line for line in told)
    found, before = (
        {pair: said for pair, (said, _) in verdicts(one).items()} for one in (copied, session)
    )
    assert found == before
    state, whole = read_state(copied)[0], read_state(session)[0]
    assert state.planned == whole.planned
    assert [one.to_json() for one in state.shoots] == [one.to_json() for one in whole.shoots]
    assert not state.incomplete
    with open_session_folder(copied, create=False):
        assert [pair.verdict for pair in check_session(copied).pairs][-1] == "reject"


def test_a_pair_whose_file_has_changed_is_not_called_complete(copied: Path) -> None:
    shutil.rmtree(copied / "journal-copies")
    damage(copied, "pair-complete")
    victim = copied / "pairs" / "0001_scene-001" / "sharp.tif"
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1])
    (copied / "pairs" / "0003_scene-002" / "blurry.tif").unlink()
    told = repair_session(copied)
    assert "0001_scene-001: lost, sharp.tif has changed" in told
    assert "0003_scene-002: rejected by a person, but the pair itself is lost" in told
    assert "0001_scene-001" in [pair.id for pair in read_state(copied)[0].incomplete]


def test_what_nothing_tells_is_refused_and_nothing_is_changed(copied: Path) -> None:
    shutil.rmtree(copied / "journal-copies")
    damage(copied, "session-created")
    (copied / "session.json").unlink()
    damaged = (copied / "journal.jsonl").read_bytes()
    with pytest.raises(DatasetError, match=r"session\.json lacks 'schema'"):
        repair_session(copied)
    assert (copied / "journal.jsonl").read_bytes() == damaged
