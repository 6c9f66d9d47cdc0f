"""The PDF report, read back by pypdf."""

import io
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import typst
from PIL import Image
from pypdf import PdfReader

from defocus.reports.html import render_html
from defocus.reports.model import (
    Beside,
    Column,
    Curve,
    Curves,
    Facts,
    Gallery,
    Page,
    Paragraph,
    Slider,
    Table,
    Tabs,
    Tile,
)
from defocus.reports.pdf import render_pdf, write_typst
from tests.command_process import run_python
from tests.reports.example_pages import HOSTILE, NOTICE, hostile_page, realistic_page


def read(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content))


def squeezed(reader: PdfReader) -> str:
    """All text without spaces and breaks: where a line breaks is a matter of layout."""
    return re.sub(
        r"[\s\u200b\u00a0]", "", "".join(page.extract_text() for page in reader.pages)
    )


@pytest.fixture(scope="module")
def content():
    return render_pdf(realistic_page())


@pytest.fixture(scope="module")
def reader(content):
    return read(content)


def test_it_is_tagged_and_says_that_it_is_pdf_ua(reader, content):
    assert reader.metadata.title == realistic_page().title
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"].startswith("en")
    assert reader.xmp_metadata is not None
    assert b"pdfuaid" in reader.trailer["/Root"]["/Metadata"].get_data()


def squeezed_text(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_the_notice_is_at_the_top_and_on_every_page(reader):
    text = squeezed(reader)
    pages = len(reader.pages)
    assert text.count(squeezed_text(NOTICE)) == pages + 1
    assert f"{pages}/{pages}" in text


def test_every_picture_has_words(reader):
    figures = [item for item in structure(reader) if item.get("/S") == "/Figure"]
    alternatives = [str(item.get("/Alt", "")) for item in figures]
    assert len([text for text in alternatives if text]) == 13
    assert any(text.startswith("Blurry input: chelsea") for text in alternatives)
    assert any("loss (mean absolute error)" in text for text in alternatives)


def structure(reader: PdfReader) -> Iterator[Any]:
    """All elements of the structure tree."""
    waiting = [reader.trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        item = waiting.pop().get_object()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            yield item
            if "/K" in item:
                waiting.append(item["/K"])


@pytest.mark.full
def test_hostile_text_is_shown_as_text():
    text = squeezed(read(render_pdf(hostile_page())))
    for shown in (
        *HOSTILE[:6],
        "photo⟨U+202E⟩gpj.exe",
        "lone⟨U+DCFF⟩surrogate",
        "⟨U+6F22⟩⟨U+5B57⟩",
    ):
        assert squeezed_text(shown) in text
    assert "root:" not in text


@pytest.mark.parametrize("columns", [3, 9, 40])
def test_every_number_of_a_wide_table_is_printed(columns):
    name = "a-very_long/name.of.a=system " * 2
    heads = (Column(name), *(Column(f"metric {n}", decimals=2) for n in range(columns)))
    rows = tuple((f"{name}{row}", *[12345.678] * columns) for row in range(8))
    page = Page(name, name, ((name, (Table(name, heads, rows, "the note"),)),), name)
    reader = read(render_pdf(page))
    text = squeezed(reader)
    assert text.count("thenote") == 1
    for index in range(columns):
        assert f"metric{index}" in text
    assert text.count("12345.68") == 8 * columns


def test_a_table_is_printed_whole_and_its_notes_once_at_the_end():
    heads = (
        Column("System"),
        *(Column(f"metric {index}", "dB", "higher") for index in range(13)),
    )
    rows = tuple((f"a system of name {n}", *[12.345] * 13) for n in range(44))
    tables = tuple(Table(name, heads, rows, notes=(1,)) for name in ("first", "second"))
    reader = read(
        render_pdf(Page("t", "", (("heading", tables),), notes=("what is to be said",)))
    )
    text = squeezed(reader)
    assert "part1of" not in text
    assert text.count("heading") == 1
    assert text.count("whatistobesaid") == 1
    assert text.count("Note1attheend.") == 2
    assert len(reader.pages) <= 3


@pytest.mark.parametrize(
    "name", ["x" * 300, "a-very_long/name.of.a=system " * 8, "word " * 80]
)
def test_nothing_is_drawn_in_the_margins(name, tmp_path):
    heads = (Column(name), Column(name, name, "higher"), *[Column("metric", "dB")] * 9)
    rows = ((name, name, *[1234.567] * 9), (name, None, *[0.0] * 9))
    picture = np.full((50, 200, 3), 90, np.uint8)
    curve = Curve(name, (0.0, 1e9), (1e-9, 1.0))
    parts = (
        Table(name, heads, rows, name),
        Slider(name, ((name, picture),) * 5),
        Slider(name, ((name, picture.transpose(1, 0, 2)),) * 2),
        Curves(name, name, name, (curve, curve)),
        Facts(name, ((name, name),)),
        Paragraph(name),
    )
    source = write_typst(Page(name, name, ((name, parts),), name), tmp_path)
    sheets = typst.compile(source, root=tmp_path, format="png", ppi=36)
    for sheet in sheets if isinstance(sheets, list) else [sheets]:
        shown = np.asarray(Image.open(io.BytesIO(sheet)).convert("L"))
        assert shown[:, :28].min() == shown[:, -28:].min() == 255
        assert shown.min() < 128


def test_figures_beside_and_below_each_other_stay_apart(tmp_path):
    """The label below a figure is not in the caption of the next; numbers are large enough."""
    curve = Curve("train", (0.0, 1.0), (0.0, 1.0))
    figures = tuple(
        Curves(f"caption{n}", f"below{n}", "share", (curve,)) for n in range(5)
    )
    heights: dict[str, float] = {}

    def seen(text: str, matrix: Any, place: Any, _font: object, _size: float) -> None:
        words = re.sub(r"\s", "", text)
        heights[words] = matrix[1] * place[4] + matrix[3] * place[5] + matrix[5]

    shown = Page("t", "", (("s", figures),))
    (page,) = read(render_pdf(shown)).pages
    page.extract_text(visitor_text=seen)
    for upper, lower in ((0, 2), (1, 3), (2, 4)):
        caption = next(
            y for words, y in heights.items() if words.endswith(f"caption{lower}")
        )
        assert heights[f"below{upper}"] > caption + 14
    folder = write_typst(shown, tmp_path).parent
    drawn = [
        path.read_text()
        for path in folder.glob("*.svg")
        if 'width="374' in path.read_text()
    ]
    assert len(drawn) == 5
    assert all('font-size="11.5"' in drawing for drawing in drawn)


def test_a_long_table_repeats_its_header():
    rows = tuple((f"system {index}", float(index)) for index in range(150))
    table = Table(
        "Long", (Column("Name of system"), Column("PSNR", "dB", "higher")), rows
    )
    reader = read(render_pdf(Page("t", "", (("s", (table,)),))))
    assert len(reader.pages) > 2
    assert all("Name of system" in page.extract_text() for page in reader.pages)


@pytest.mark.parametrize("before", range(38, 48))
def test_a_caption_stays_with_its_table(before):
    lines = tuple(Paragraph("A paragraph of one line.") for _ in range(before))
    table = Table(
        "The caption", (Column("Name"),), tuple((f"row {n}",) for n in range(12))
    )
    reader = read(render_pdf(Page("t", "", (("s", (*lines, table)),))))
    texts = [page.extract_text() for page in reader.pages]
    (page,) = [text for text in texts if "The caption" in text]
    assert "row 0" in page


def test_crops_of_one_picture_stand_in_one_row(tmp_path):
    tiles = tuple(
        Tile(f"way {n}", np.full((40, 40, 3), n * 20, np.uint8)) for n in range(6)
    )
    reader = read(render_pdf(Page("t", "", (("s", (Gallery("Crops", tiles),)),))))
    places: dict[str, float] = {}

    def keep(text: str, page: list[float], line: list[float], *_: object) -> None:
        if "way" in text:
            places[text.strip()] = page[5] + page[3] * line[5]

    reader.pages[0].extract_text(visitor_text=keep)
    assert len(places) > 1
    assert len(set(places.values())) == 1


@pytest.mark.full
@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_same_page_gives_the_same_bytes_in_another_process(content, seed, tmp_path):
    code = (
        "import sys; from tests.reports.example_pages import realistic_page as page;"
        "from defocus.reports.html import render_html; from defocus.reports.pdf import render_pdf;"
        "sys.stdout.buffer.write(render_html(page()).encode() + render_pdf(page()))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TMPDIR": str(tmp_path)}
    said = run_python(code, text=False, env=environment).stdout
    assert said == render_html(realistic_page()).encode() + content


def test_the_first_picture_comes_before_the_table_and_the_others_behind_it():
    words = ("Typical", "Best", "Worst")
    pictures = Tabs(
        "Picture", tuple((word, (Paragraph(f"{word} gain"),)) for word in words)
    )
    beside = Beside((pictures,), (Paragraph("the table"),))
    text = squeezed(read(render_pdf(Page("t", "", (("s", (beside,)),)))))
    places = [
        text.index(word)
        for word in ("Typicalgain", "thetable", "Bestgain", "Worstgain")
    ]
    assert places == sorted(places)
