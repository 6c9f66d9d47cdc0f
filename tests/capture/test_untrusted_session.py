"""Sessions that somebody else made: journals with a right checksum and wrong fields, addresses."""

import json
import math
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.journal import read_journal
from defocus.capture.sessions.session import read_state
from defocus.capture.taking import resuming
from defocus.capture.taking.resuming import journalled_address
from defocus.errors import DatasetError, DefocusError, InputError
from tests.capture.shooting import resume, shoot

TINY = "sim:?seed=2&width=96&height=64"
Line = dict[str, Any]
Change = Callable[[Line], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A session with one complete pair."""
    root = tmp_path_factory.mktemp("whole") / "s"
    request = BracketRequest(shutter="1/200", order="sharp-first")
    shoot(root, TINY, request, retake="never", strictness="off")
    return root


def changed(
    whole: Path, into: Path, event: str, change: Change, *, keep: int | None = None
) -> Path:
    """A copy whose lines of an event are changed; the checksums hold. It may keep only some."""
    shutil.copytree(whole, into)
    lines = [
        json.loads(json.dumps(line))
        for line in read_journal(whole / "journal.jsonl").records
    ]
    for line in lines:
        if line["event"] == event:
            change(line)
    journal = b"".join(_encoded(line) for line in lines[:keep])
    (into / "journal.jsonl").write_bytes(journal)
    return into


def _encoded(line: Line) -> bytes:
    """As a writer would that lets NaN and infinity through."""
    body = json.dumps(line)[1:].encode()
    return f'{{"crc32":"{zlib.crc32(body):08x}",'.encode() + body + b"\n"


def put(value: object, *path: str | int) -> Change:
    """Have a value at a place in a line."""

    def change(line: Line) -> None:
        place: Any = line
        for key in path[:-1]:
            place = place[key]
        if value is GONE:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


GONE = object()


def drop(*path: str | int) -> Change:
    return put(GONE, *path)


@pytest.mark.parametrize(
    ("event", "change", "words"),
    [
        ("planned", put(math.inf, "pairs", 0, "number"), "pairs.0.number"),
        ("planned", put(0, "pairs", 0, "number"), "pairs.0.number"),
        ("planned", put("../../etc", "pairs", 0, "id"), "pairs.0.id"),
        ("planned", put("<b>", "pairs", 0, "scene"), "pairs.0.scene"),
        ("planned", put(7, "pairs", 0, "shoot"), "a shoot that is not in the line"),
        ("planned", put("abc", "shoots"), "'shoots'"),
        ("planned", put([[1, 2]], "shoots"), "shoots.0"),
        ("planned", drop("shoots", 0, "camera"), "shoots.0.camera"),
        ("planned", put("abc", "shoots", 0, "camera"), "shoots.0.camera"),
        ("planned", put(math.nan, "shoots", 0, "settle_seconds"), "shoots.0.settle_seconds"),
        ("planned", put(-5, "shoots", 0, "settle_seconds"), "shoots.0.settle_seconds"),
        ("planned", put(10**20, "shoots", 0, "max_seconds"), "shoots.0.max_seconds"),
        ("planned", put("x", "shoots", 0, "handling"), "shoots.0.handling"),
        ("planned", put("x", "shoots", 0, "handling", "limits", "zoom_warn"), "limits.zoom_warn"),
        ("planned", put("often", "shoots", 0, "handling", "retake"), "handling.retake"),
        ("planned", put({"flat": {"sha256": "../x"}}, "shoots", 0, "handling", "calibrations"),
         "calibrations.flat.sha256"),
        ("file", put([1], "on_card"), "on_card.0"),
        ("file", drop("files"), "'files'"),
        ("pair-complete", put("../x.tif", "files", 0, "name"), "files.0.name"),
        ("pair-complete", put(None, "files", 0, "sha256"), "files.0.sha256"),
        ("pair-complete", put("0007_other", "pair"), "was not planned"),
        ("pair-complete", put("maybe", "verdict"), "'verdict'"),
        ("pair-complete", put([1], "event"), "no event"),
        ("session-created", put(3, "software"), "'software'"),
        ("session-created", put(99, "schema"), "update this package"),
    ],
)  # fmt: skip
def test_a_line_with_wrong_fields_is_refused_by_name(
    whole, tmp_path, event, change, words
):
    session = changed(whole, tmp_path / "s", event, change)
    before = {path: path.read_bytes() for path in session.rglob("*") if path.is_file()}
    for use in (check_session, lambda session: resume(session, TINY)):
        with pytest.raises(DatasetError, match="is invalid") as refused:
            use(session)
        assert words in str(refused.value)
        assert "\n" not in str(refused.value)
    after = {path: path.read_bytes() for path in session.rglob("*") if path.is_file()}
    assert {path.name for path in before if before[path] != after[path]} <= {"lock"}


@pytest.mark.parametrize(
    "body", ['"n":1', '"n":1,"x":' + "9" * 5000 + "}", '"n":1,"x":' + "[" * 99999]
)
def test_a_line_that_is_no_json_is_damaged(tmp_path, body, refused):
    line = f'{{"crc32":"{zlib.crc32(body.encode()):08x}",{body}\n'
    (tmp_path / "journal.jsonl").write_text(line * 2)
    with refused(DatasetError):
        check_session(tmp_path)


def stranger(whole: Path, tmp_path: Path) -> Path:
    """A session to be resumed that names a rig of programs, and says that all is confirmed."""
    (tmp_path / "rig.toml").write_text(
        f'shoot = ["touch", "{tmp_path / "started"}", "{{output}}"]\nsuffixes = [".jpg"]\n'
    )
    camera = put(f"command:{tmp_path / 'rig.toml'}", "shoots", 0, "camera", "uri")
    return changed(whole, tmp_path / "s", "planned", camera, keep=2)


def test_no_program_is_started_because_a_journal_names_it(
    whole, tmp_path, run, said, snapshot
):
    session = stranger(whole, tmp_path)
    assert said(run("defocus-capture", "resume", session, "--yes")) == snapshot
    assert not (tmp_path / "started").exists()
    assert not (session / "pairs" / "0001_scene-001" / "blurry.jpg").exists()


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_is_asked_before_the_journals_programs_are_started(
    whole, tmp_path, monkeypatch, refused, *, answer
):
    (shoot,) = read_state(stranger(whole, tmp_path))[0].shoots
    asked: list[str] = []

    def confirm(text: str, *, err: bool) -> bool:
        asked.append(text)
        assert err
        return answer

    monkeypatch.setattr(resuming.sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    if answer:
        assert (
            journalled_address(shoot.camera, shoot.sharp_camera).blurry
            == shoot.camera.uri
        )
    else:
        with refused(DefocusError):
            journalled_address(shoot.camera, shoot.sharp_camera)
    assert "rig.toml" in asked[0]
    monkeypatch.setattr(resuming.sys.stdin, "isatty", lambda: False)
    with refused(InputError):
        journalled_address(shoot.camera, shoot.sharp_camera)
