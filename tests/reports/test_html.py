"""The HTML report, read back by a parser."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from defocus.reports.display import visible
from defocus.reports.html import PICTURE_BUDGET_BYTES, render_html
from defocus.reports.model import Column, Measured, Page, Table
from tests.reports.example_pages import (
    HOSTILE,
    NOTICE,
    SYSTEMS,
    hostile_page,
    realistic_page,
)

VOID = {"meta", "link", "img", "br", "input"}
FETCHING = {
    "src",
    "href",
    "srcset",
    "data",
    "poster",
    "action",
    "xlink:href",
    "background",
}


class Document(HTMLParser):
    """Elements with attributes, text by element, and a check that every element is closed."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text, self.raw = (
            [],
            [],
            [],
            {"script": [], "style": []},
        )
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert len(attrs) == len(dict(attrs)), f"doubled attribute in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def source():
    return render_html(realistic_page())


@pytest.fixture(scope="module")
def document(source):
    return Document(source)


@pytest.fixture(scope="module")
def hostile():
    return Document(render_html(hostile_page()))


def test_the_policy_names_the_hashes_of_what_stands_in_the_file(document):
    (policy,) = (
        meta["content"]
        for meta in document.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for kind in ("script", "style"):
        (text,) = document.raw[kind]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("page", ["document", "hostile"])
def test_nothing_is_asked_for_outside_the_file(page, request):
    document = request.getfixturevalue(page)
    for tag, attributes in document.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} has {name}"
            assert name != "style", "the policy forbids style attributes"
            if name in FETCHING:
                assert value.startswith(("data:", "#")), f"{tag} {name}={value[:40]}"
    assert not re.search(r"@import|url\(", "".join(document.raw["style"]))
    assert len(document.all("script")) == len(document.all("style")) == 1


def test_hostile_text_is_shown_as_text(hostile):
    shown = " ".join(hostile.text)
    for text in HOSTILE:
        assert visible(text) in shown
    assert not any(attributes.get("src") == "x" for attributes in hostile.all("img"))
    assert "\u202e" not in shown
    assert "\x1b" not in shown


def test_ids_are_unique_and_references_meet(document):
    ids = [
        attributes["id"] for _, attributes in document.elements if "id" in attributes
    ]
    assert len(ids) == len(set(ids))
    for _, attributes in document.elements:
        for target in attributes.get("aria-labelledby", "").split():
            assert target in ids
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_tables_have_caption_scopes_and_aligned_numbers(document):
    tables = len(document.all("table"))
    assert tables == len(document.all("caption")) == 7
    assert {head["scope"] for head in document.all("th")} == {"col", "row"}
    assert all(
        "number" in cell["class"] for cell in document.all("td") if "data-value" in cell
    )
    text = "".join(document.text)
    assert "(higher is better)" in text
    assert "n/a" in text
    assert all(name in text for name in SYSTEMS)


def test_the_notice_stands_at_the_top_alone_and_curves_have_words(source):
    assert source.count(f">{NOTICE}<") == 1
    assert source.index(NOTICE) < source.index("<main")
    (svg,) = re.findall(r'<svg [^>]*class="plot".*?</svg>', source, flags=re.DOTALL)
    labelled = re.search(r'aria-labelledby="(\S+) (\S+)"', svg)
    assert labelled
    assert f'<desc id="{labelled[2]}">loss (mean absolute error) over step' in svg


def test_notes_stand_once_at_the_end_and_are_referred_to():
    columns = (Column("System"), Column("Gain", "dB", bar=True))
    rows = (
        ("a", Measured(1.0, (0.5, 1.5))),
        ("b", Measured(-0.25)),
        ("input", Measured(0.0)),
    )
    table = Table("t", columns, rows, notes=(1, 2), references=(2,))
    source = render_html(
        Page("p", "", (("s", (table, table)),), notes=("first", "second"))
    )
    assert source.count(">second<") == 1
    assert source.count('Notes <a href="#note-1">1</a>, <a href="#note-2">2</a>') == 2
    assert source.index("</table>") < source.index('<li id="note-2">second</li>')
    bars = re.findall(r'<path class="(up|down)" d="M([\d.]+) 4H([\d.]+)v8', source)
    assert [kind for kind, _, _ in bars[:3]] == ["up", "down", "up"]
    (_, start, end), (_, zero, left), _ = bars[:3]
    assert start == zero, "both begin at 0"
    assert float(end) - float(zero) == pytest.approx(
        4 * (float(zero) - float(left)), abs=0.5
    )
    assert source.count('<tr class="reference">') == 2
    assert ">+1.000<" in source


def test_a_note_about_a_column_is_beside_its_name_and_not_below_the_table():
    columns = (Column("System"), Column("Time", "s", notes=(2,)))
    table = Table("t", columns, (("a", 1.0),), notes=(1, 2))
    source = render_html(Page("p", "", (("s", (table,)),), notes=("first", "second")))
    head = re.findall(r"<th scope=.*?</th>", source, flags=re.DOTALL)[1]
    assert '<sup><a href="#note-2" aria-label="Note 2 on Time">2</a></sup>' in head
    assert ' Note <a href="#note-1">1</a>.</p>' in source


def test_each_line_of_the_result_is_a_paragraph_and_no_notice_none():
    source = render_html(Page("Title", "", (), "first\n<second>"))
    assert re.findall('<p class="summary">(.*)</p>', source) == [
        "first",
        "&lt;second&gt;",
    ]
    assert 'class="banner"' not in source


def test_every_picture_keeps_its_budget_and_says_what_it_is(document):
    pictures = document.all("img")
    assert len(pictures) == 12
    for picture in pictures:
        kind, _, content = picture["src"].partition(",")
        assert kind == "data:image/webp;base64"
        assert len(base64.b64decode(content)) <= PICTURE_BUDGET_BYTES
        assert picture["alt"]
    assert {"Blurry input", "Sharp"} <= {picture["alt"] for picture in pictures}


def test_a_page_grows_with_its_rows_and_no_faster():
    def size(count: int) -> int:
        rows = tuple((f"image-{n}", "unet", n % 700 / 9, None) for n in range(count))
        columns = (Column("Picture"), Column("System"), Column("PSNR"), Column("LPIPS"))
        page = Page("Large", "", (("All", (Table("All", columns, rows, large=True),)),))
        return len(render_html(page))

    small, large = size(2_000), size(16_000)
    assert large <= 8.2 * small
    assert large <= 16_000 * 100
