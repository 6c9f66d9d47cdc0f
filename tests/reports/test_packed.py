"""What is behind the rows of a large page: packed into one block, and the same when opened."""

import base64
import json
import re
import zlib

import pytest

from defocus.reports import packed
from defocus.reports.display import visible
from defocus.reports.html import render_html
from defocus.reports.model import Column, Facts, Folded, Page, Paragraph, Table, Tabs
from tests.reports.example_pages import HOSTILE

BLOCK = r'<script type="application/octet-stream" id="behind">(.*?)</script>'
PLACE = r'<template data-behind="([a-z0-9-]+)"></template>'


def contents(source: str) -> dict[str, str]:
    (words,) = re.findall(BLOCK, source)
    found = json.loads(zlib.decompress(base64.b64decode(words)))
    assert isinstance(found, dict)
    return found


def opened(source: str) -> str:
    """The page with everything opened, as the script makes it."""
    markup = contents(source)
    text = source.replace(packed.NOTE_TEXT, "")
    text = re.sub(BLOCK, "", text)
    while re.search(PLACE, text):
        text = re.sub(PLACE, lambda place: markup[place[1]], text)
    return text


@pytest.fixture
def large(monkeypatch):
    """Every page counts as large."""
    monkeypatch.setattr(packed, "PACKED_FROM", 0)


def test_a_small_page_has_everything_in_its_place():
    source = render_html(hostile_page())
    assert re.findall(BLOCK, source) == []
    assert "<!--" not in source
    assert "<noscript>" not in source


def test_everything_opened_a_large_page_is_the_same_page(monkeypatch):
    pages = hostile_page(), nested_page()
    in_place = [render_html(page) for page in pages]
    monkeypatch.setattr(packed, "PACKED_FROM", 0)
    for page, whole in zip(pages, in_place, strict=True):
        source = render_html(page)
        assert opened(source) == whole
        assert len(re.findall(PLACE, source)) > 0
        assert "<!--" not in source


def hostile_page() -> Page:
    """Hostile names in every kind of text that is behind a row."""
    folds = []
    for number, text in enumerate(HOSTILE):
        table = Table(
            text, (Column(text, text), Column("PSNR")), ((text, 1.0),), text, large=True
        )
        parts = (table, Facts(text, ((text, text),)), Paragraph(text))
        folds.append(Folded(text, f"row-{number}", parts, text))
    return Page(HOSTILE[0], HOSTILE[0], ((HOSTILE[0], tuple(folds)),), HOSTILE[1])


def nested_page() -> Page:
    """Folds in a fold, and tabs in one of them."""
    tabs = Tabs(
        "Which", (("one", (Paragraph("first"),)), ("two", (Paragraph("second"),)))
    )
    inner = (Folded("a", "a", (Paragraph("text of a"),)), Folded("b", "b", (tabs,)))
    return Page(
        "Page", "", (("Section", (Folded("all", "all", inner), Paragraph("seen"))),)
    )


@pytest.mark.usefixtures("large")
def test_what_one_opens_is_packed_and_what_leads_to_it_is_not():
    source = render_html(nested_page())
    assert set(contents(source)) == {"a", "b", "part-1-1-2-1-tab-2"}
    for shown in ("seen", 'id="all"', 'id="a"', 'id="b"'):
        assert shown in source
    for behind in ("text of a", ">first<", ">second<"):
        assert behind not in source
        assert behind in "".join(contents(source).values())


@pytest.mark.usefixtures("large")
def test_hostile_names_are_text_when_they_are_opened_too():
    source = render_html(hostile_page())
    behind = "".join(contents(source).values())
    assert "<script" not in behind
    assert not re.search(r"<img[^>]*onerror", behind)
    assert visible("zero\u200bwidth") in behind
    (words,) = re.findall(BLOCK, source)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", words), "no name can end the block"
    assert HOSTILE[1] not in source
