"""Sidecars on a card are copied beside their pictures, and named with what they rate."""

import json
from pathlib import Path

import pytest

from defocus.capture.arriving.import_request import ImportRequest
from defocus.capture.arriving.importing import import_pictures
from defocus.capture.commands.check import judged_again
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.session import read_state
from defocus.capture.sessions.view import list_pairs
from defocus.capture.sidecars import rating
from tests.capture.card import fill_card

WIDE, NARROW = 4.0, 22.0
PAIR = [(NARROW, 0), (WIDE, 5)]
REJECTED = '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="-1"/>'
UNRATED = "<xmp:Rating>0</xmp:Rating>"
LIKED = "<xmp:Rating>4</xmp:Rating>"


@pytest.mark.parametrize(
    ("name", "content", "stars"),
    [
        ("IMG_0001.JPG.xmp", REJECTED, -1),
        ("IMG_0001.xmp", LIKED, 4),
        ("IMG_0001.XMP", "<x xap:Rating='0'/>", 0),
        ("IMG_0001.JPG.pp3", "[General]\nRank=3\nInTrash=false\n", 3),
        ("IMG_0001.JPG.pp3", "[General]\nRank=3\nInTrash=true\n", -1),
        ("IMG_0001.xmp", "no rating", None),
        ("IMG_0001.AAE", "<plist/>", None),
        ("IMG_0001.JPG.DOP", "Sidecar = {}", None),
    ],
)
def test_the_stars_of_a_sidecar(tmp_path, name, content, stars):
    (tmp_path / name).write_text(content)
    assert rating(tmp_path / name) == stars


def imported(session: Path, card: Path, **choices: str) -> int:
    return import_pictures(
        session, ImportRequest.model_validate({"folder": card, **choices})
    )


def test_sidecars_are_copied_beside_their_pictures_and_named(tmp_path, capsys):
    card, session = tmp_path / "card", tmp_path / "s"
    fill_card(card, [*PAIR, (NARROW, 1000)])
    texts = {
        "IMG_0001.AAE": "<plist/>",
        "IMG_0001.JPG.pp3": "Rank=5",
        "IMG_0002.JPG.DOP": "Sidecar = {}",
        "img_0002.xmp": LIKED,
        "IMG_0002.XMP": UNRATED,
        "IMG_0003.xmp": LIKED,
        "IMG_0009.xmp": LIKED,
    }
    for name, text in texts.items():
        (card / name).write_text(text)
    assert imported(session, card) == 0
    stderr = capsys.readouterr().err
    for line in (
        "IMG_0001.AAE: a sidecar, copied beside its picture\n",
        "IMG_0001.JPG.pp3: a sidecar, copied beside its picture; it gives it 5 stars\n",
        "IMG_0002.JPG.DOP: a sidecar, copied beside its picture\n",
        "left out: IMG_0003.xmp: a sidecar of IMG_0003.JPG, which is in no pair; it gives it 4 st",
        "left out: IMG_0009.xmp: a sidecar without a picture of its own; it gives it 4 stars\n",
        "1 pair imported, 4 files left out",
    ):
        assert line in stderr
    (pair,) = (session / "pairs").iterdir()
    stored = {path.name for path in pair.iterdir()}
    assert stored >= {"sharp.aae", "sharp.jpg.pp3", "blurry.jpg.dop", "blurry.xmp"}
    assert (pair / "sharp.jpg.pp3").read_text() == "Rank=5"
    entry = json.loads((pair / "pair.json").read_text())
    assert entry["roles"]["sharp"]["file"] == "sharp.jpg"
    assert sorted(entry["roles"]["sharp"]["other_files"]) == [
        "sharp.aae",
        "sharp.jpg.pp3",
    ]
    (card / "IMG_0002.JPG.xmp").write_text(REJECTED)
    (pair / "sharp.aae").unlink()
    assert imported(session, card) == 0
    stderr = capsys.readouterr().err
    assert "sharp.aae: copied again from" in stderr
    assert (
        "IMG_0002.JPG.xmp: a sidecar of IMG_0002.JPG, which was imported before it"
        in stderr
    )
    assert "IMG_0001" not in stderr.partition("copied again")[2].partition("\n")[2]
    assert check_session(session).ok


@pytest.mark.parametrize(
    ("text", "verdict", "said"),
    [
        (REJECTED, "warn", "the sidecar of the blurry picture rejects it"),
        (UNRATED, "accept", "the sidecar of the blurry picture gives it 0 stars"),
    ],
)
def test_a_review_shows_a_rating_without_stars(tmp_path, text, verdict, said):
    card, session = tmp_path / "card", tmp_path / "s"
    fill_card(card, PAIR)
    (card / "IMG_0002.xmp").write_text(text)
    assert imported(session, card) == 0
    (pair,) = list_pairs(read_state(session)[0])
    assert (pair["verdict"], pair["reason"]) == (verdict, said)
    check = check_session(session)
    assert judged_again(session, check, again=True) == check


def test_a_rejected_picture_is_left_out_where_that_is_asked_for(tmp_path, capsys):
    """The shot after it, that was taken again, makes the pair."""
    card, session = tmp_path / "card", tmp_path / "s"
    fill_card(card, [*PAIR, (WIDE, 10)])
    (card / "IMG_0002.JPG.xmp").write_text(REJECTED)
    (card / "IMG_0003.JPG.xmp").write_text(UNRATED)
    assert imported(session, card, rejected="leave") == 0
    stderr = capsys.readouterr().err
    assert "left out: IMG_0002.JPG: its sidecar IMG_0002.JPG.xmp rejects it" in stderr
    assert (
        "IMG_0002.JPG.xmp: a sidecar of IMG_0002.JPG, which is in no pair; it rej"
        in stderr
    )
    (shoot,) = read_state(session)[0].shoots
    assert shoot.imported == ("IMG_0001.JPG", "IMG_0003.JPG")
