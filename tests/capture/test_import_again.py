"""The same card again, cards that are refused, and folders that change while they are read."""

import os
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from defocus.capture.arriving import importer, importing
from defocus.capture.arriving.import_request import ImportRequest
from defocus.capture.arriving.importer import CardCamera, PictureFolder
from defocus.capture.arriving.importing import import_pictures
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.session import read_session
from defocus.errors import InputError
from defocus.likeness import Fingerprint
from tests.capture.card import fill_card

WIDE, NARROW = 4.0, 22.0
TWO_PAIRS = [(NARROW, 0), (WIDE, 5), (NARROW, 1000), (WIDE, 1005)]


def imported(session: Path, card: Path) -> int:
    return import_pictures(session, ImportRequest(folder=card))


def test_a_finished_card_with_a_leftover_is_nothing_new(tmp_path, capsys):
    card, session = tmp_path / "card", tmp_path / "s"
    fill_card(card, [(NARROW, 0), (WIDE, 5), (NARROW, 1000)])
    assert imported(session, card) == 0
    assert "1 pair imported, 1 file left out" in capsys.readouterr().err
    assert imported(session, card) == 0
    assert "0 pairs imported, 1 file left out" in capsys.readouterr().err
    fill_card(card, [(WIDE, 1005)], first=4)
    assert imported(session, card) == 0
    assert len(read_session(session).pairs) == 2


@pytest.mark.parametrize(
    ("place", "call"), [("describe", 1), ("shoot", 1), ("shoot", 2)]
)
def test_a_pair_that_fails_in_an_unforeseen_way_is_left_out_by_name(
    tmp_path, monkeypatch, capsys, place, call
):
    card, session = tmp_path / "card", tmp_path / "s"
    fill_card(card, TWO_PAIRS)
    whole, calls = getattr(CardCamera, place), Counter[CardCamera]()

    def fails_with_the_first(camera: CardCamera, *given: Path) -> object:
        calls[camera] += 1
        first = camera._pair.shots[0].files[0].name == "IMG_0001.JPG"
        if first and calls[camera] == call:
            raise ZeroDivisionError("float division by zero")
        return whole(camera, *given)

    with monkeypatch.context() as patched:
        patched.setattr(CardCamera, place, fails_with_the_first)
        for _ in range(2):
            assert imported(session, card) == 1
            stderr = capsys.readouterr().err
            assert (
                "pair of IMG_0001.JPG is left out: unforeseen ZeroDivisionError"
                in stderr
            )
            assert len(read_session(session).pairs) == 1
    verdicts = [pair.verdict for pair in check_session(session).pairs]
    assert verdicts.count("incomplete") == (place != "describe")
    assert imported(session, card) == 0
    assert [pair.verdict for pair in check_session(session).pairs] == ["accept"] * 2


def test_a_card_that_is_pulled_out_ends_the_import(tmp_path, monkeypatch, refused):
    card, session = tmp_path / "card", tmp_path / "s"
    fill_card(card, TWO_PAIRS)

    def pulled_out(_camera: CardCamera) -> None:
        card.rename(tmp_path / "away")
        raise FileNotFoundError

    with monkeypatch.context() as patched:
        patched.setattr(CardCamera, "describe", pulled_out)
        with refused(InputError):
            imported(session, card)
    (tmp_path / "away").rename(card)
    assert imported(session, card) == 0


@pytest.mark.parametrize("shots", [[], [(NARROW, 0)], [(None, 0), (None, 5)]])
def test_a_refused_import_leaves_nothing(tmp_path, shots, refused):
    """A picture without EXIF has no aperture: an editor may have dropped it."""
    fill_card(tmp_path / "card", shots)
    with refused(InputError):
        imported(tmp_path / "s", tmp_path / "card")
    assert not (tmp_path / "s").exists()


def test_pictures_that_are_renamed_while_they_are_read(tmp_path, monkeypatch):
    shots = [(NARROW, 0), (WIDE, 5), (NARROW, 10), (WIDE, 15)]
    first, second, third, fourth = fill_card(tmp_path / "card", shots)
    pictures = PictureFolder(tmp_path / "card")
    listed, whole = importer.picture_files, importer.look_at

    def listed_then_renamed(folder: Path) -> list[Path]:
        listing = listed(folder)
        second.rename(tmp_path / "second.jpg")
        return listing

    def whole_then_renamed(path: Path) -> Fingerprint:
        shown = whole(path)
        if path == fourth:
            path.rename(tmp_path / "fourth.jpg")
        return shown

    monkeypatch.setattr(importer, "picture_files", listed_then_renamed)
    looks = pictures.looks()
    assert [look[0] for look in looks] == [first, third, fourth]
    third.rename(tmp_path / "third.jpg")
    monkeypatch.setattr(importer, "look_at", whole_then_renamed)
    assert [shot.files[0] for shot in pictures.shots(looks, set())] == [first]
    assert not pictures.damaged


def test_names_that_are_no_text_are_imported(tmp_path):
    card = tmp_path / os.fsdecode(b"card \xff")
    for path in fill_card(card, [(NARROW, 0), (WIDE, 5)]):
        path.rename(os.fsdecode(os.fsencode(path).replace(b"IMG", b"\xff\xfe")))
    assert imported(tmp_path / "s", card) == 0
    assert imported(tmp_path / "s", card) == 0
    (pair,) = read_session(tmp_path / "s").pairs
    assert pair.sharp.name == "sharp.jpg"


def test_the_watch_waits_for_a_second_aperture(tmp_path, monkeypatch):
    card = tmp_path / "card"
    fill_card(card, [(NARROW, 0), (None, 3), (WIDE, 5), (NARROW, 1000)])
    rounds = iter(range(3))

    def interrupted(_seconds: float) -> None:
        if next(rounds, None) is None:
            raise KeyboardInterrupt

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=interrupted)
    monkeypatch.setattr(importing, "time", clock)
    with pytest.raises(KeyboardInterrupt):
        importing.watch_pictures(
            tmp_path / "s", ImportRequest(folder=card, settled_seconds=0.0)
        )
    assert len(read_session(tmp_path / "s").pairs) == 1
