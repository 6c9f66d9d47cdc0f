"""Shots that are on the card of a camera when the transfer, or the whole session, is cut short."""

import json
import stat
from pathlib import Path

import pytest

from defocus.capture.cameras.camera import ON_CARD, open_camera
from defocus.capture.cameras.gphoto2 import GPhoto2Camera
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import read_journal
from defocus.capture.taking.running import resume_session
from defocus.capture.taking.shooting import new_pairs

STORE = "/store_00010001"
"""The virtual camera lists the files of its folder here, and delivers them."""

KEPT = b"a shot that was taken before" * 1000


@pytest.fixture
def on_card(virtual_folder: Path) -> None:
    (virtual_folder / "kept.dng").write_bytes(KEPT)


def note(folder: Path, role: str, name: str) -> Path:
    path = folder / f"{role}{ON_CARD}"
    path.write_text(json.dumps([[STORE, name]]))
    return path


@pytest.mark.usefixtures("on_card")
def test_a_shot_whose_transfer_was_cut_short_is_fetched_and_not_taken_again(
    virtual_folder: Path, tmp_path: Path
) -> None:
    with open_camera(f"gphoto2:virtual={virtual_folder}") as camera:
        assert isinstance(camera, GPhoto2Camera)
        camera.quiet_ms = 1
        left = note(tmp_path, "sharp", "kept.dng")
        (part,) = camera.shoot(tmp_path / "sharp")
        assert part.name == "sharp.dng.part"
        assert part.read_bytes() == KEPT
        assert not left.exists()
        assert [path.name for path in camera.shoot(tmp_path / "sharp")] == ["sharp.jpg.part"]


def test_a_shot_that_is_gone_from_the_card_is_taken_again(
    virtual_camera: GPhoto2Camera, tmp_path: Path
) -> None:
    virtual_camera.quiet_ms = 1
    left = note(tmp_path, "sharp", "gone.dng")
    assert [path.name for path in virtual_camera.shoot(tmp_path / "sharp")] == ["sharp.jpg.part"]
    assert not left.exists()


@pytest.mark.usefixtures("on_card")
def test_resume_fetches_what_is_still_on_the_card(
    virtual_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri, session = f"gphoto2:virtual={virtual_folder}", tmp_path / "session"
    request = BracketRequest("f/5.6", "f/22", "0.0012s", settle_seconds=0.0, order="sharp-first")
    with open_camera(uri) as camera, open_session_folder(session, create=True) as folder:
        plan = request.plan(camera)
        pairs = new_pairs(folder.state, "Desk", scenes=1, repeat=1)
        folder.plan(request.journalled(plan, confirmed_by_yes=True), pairs)
        note(folder.begin_pair(pairs[0]), "sharp", "kept.dng")
        note(session / "pairs" / pairs[0].id, "blurry", "gone.dng")
    resume_session(session, uris=(), yes=True, json_lines=False, hook=None)
    said = capsys.readouterr().err
    assert "sharp: fetched from the card" in said
    assert "blurry: not on the card any more" in said
    kept = session / "interrupted" / "0001_desk.1" / "sharp.dng"
    assert kept.read_bytes() == KEPT
    assert not kept.stat().st_mode & stat.S_IWUSR
    assert not list(session.rglob(f"sharp{ON_CARD}"))
    (pair,) = check_session(session).pairs
    assert pair.verdict != "incomplete"
    assert all(entry.ok for entry in pair.files)
    events = [record["event"] for record in read_journal(session / "journal.jsonl").records]
    assert events.count("file") == 3  # the fetched shot, and the two of the pair
