"""The list of pictures by their blur: its order, its forms, its ratings, and what it refuses."""

import csv
import io
import json

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from defocus.command_line.commands import single_command
from defocus.errors import StorageError
from defocus.restoration import listing
from defocus.restoration.command import _print_list, command
from defocus.restoration.files.rating import EXIF_RATING, NEW
from defocus.restoration.listing import (
    ListedPicture,
    list_pictures,
    listing_csv,
    rate_pictures,
    stars,
)

SIDE = 512


def scene(blur_px: float) -> np.ndarray:
    """Bright and dark patches of many sizes behind a Gaussian, with a little noise."""
    random = np.random.default_rng(0)
    picture = np.full((SIDE, SIDE), 0.5, np.float32)
    for _ in range(400):
        left, top = random.integers(0, SIDE, 2)
        width, height = random.integers(4, 90, 2)
        picture[top : top + height, left : left + width] = random.random()
    if blur_px:
        picture = cv2.GaussianBlur(picture, (0, 0), blur_px / 4)
    noisy = picture + 0.004 * random.standard_normal(picture.shape)
    return np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Four pictures, and one file that is none."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, blur_px in {"a.png": 12, "b.png": 0, "c.png": 4}.items():
        cv2.imwrite(str(pictures / name), scene(blur_px))
    cv2.imwrite(str(pictures / "sky.png"), np.full((SIDE, SIDE, 3), 140, np.uint8))
    (pictures / "broken.png").write_bytes(b"no picture")
    return pictures


def listed(*words: object) -> Result:
    """The command's result; its exit code is the return value."""
    program = single_command("defocus-restore", command)
    typed = [str(word) for word in words]
    return CliRunner().invoke(program, typed, "defocus-restore", standalone_mode=False)


def names(pictures):
    return [picture.image.rpartition("/")[2] for picture in pictures]


def test_the_sharpest_picture_comes_first_and_what_is_unknown_last(folder):
    pictures = list_pictures(sorted(folder.iterdir()), None)
    assert names(pictures) == ["b.png", "c.png", "a.png", "sky.png", "broken.png"]
    sharp, _, blurred, plain, broken = pictures
    assert sharp.in_focus > 0.9 > blurred.in_focus
    assert sharp.sharpest_px <= sharp.median_px < blurred.sharpest_px
    assert (plain.note, plain.sharpest_px, plain.in_focus) == ("plain", None, None)
    assert broken.reason
    assert {
        picture.note for picture in pictures if picture.sharpest_px is not None
    } == {""}


def test_noise_that_covers_detail_is_noted(tmp_path):
    noise = 128 + 40 * np.random.default_rng(0).standard_normal((SIDE, SIDE))
    cv2.imwrite(str(tmp_path / "a.png"), noise.clip(0, 255).astype(np.uint8))
    (picture,) = list_pictures([tmp_path / "a.png"], None)
    assert picture.note == "noise"


def test_a_list_writes_nothing_and_leaves_out_by_name(folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    result = listed("--list", folder)
    assert result.return_value == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert "broken.png is left out" in result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0].rpartition("/")[2] for line in lines[1:]] == [
        "b.png",
        "c.png",
        "a.png",
        "sky.png",
    ]
    assert not (folder.parent / "restored").exists()


def test_a_turned_picture_has_the_size_that_is_shown(tmp_path):
    from PIL import Image as Pillow

    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(scene(0)[:300]).save(tmp_path / "a.jpg", exif=exif)
    (picture,) = list_pictures([tmp_path / "a.jpg"], None)
    assert (picture.width, picture.height) == (300, SIDE)


def test_csv_has_a_line_for_each_picture(folder):
    result = listed("--list", "--csv", folder)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["image"].rpartition("/")[2] for row in rows][:3] == [
        "b.png",
        "c.png",
        "a.png",
    ]
    assert float(rows[0]["sharpest_px"]) < float(rows[2]["sharpest_px"])
    assert rows[3]["sharpest_px"] == ""
    assert rows[4]["reason"]


def test_json_is_alone_on_stdout(folder, capfd):
    assert listed("--list", "--json", folder).return_value == 2
    pictures = json.loads(capfd.readouterr().out)
    assert [picture["image"].rpartition("/")[2] for picture in pictures][:2] == [
        "b.png",
        "c.png",
    ]
    assert set(pictures[0]) == {
        "image",
        "sharpest_px",
        "in_focus",
        "median_px",
        "width",
        "height",
        "note",
        "rating",
        "reason",
    }


def test_the_table_has_columns_for_notes_and_ratings_only_where_there_are_some(
    capsys, snapshot
):
    first = ListedPicture("a.jpg", 1.24, 0.345, 6.7, 6000, 4000, rating=5)
    second = ListedPicture("b.jpg", 21.5, 0.0, 30.1, 4000, 6000, note="noise")
    third = ListedPicture("sky.jpg", width=6000, height=4000, note="plain")
    _print_list([first, second, third])
    _print_list([ListedPicture("a.jpg", 1.24, 0.345, 6.7, 6000, 4000)])
    _print_list([])
    assert capsys.readouterr().out == snapshot


def test_names_are_safe_in_a_spreadsheet():
    text = listing_csv([ListedPicture("=1+1.jpg", 1.0, 0.5, 2.0, 60, 40)])
    assert "\n=1" not in text


def test_ratings_are_written_beside_the_pictures(folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / "c.png.xmp").write_text("mine")
    result = listed("--list", "--rate", folder)
    assert result.return_value == 2
    assert "c.png is not rated: " in result.stderr
    assert "sky.png: plain, so it is not rated" in result.stderr
    assert (folder / "c.png.xmp").read_text() == "mine"
    assert {path: path.read_bytes() for path in before} == before
    written = {path.name for path in folder.iterdir()} - {path.name for path in before}
    assert written == {"a.png.xmp", "b.png.xmp", "c.png.xmp"}
    assert 'xmp:Rating="5"' in (folder / "b.png.xmp").read_text()


def test_a_rating_that_was_given_stays_and_is_named(folder):
    assert listed("--list", "--rate", folder / "b.png").return_value == 0
    sidecar = folder / "b.png.xmp"
    mine = sidecar.read_text().replace('Rating="5"', 'Rating="2"')
    sidecar.write_text(mine)
    result = listed("--list", "--rate", folder / "b.png")
    assert result.return_value == 0
    assert "b.png: keeps its rating 2" in result.stderr
    assert sidecar.read_text() == mine


def test_a_rating_in_the_picture_itself_stays(folder, capsys):
    packet = NEW.replace("RATING", "2").encode()
    picture = Image.open(folder / "b.png").convert("RGB")
    picture.save(folder / "b.jpg", xmp=packet)
    exif = Image.Exif()
    exif[EXIF_RATING] = 3
    picture.save(folder / "c.jpg", exif=exif)
    picture.save(folder / "d.jpg", xmp=b"no packet")
    rated, unwritten = rate_pictures(list_pictures(sorted(folder.glob("*.jpg")), None))
    assert {names([one])[0]: one.rating for one in rated} == {
        "b.jpg": 2,
        "c.jpg": 3,
        "d.jpg": 5,
    }
    assert unwritten is None
    assert [one.name for one in folder.glob("*.xmp")] == ["d.jpg.xmp"]
    assert "keeps its rating 2" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_stops_neither_the_list_nor_other_folders(
    folder, tmp_path, monkeypatch
):
    closed = tmp_path / "closed"
    closed.mkdir()
    cv2.imwrite(str(closed / "z.png"), scene(0))
    monkeypatch.setattr(listing, "write_rating", refusing(closed, listing.write_rating))
    result = listed("--list", closed, folder / "b.png", "--rate")
    assert isinstance(result.exception, StorageError)
    assert {"z.png", "b.png"} <= {
        word.rpartition("/")[2] for word in result.stdout.split()
    }
    assert (folder / "b.png.xmp").exists()


def refusing(folder, write_rating):
    """The function, for which a folder cannot be written."""

    def write(sidecar, rating):
        if sidecar.parent == folder:
            raise StorageError(f"{sidecar}: cannot be written; choose another folder")
        return write_rating(sidecar, rating)

    return write


@pytest.mark.parametrize(
    ("sharpest_px", "rating"),
    [(0.0, 5), (2.5, 5), (2.6, 4), (10.0, 3), (20.0, 2), (20.1, 1)],
)
def test_each_star_less_is_twice_the_blur(sharpest_px, rating):
    assert stars(sharpest_px) == rating


@pytest.mark.parametrize(
    "words",
    [
        ("--list",),
        ("--list", "a.png", "--strength", "0.5"),
        ("--list", "a.png", "--mask", __file__),
        ("--list", "a.png", "--out", "mine"),
        ("--list", "a.png", "--baseline", "wiener"),
        ("--list", "--dataset", "sample"),
        ("--list", "a.png", "--csv", "--json"),
        ("--rate", "a.png"),
        ("--csv", "a.png"),
    ],
    ids=lambda words: " ".join(words).replace(__file__, "FILE"),
)
def test_what_has_no_meaning_is_refused(words, snapshot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = listed(*words)
    assert isinstance(result.exception, click.UsageError)
    assert result.exception.format_message() == snapshot
    assert not list(tmp_path.iterdir())


def test_a_picture_that_is_not_there_is_named(tmp_path):
    result = listed("--list", tmp_path / "nowhere.png")
    assert result.return_value == 2
    assert "nowhere.png is left out: no such picture or folder" in result.stderr
    assert result.stdout == ""


def test_a_folder_without_pictures_does_not_end_the_list(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    result = listed("--list", tmp_path / "empty", folder / "b.png", "--csv")
    assert result.return_value == 2
    assert "empty is left out: no picture in this folder; known are" in result.stderr
    assert [line.split(",")[0] for line in result.stdout.splitlines()[1:]] == [
        str(folder / "b.png"),
        str(tmp_path / "empty"),
    ]
