"""The log of a session's days: what it says, as a document and as a table."""

import csv

import numpy as np
import pypdf
import pytest
from selenium.webdriver.common.by import By

from defocus.capture.arriving.import_request import ImportRequest
from defocus.capture.arriving.importing import import_pictures
from defocus.capture.commands import shoot
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.additions import SessionAddition
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_session
from defocus.errors import InputError
from defocus.extras.notebook import log as module
from defocus.extras.notebook.commands import capture_log as log
from defocus.extras.notebook.log import read_log, write_log
from defocus.pictures.write import write_image
from defocus.reports.model import Paragraph
from tests.capture.card import card_jpeg
from tests.capture.raw_sessions import write_session
from tests.capture.shooting import shoot as shoot_session

LIST = '\ufeffScene,Note,who\n"Desk, left",lamp 2 is broken,A\nBüro 2,=cmd(),B\n'


@pytest.fixture
def black_pair(tmp_path):
    write_image(tmp_path / "p.png", np.zeros((20, 30, 3), np.uint8))
    return dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")


def test_scenes_of_a_list_and_their_notes_are_in_the_table(tmp_path):
    (tmp_path / "day.csv").write_text(LIST, encoding="utf-8")
    session = tmp_path / "s"
    shoot.command.main(
        [str(session), "--camera", "sim:?seed=2&width=64&height=64", "--shutter", "1/400", "--yes",
         "--qc", "warn", "--scene-list", str(tmp_path / "day.csv"), "--by", "Jane"],
        standalone_mode=False,
    )  # fmt: skip
    out = str(tmp_path / "day.log.csv")
    log.command.main([str(session), "--out", out, "--by", "Joe"], standalone_mode=False)
    assert (
        (tmp_path / "day.log.csv")
        .read_bytes()
        .startswith(b"\xef\xbb\xbfday,time,pair,")
    )
    with (tmp_path / "day.log.csv").open(newline="", encoding="utf-8-sig") as stream:
        first, second = csv.DictReader(stream)
    assert second["scene"] == "Büro 2", (
        "Excel takes a file without the mark for another encoding"
    )
    assert (first["scene"], first["scene_note"]) == ("Desk, left", "lamp 2 is broken")
    assert second["sharp"].startswith("f/22, ")
    assert second["by"] == "Jane", "who shot is kept with the shots"
    assert second["scene_note"] == "'=cmd()"


def test_the_log_is_a_document_to_file(tmp_path, black_pair, refused):
    write_session(
        tmp_path / "s", [black_pair] * 2, {1: "reject"}, reasons={1: "<b>moved</b>"}
    )
    (tmp_path / "l.pdf").write_text("an earlier log, which is replaced")
    log.command.main(
        [str(tmp_path / "s"), "--out", str(tmp_path / "l.pdf")], standalone_mode=False
    )
    text = "".join(
        page.extract_text() for page in pypdf.PdfReader(tmp_path / "l.pdf").pages
    )
    assert "2 pairs (1 accepted, 1 rejected) on 1 day" in " ".join(text.split())
    assert "<b>moved</b>" in text.replace("\n", "")
    assert text.index("Pair") < text.index("Time"), (
        "the first column stands on every part"
    )
    with refused(InputError):
        log.command.main([str(tmp_path / "s"), "--out", "l.doc"], standalone_mode=False)


def test_a_pair_whose_document_cannot_be_read_is_named(tmp_path, black_pair, capsys):
    write_session(tmp_path / "s", [black_pair] * 2, {})
    (document,) = (tmp_path / "s").glob("pairs/0001*/pair.json")
    document.write_text("{")
    words = [str(tmp_path / "s"), "--out", str(tmp_path / "day.csv")]
    assert log.command.main(words, standalone_mode=False) == 1
    assert (
        f"pair {document.parent.name} has no settings in the log"
        in capsys.readouterr().err
    )
    with (tmp_path / "day.csv").open(newline="", encoding="utf-8-sig") as stream:
        assert [row["pair"][:4] for row in csv.DictReader(stream)] == ["0001", "0002"]


def test_the_log_says_when_with_what_and_by_whom_a_card_was_shot(tmp_path):
    (tmp_path / "card").mkdir()
    for number, f_number in ((1, 22.0), (2, 4.0)):
        picture = card_jpeg(f_number, 3600 + number, seed=number, lens="Maker 50 mm")
        (tmp_path / "card" / f"IMG_{number:04d}.JPG").write_bytes(picture)
    import_pictures(tmp_path / "s", ImportRequest(folder=tmp_path / "card"))
    (pair,) = read_session(tmp_path / "s").pairs
    with open_session_folder(tmp_path / "s", create=False) as folder:
        folder.judge(pair.id, "reject", "the tripod slipped")
    (row,) = read_log(tmp_path / "s")
    assert (row.day, row.time) == ("2026-01-01", "01:00"), (
        "of the shots, not of the import"
    )
    assert (row.camera, row.lens) == ("Maker Body 1", "Maker 50 mm")
    assert (row.verdict, row.reason) == ("reject", "the tripod slipped")
    for name in ("day.html", "day.csv"):
        words = [str(tmp_path / "s"), "--out", str(tmp_path / name), "--by", "Jane"]
        log.command.main(words, standalone_mode=False)
        text = (tmp_path / name).read_text("utf-8")
        assert all(
            words in text for words in ("Jane", "Maker 50 mm", "the tripod slipped")
        )


def test_retakes_and_what_extras_add_are_on_the_page_which_fits_a_phone(
    tmp_path, monkeypatch, open_page
):
    def parts(state):
        return [Paragraph(f"{len(state.complete)} pairs in the rain")]

    weather = SessionAddition("Weather", None, parts, lambda state: {}, "Rain", parts)
    monkeypatch.setattr(module, "session_additions", lambda: [weather])
    uri = "sim:?seed=3&width=128&height=96&noise=0.5&fault=ev%3D0.5%403"
    request = BracketRequest(blurry="f/1.4", shutter="1/1600")
    shoot_session(tmp_path / "s", uri, request, scenes=2, repeat=2, scene="Desk")
    write_log(tmp_path / "s", tmp_path / "day.html")
    day = (tmp_path / "day.html").read_text()
    assert day.count("accepted, 1 retake<") == 1
    assert "ISO\N{NO-BREAK SPACE}100" in day, "numbers keep their units on a line"
    assert "4 pairs in the rain" in day
    browser = open_page(tmp_path / "day.html", 390, 800)
    (table,) = browser.find_elements(By.CSS_SELECTOR, ".scroll")
    fits = "return arguments[0].scrollWidth <= arguments[0].clientWidth"
    assert browser.execute_script(fits, table)
