"""Sections of reports: ours and those of others through one door; a broken one is a warning."""

import re
from pathlib import Path

import pytest

import defocus.extras
from defocus import Section
from defocus.benchmark.documents.publish import publish
from defocus.benchmark.documents.section_registry import (
    _sections_beside,
    all_sections,
    needed_files,
)
from defocus.benchmark.results.store import open_results
from defocus.errors import RegistryError
from defocus.plugins import extensions
from defocus.reports.model import Page, Paragraph
from tests.benchmark.example_study import make_study, page_of
from tests.brought import forgotten

__all__ = ["forgotten"]

ROOT = Path(__file__).parents[2]

MINE = """
import defocus


def seconds(study):
    rows = [(row.system, row.value) for row in study.rows if row.metric == "seconds"]
    columns = (defocus.Column("System"), defocus.Column("Time", "s"))
    return [defocus.Table("Seconds of a picture", columns, tuple(rows))]


def note(study):
    return [defocus.Paragraph((study.out / "note.txt").read_text())]


SECONDS = defocus.Section("Seconds", 85, (), seconds)
NOTE = defocus.Section("Note", 5, ("note.txt",), note)
"""


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study", systems=3, images=4)


def headings(page: Page) -> list[str]:
    return [heading for heading, _ in page.sections]


def test_a_section_of_one_file_stands_where_it_says(study, tmp_path):
    before = headings(page_of(study))
    (tmp_path / "mine.py").write_text(MINE)
    extensions.load_plugin(tmp_path / "mine.py")
    titles = headings(page_of(study))
    assert [one for one in titles if one not in before] == ["Seconds"], (
        "the note is not there"
    )
    assert titles.index("Quality and cost") + 1 == titles.index("Seconds")
    (study / "note.txt").write_text("bright")
    for printed in (False, True):
        page = page_of(study, printed=printed)
        assert page.sections[0] == ("Note", (Paragraph("bright"),))
        assert "Seconds" in headings(page)


@pytest.mark.full
def test_a_report_is_made_again_when_what_a_section_needs_changes(study, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    extensions.load_plugin(tmp_path / "mine.py")
    report = study / "report.html"
    with open_results(study / "results.sqlite") as results:
        publish(study, results)
        for word in ("bright", "dark"):
            (study / "note.txt").write_text(word)
            publish(study, results)
            assert word in report.read_text(encoding="utf-8")
        assert needed_files(study) == [study / "note.txt"]
        report.write_text("mine now")
        stamp = (study / ".report.json").read_text()
        publish(study, results)
        assert report.read_text(encoding="utf-8") != "mine now"
        assert (study / ".report.json").read_text() == stamp


def test_a_broken_section_is_a_warning_that_names_the_line(study, tmp_path, capsys):
    before = headings(page_of(study))
    (tmp_path / "mine.py").write_text(
        "from defocus import Paragraph, Section, Table\n\n\n"
        "def broken(study):\n    return study.nothing\n\n\n"
        "def words(study):\n    return 'no part'\n\n\n"
        "def number(study):\n    return {'A': [7]}\n\n\n"
        "def odd(study):\n    return [Paragraph(7), Table('T', ('name',), (('x',),))]\n\n\n"
        "PARTS = (Section('A', 1, (), broken), Section('B', 2, (), words))\n"
        "ODD = Section('D', 4, (), odd)\n"
        "NUMBER = Section('C', 3, (), number)\n"
    )
    extensions.load_plugin(tmp_path / "mine.py")
    for printed in (False, True):
        assert set(headings(page_of(study, printed=printed))) & {*"ABCD"} == set()
    assert headings(page_of(study)) == before
    first, second, third, *others = capsys.readouterr().err.splitlines()
    assert first.startswith(
        f"warning: plug-in {tmp_path / 'mine.py'}:5: section 'A': Attribute"
    )
    assert (
        "section 'B': TypeError: build gives str instead of a list of parts" in second
    )
    assert "section 'C': TypeError: int is not a part of a page" in third
    assert third.endswith("the section is left out")
    assert all("section 'D': " in one for one in others), others
    assert len(others) == 2, (
        "its parts can be written neither for browsers nor for print"
    )


def test_an_extra_brings_sections(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(defocus.extras, "__path__", [str(tmp_path)])
    folder = tmp_path / "notes" / "sections"
    folder.mkdir(parents=True)
    (folder / "fails.py").write_text(
        "from defocus import Section\n\nSECTION = Section('Fails', 1, (), lambda study: 1 / 0)\n"
    )
    (folder / "nothing.py").write_text("SECTION = 7\n")
    (folder / "seconds.py").write_text(MINE)
    _sections_beside.cache_clear()
    titles = headings(page_of(study))
    assert "Seconds" in titles
    assert "Fails" not in titles
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert (
        "extra 'notes' (defocus.extras.notes.sections.nothing) has no Section"
        in lines[0]
    )
    assert (
        "extra 'notes' (defocus.extras.notes.sections.fails): section 'Fails'"
        in lines[1]
    )
    assert "ZeroDivisionError" in lines[1]


@pytest.mark.parametrize(
    "facts",
    [
        ("", 1, ()),
        ("A", "first", ()),
        ("A", 1, "note.txt"),
        ("A", 1, ("../note.txt",)),
        ("A", 1, ("/note.txt",)),
    ],
)
def test_a_wrong_definition_is_one_line(facts, refused):
    with refused(RegistryError):
        Section(*facts, build=lambda study: ())  # type: ignore[arg-type]


def test_the_page_knows_no_section_by_name():
    page = ROOT / "benchmark" / "documents" / "page.py"
    for path in (page, *(ROOT / "benchmark" / "leaderboard").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"\b(charts?|doses?|judg\w*|misalignment)\b", text, re.IGNORECASE
        )
    imports = re.findall(
        r"^from defocus\.[\w.]+ import", page.read_text("utf-8"), re.MULTILINE
    )
    assert len(imports) <= 8
    assert len({one.name for one in all_sections()}) >= 8
