"""The hot folder, and sessions from memory cards: half-written files, pairing, going on."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.arriving import hot_folder
from defocus.capture.arriving.card_shots import CardShot
from defocus.capture.arriving.pairing import BracketApertures, apertures_of, find_pairs
from defocus.capture.links.back_ends import open_camera
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.session import read_session
from defocus.errors import CameraError, InputError
from defocus.pictures.metadata import Exif
from tests.capture.card import card_jpeg, fill_card
from tests.command_process import StartedCommand, start_command

WIDE, NARROW = 4.0, 22.0


def test_a_shot_comes_with_all_its_files_once_they_are_whole(tmp_path, monkeypatch):
    """Half a picture stands still, and is none; the second file comes a look before the first one
    has stood still for long enough."""
    hot, content = tmp_path / "hot", card_jpeg(NARROW, 10)
    fill_card(hot, [(WIDE, 0)])
    clock = SimpleNamespace(now=time.time(), looks=0, begun=float("inf"))

    def write(name: str, content: bytes) -> None:
        (hot / name).write_bytes(content)
        os.utime(hot / name, (clock.now, clock.now))

    def sleep(seconds: float) -> None:
        clock.looks += 1
        if clock.looks == 20:
            clock.begun = clock.now
        clock.now += seconds
        if clock.looks in (1, 20):
            write(
                "A1.JPG", content if clock.looks == 20 else content[: len(content) // 2]
            )
        elif (
            not (hot / "A1.PNG").exists()
            and clock.now - clock.begun > hot_folder.SIBLING_SECONDS
        ):
            write("A1.PNG", png())
            write("A1.xmp", b"no picture")
            write("B1.JPG.part", card_jpeg(NARROW, 2))

    times = SimpleNamespace(
        time=lambda: clock.now, monotonic=lambda: clock.now, sleep=sleep
    )
    monkeypatch.setattr(hot_folder, "time", times)
    with open_camera(f"folder:{hot}") as camera:
        assert camera.settings()["aperture"].value == "f/4"  # of the newest picture
        assert camera.set("aperture", "f/22") == "f/22"
        parts = camera.shoot(tmp_path / "sharp")
        assert camera.describe().model == "Maker Body 1"
    assert [part.name for part in parts] == ["sharp.jpg.part", "sharp.png.part"]
    assert parts[0].read_bytes() == content == (hot / "A1.JPG").read_bytes(), (
        "originals stay"
    )


def png() -> bytes:
    import cv2
    import numpy as np

    return bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())


def test_what_never_comes_or_never_becomes_whole(tmp_path, refused):
    folder = hot_folder.HotFolder(tmp_path, wait_seconds=0.3)
    with pytest.raises(CameraError, match=r"no new picture in 0\.3 s"):
        folder.next_shot()
    (tmp_path / "half.jpg").write_bytes(card_jpeg(WIDE, 0)[:3000])
    with refused(CameraError):
        folder.next_shot()


@pytest.mark.full
def test_a_person_is_told_what_to_set_and_the_exif_shows_whether_they_did(tmp_path):
    """The first try at the sharp shot is taken wide open; its pair is rejected and shot again."""
    hot, session = tmp_path / "hot", tmp_path / "session"
    hot.mkdir()
    arguments = [
        "shoot", session, "--camera", f"folder:{hot}", "--shutter", "1/125", "--iso", "100",
        "--order", "blurry-first", "--settle", "0", "--yes", "--retries", "1",
    ]  # fmt: skip
    with start_command("defocus-capture", *arguments) as process:
        aperture, shots, said = "", 0, []
        for line in process.stderr:
            said.append(line.strip())
            if "set the aperture to" in line:
                aperture = line.strip().rpartition("/")[2]
            if line.startswith("release the camera now"):
                shots += 1
                number = WIDE if shots == 2 else float(aperture)
                picture = card_jpeg(number, shots, seed=shots)
                (hot / f"IMG_{shots:04d}.JPG").write_bytes(picture)
    assert (process.returncode, shots) == (0, 4), said
    assert "on the camera, set the shutter to 1/4" in said
    (pair,) = read_session(session).pairs
    assert pair.metadata["roles"]["sharp"]["exif"]["f_number"] == NARROW
    assert pair.sharp.read_bytes() == (hot / "IMG_0004.JPG").read_bytes()


def roles_of(pattern: str, pause: int = 5) -> list[CardShot]:
    """Shots of a pattern: ``b``lurry, ``s``harp, other apertures ``x``, a long pause ``-``."""
    shots, seconds = [], 0
    for index, letter in enumerate(pattern):
        seconds += 1000 if letter == "-" else pause
        if letter != "-":
            number = {"b": WIDE, "s": NARROW, "x": 8.0, "?": None}[letter]
            exif = Exif(
                f_number=number, seconds=None if number is None else 0.01, iso=100
            )
            shots.append(
                CardShot((Path(f"IMG_{index:04d}.JPG"),), exif, float(seconds))
            )
    return shots


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("bs", "bs"), ("sb", "sb"), ("sbs", "sbs"), ("bsb", "bsb"), ("sbssbs", "sbs sbs"),
        ("bsbsbs", "bs bs bs"), ("sbsb", "sb sb"), ("sbs-b", "sbs"), ("bs-sbs-sb", "bs sbs sb"),
        ("b-s", ""), ("bbs", "bs"), ("bxs", "bs"), ("?bs?", "bs"), ("", ""),
    ],
)  # fmt: skip
def test_pairs_by_aperture_time_and_order(pattern, expected):
    pairs, left = find_pairs(
        roles_of(pattern), BracketApertures(WIDE, NARROW), gap_seconds=60
    )
    letters = {WIDE: "b", NARROW: "s"}
    shots = [
        "".join(letters[shot.exif.f_number or 0] for shot in pair.shots)
        for pair in pairs
    ]
    assert shots == expected.split()
    assert len(left) + len("".join(shots)) == len(roles_of(pattern))
    for pair in pairs:
        assert (pair.blurry.exif.f_number, pair.sharp.exif.f_number) == (WIDE, NARROW)


@given(st.text(alphabet="bsx?-", max_size=30))
def test_every_shot_is_in_one_pair_or_left_out(pattern):
    shots = roles_of(pattern)
    pairs, left = find_pairs(shots, BracketApertures(WIDE, NARROW), gap_seconds=60)
    used = [shot.files[0] for pair in pairs for shot in pair.shots] + [
        one.path for one in left
    ]
    assert sorted(used) == [shot.files[0] for shot in shots]
    for pair in pairs:
        assert pair.shots[-1].seconds - pair.shots[0].seconds <= 120


def test_an_exposure_of_minutes_is_no_pause():
    sharp, blurry = roles_of("sb", pause=130)
    sharp = replace(sharp, exif=replace(sharp.exif, seconds=120.0))
    for shots, paired in (([sharp, blurry], 1), (roles_of("sb", pause=130), 0)):
        pairs, _ = find_pairs(shots, BracketApertures(WIDE, NARROW), gap_seconds=60)
        assert len(pairs) == paired


def test_apertures_are_found_where_there_are_two(refused):
    assert apertures_of(roles_of("bsbs")) == BracketApertures(WIDE, NARROW)
    with refused(InputError):
        apertures_of(roles_of("bsx"))
    with refused(InputError):
        apertures_of(roles_of("??"))


def test_a_card_becomes_a_session(run, tmp_path, said, snapshot):
    card, session = tmp_path / "card", tmp_path / "session"
    folder = card / "DCIM" / "100MAKER"
    first = [(NARROW, 0), (WIDE, 5), (NARROW, 10), (WIDE, 40), (NARROW, 45)]
    files = fill_card(folder, [*first, (None, 50), (WIDE, 1000), (NARROW, 1004)])
    (folder / "IMG_0009.JPG").write_bytes(card_jpeg(WIDE, 1010)[:4000])
    (folder / "IMG_0010.JPG").symlink_to("/etc/hostname")
    assert said(run("defocus-capture", "import", session, card)) == snapshot
    pairs = read_session(session).pairs
    assert {pair.scene for pair in pairs} == {"scene-001"}, "all show the same"
    roles = [list(pair.metadata["roles"]) for pair in pairs]
    assert roles == [
        ["sharp", "blurry", "anchor"],
        ["blurry", "sharp"],
        ["blurry", "sharp"],
    ]
    assert pairs[0].blurry.read_bytes() == files[1].read_bytes()
    assert pairs[0].metadata["camera"]["model"] == "Maker Body 1"
    assert pairs[0].metadata["exposure"]["aperture_ev"] == pytest.approx(5.0)
    assert "EXIF" not in pairs[0].metadata["reason"]

    fill_card(card / "DCIM" / "101MAKER", [(WIDE, 2000), (NARROW, 2005)], first=11)
    again = run("defocus-capture", "import", session, card, "--scene", "Late one")
    assert "1 pair imported" in again.stderr
    assert [pair.scene for pair in read_session(session).pairs][3:] == ["late-one"]
    assert check_session(session).ok


def test_what_the_session_lost_is_copied_from_the_card_again(run, tmp_path):
    card, session = tmp_path / "card", tmp_path / "s"
    narrow, wide = fill_card(card, [(NARROW, 0), (WIDE, 5)])
    assert run("defocus-capture", "import", session, card).returncode == 0
    (pair,) = read_session(session).pairs
    pair.sharp.unlink()
    pair.blurry.chmod(0o644)
    pair.blurry.write_bytes(b"damaged")
    wide.rename(tmp_path / "elsewhere.jpg")
    result = run("defocus-capture", "import", session, card, code=1)
    assert "sharp.jpg: copied again from" in result.stderr
    assert "incomplete: blurry.jpg has 7 bytes" in result.stderr
    assert pair.sharp.read_bytes() == narrow.read_bytes()
    (tmp_path / "elsewhere.jpg").rename(wide)
    assert run("defocus-capture", "import", session, card).returncode == 0
    assert [entry.id for entry in read_session(session).pairs] == [pair.id]


def import_process(*arguments: str | Path) -> StartedCommand:
    return start_command("defocus-capture", "import", *arguments, "--json-lines")


def test_an_import_that_is_killed_goes_on(run, tmp_path):
    card, session = tmp_path / "card", tmp_path / "session"
    seconds = [100 * pair + 5 * shot for pair in range(4) for shot in range(2)]
    fill_card(card, [*zip([WIDE, NARROW] * 4, seconds, strict=True)])
    with import_process(session, card) as process:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "file" and event["pair"].startswith("0002"):
                process.kill()
                break
    refused = run("defocus-capture", "resume", session, "--yes", code=2)
    assert "import' again" in refused.stderr
    run("defocus-capture", "import", session, card, code=0)
    pairs = read_session(session).pairs
    assert [pair.id for pair in pairs] == [f"{n:04d}_scene-001" for n in (1, 2, 3, 4)]
    names = [pair.blurry.read_bytes() for pair in pairs]
    assert names == [path.read_bytes() for path in sorted(card.iterdir())[::2]]
    assert run("defocus-capture", "import", session, card).returncode == 0
    assert len(read_session(session).pairs) == 4


@contextmanager
def seen_at_once(process: StartedCommand) -> Iterator[None]:
    """What is written meanwhile has arrived when the process looks, however long that takes."""
    process.send_signal(signal.SIGSTOP)
    yield
    process.send_signal(signal.SIGCONT)


@pytest.mark.full
def test_watching_takes_pairs_as_they_come(tmp_path):
    hot, session, stage = tmp_path / "hot", tmp_path / "session", tmp_path / "stage"
    hot.mkdir()
    files = fill_card(
        stage, [(NARROW, 0), (WIDE, 5), (NARROW, 10), (WIDE, 300), (NARROW, 305)]
    )
    with import_process(session, "--watch", hot, "--settled-after", "1") as process:
        with seen_at_once(process):
            for path in files[:3]:
                shutil.copy2(path, hot)
        document = (
            line
            for line in process.stdout
            if json.loads(line)["event"] == "pair-complete"
        )
        next(document)
        with seen_at_once(process):
            for path in files[3:]:
                shutil.copy2(path, hot)
        next(document)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    roles = [list(pair.metadata["roles"]) for pair in read_session(session).pairs]
    assert roles == [["sharp", "blurry", "anchor"], ["blurry", "sharp"]]
