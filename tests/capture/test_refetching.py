"""Shots that are on the card of a camera when the transfer, or the whole session, is cut short."""

import hashlib
import json
import stat
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from defocus.capture.camera import ON_CARD
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.damage import DamagedFile, check_session, report_damage
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.lines import StoredFile
from defocus.capture.sessions.refetching import fetch_damaged
from defocus.capture.sessions.session import read_state
from defocus.capture.taking.shots.shooting import new_pairs
from tests.capture.shooting import journalled, resume, shoot

STORE = "/store_00010001"
"""The virtual camera lists the files of its folder here, and delivers them."""

KEPT = b"a shot that was taken before" * 1000


@pytest.fixture
def on_card(virtual_folder):
    (virtual_folder / "kept.dng").write_bytes(KEPT)


def note(folder: Path, role: str, name: str) -> Path:
    path = folder / f"{role}{ON_CARD}"
    path.write_text(json.dumps([[STORE, name]]))
    return path


ORDER: Any = {"settle_seconds": 0.0, "order": "sharp-first"}
REQUEST = BracketRequest(blurry="f/5.6", shutter="0.0012s", **ORDER)


@pytest.mark.full
@pytest.mark.usefixtures("on_card")
def test_a_shot_whose_transfer_was_cut_short_is_fetched_and_not_taken_again(
    virtual_camera, tmp_path
):
    """One that is gone from the card is taken again."""
    virtual_camera.quiet_ms = 1
    left = note(tmp_path, "sharp", "kept.dng")
    (part,) = virtual_camera.shoot(tmp_path / "sharp")
    assert part.name == "sharp.dng.part"
    assert part.read_bytes() == KEPT
    assert not left.exists()
    left = note(tmp_path, "sharp", "gone.dng")
    assert [path.name for path in virtual_camera.shoot(tmp_path / "sharp")] == [
        "sharp.jpg.part"
    ]
    assert not left.exists()


@pytest.mark.full
@pytest.mark.usefixtures("on_card")
def test_resume_fetches_what_is_still_on_the_card(virtual_folder, tmp_path, capsys):
    uri, session = f"gphoto2:virtual={virtual_folder}", tmp_path / "session"
    with (
        open_camera(uri) as camera,
        open_session_folder(session, create=True) as folder,
    ):
        pairs = new_pairs(folder.state, "Desk", scenes=1, repeat=1)
        folder.plan(
            [REQUEST.journalled(REQUEST.plan(camera), confirmed_by_yes=True)], pairs
        )
        note(folder.begin_pair(pairs[0]), "sharp", "kept.dng")
        note(session / "pairs" / pairs[0].id, "blurry", "gone.dng")
    resume(session)
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
    # the fetched shot, and the two of the pair
    assert len(journalled(session, "file")) == 3


def session_on_the_card(folder: Path, session: Path, **options: Any) -> None:
    """One pair of the virtual camera; the journal says where on the card a file is."""
    quick: Any = {"retake": "never", "strictness": "off", "scene": "Desk"}
    shoot(session, f"gphoto2:virtual={folder}", REQUEST, **quick, **options)
    for record in journalled(session, "file"):
        ((place, name),) = record["on_card"]
        assert place.startswith(STORE)
        assert name.startswith("GPH_")


@pytest.mark.full
def test_a_lost_file_of_a_complete_pair_is_fetched_from_the_card(
    virtual_folder, tmp_path, capsys
):
    """The virtual camera forgets its shots with its process: a file of its folder stands in.

    What the card has no more is named, and its pair is incomplete."""
    session = tmp_path / "s"
    session_on_the_card(virtual_folder, session)
    pair = session / "pairs" / "0001_desk"
    content = (pair / "sharp.jpg").read_bytes()
    (virtual_folder / "kept.jpg").write_bytes(content)
    with open_session_folder(session, create=False) as folder:
        stored = next(
            f for f in folder.state.complete["0001_desk"].files if f.name == "sharp.jpg"
        )
        place = {"files": [asdict(stored)], "on_card": [(STORE, "kept.jpg")]}
        folder.journal.append("file", pair="0001_desk", role="sharp", **place)
    (pair / "sharp.jpg").chmod(0o644)
    (pair / "sharp.jpg").write_bytes(content[:-1] + b"x")
    assert [entry.verdict for entry in check_session(session).pairs] == ["incomplete"]
    assert resume(session) == 0
    said = capsys.readouterr().err
    assert "sharp.jpg: fetched from the card" in said
    assert "1 pair complete, nothing to shoot" in said
    assert check_session(session).ok
    assert not (pair / "sharp.jpg").stat().st_mode & stat.S_IWUSR
    assert (session / "interrupted" / "0001_desk.1" / "sharp.jpg").read_bytes()[
        -1:
    ] == b"x"
    assert sorted(path.name for path in pair.iterdir()) == [
        "blurry.jpg",
        "pair.json",
        "sharp.jpg",
    ]

    (pair / "blurry.jpg").unlink()
    assert resume(session) == 1
    said = capsys.readouterr().err
    assert "blurry.jpg: not on the card any more" in said
    assert (
        "0001_desk  incomplete: blurry.jpg is missing; restore it from a copy" in said
    )
    assert "0 pairs complete, nothing to shoot" in said
    (checked,) = check_session(session).pairs
    assert (checked.verdict, checked.reason) == ("incomplete", "blurry.jpg is missing")


@pytest.mark.parametrize("content", [b"the shot", b"another picture"])
def test_only_the_file_that_was_lost_takes_its_place(tmp_path, content):
    lost = StoredFile("sharp.jpg", hashlib.sha256(b"the shot").hexdigest(), 8)
    taken: list[bytes] = []

    def fetch(path_stem: Path) -> list[Path]:
        part = path_stem.with_suffix(".jpg.part")
        part.write_bytes(content)
        return [part]

    folder = SimpleNamespace(
        root=tmp_path,
        state=SimpleNamespace(
            on_card={("0001_desk", "sharp.jpg"): (STORE, "kept.jpg")}
        ),
        restore=lambda *one: taken.append(one[2].read_bytes()),
    )
    camera = SimpleNamespace(on_card=(), fetch=fetch, delete=print)
    rig = SimpleNamespace(of=lambda _: camera)
    damaged = [DamagedFile("0001_desk", lost, "sharp.jpg is missing")]
    fetch_damaged(cast(Any, folder), cast(Any, rig), damaged)
    assert taken == [content] * (content == b"the shot")
    assert not list((tmp_path / "pairs" / "0001_desk").iterdir())


def test_a_damaged_pair_without_a_card_does_not_keep_the_others_from_being_shot(
    tmp_path, run
):
    session = tmp_path / "s"
    camera = "sim:?width=96&height=64&fault=unplug@4"
    result = run(
        "defocus-capture",
        "shoot",
        session,
        "--camera",
        camera,
        "--repeat",
        "2",
        "--yes",
    )
    assert result.returncode == 4
    (session / "pairs" / "0001_scene-001" / "truth" / "flow.npy").unlink()
    result = run(
        "defocus-capture",
        "resume",
        session,
        "--camera",
        "sim:?width=96&height=64",
        "--yes",
    )
    assert result.returncode == 1
    assert "0001_scene-001  incomplete: truth/flow.npy is missing" in result.stderr
    assert [pair.verdict != "incomplete" for pair in check_session(session).pairs] == [
        False,
        True,
    ]


@pytest.mark.full
def test_files_are_deleted_on_the_card_once_their_copies_were_read_back(
    virtual_folder, tmp_path
):
    session_on_the_card(virtual_folder, tmp_path / "kept")
    session_on_the_card(virtual_folder, tmp_path / "s", keep_on_camera=False)
    for name, deleted in (("kept", []), ("s", ["sharp.jpg", "blurry.jpg"])):
        names = [
            record["name"] for record in journalled(tmp_path / name, "deleted-on-card")
        ]
        assert names == deleted
        assert len(read_state(tmp_path / name)[0].on_card) == 2 - len(deleted)
    assert check_session(tmp_path / "s").ok


def test_a_pair_is_one_line_however_many_of_its_files_are_gone(capsys):
    names = [("0001_a", name) for name in ("blurry.tif", "sharp.tif", "pair.json")]
    gone = [
        DamagedFile(pair, StoredFile(name, "0" * 64, 1), f"{name} is missing")
        for pair, name in [*names, ("0002_a", "x.y")]
    ]
    report_damage(gone)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "0001_a  incomplete: blurry.tif is missing and 2 further files of it; "
    )
    assert second.startswith(
        "0002_a  incomplete: x.y is missing; restore it from a copy"
    )
