"""Text in the cells of a terminal: widths, wrapping, columns, Markdown."""

from pathlib import Path

import click
import pytest

from defocus.terminal import (
    cell_width,
    column_widths,
    cut,
    markdown_lines,
    row_lines,
    wrapped,
)

ROOT = Path(__file__).parents[2]
READMES = sorted(ROOT.glob("baselines/systems/*/README.md"))


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("北の窓", 6), ("e\u0301", 1), ("ｱ", 1), ("Ａ", 2), ("", 0)],
)
def test_a_text_takes_as_many_cells_as_a_terminal_gives_it(text, cells):
    assert cell_width(text) == cells


def test_a_text_is_cut_and_wrapped_by_its_cells():
    assert cut("北の窓", 5) == "北の"
    assert wrapped("1  a b", 20) == ["1  a b"]
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("北の窓のぼけ a", 6) == ["北の窓", "のぼけ", "a"]
    assert wrapped("", 5) == [""]


def test_columns_of_words_give_way_to_numbers():
    rows = [("a name of several words", "12.34"), ("北の窓のぼけ除去", "n/a")]
    widths = column_widths(rows, 24, fixed={1})
    assert widths == [15, 5]
    lines = [line for row in rows for line in row_lines(row, widths, right={1})]
    assert lines == [
        " a name of         12.34",
        " several words",
        " 北の窓のぼけ除      n/a",
        " 去",
    ]


def test_markdown_is_shown_as_people_read_it():
    text = (
        "# A **net**\n\n| | |\n|---|---|\n| paper | *A title* \\| more |\n\n"
        "Words of\none `paragraph`, [linked](b.md).\n\n- an item\n  that goes on\n"
        "2. another\n\n```\ncode  stays\n```\nend"
    )
    assert [click.unstyle(line) for line in markdown_lines(text, 30)] == [
        "A net",
        "",
        " paper   A title | more",
        "",
        "Words of one paragraph, linked",
        "(b.md).",
        "",
        " • an item that goes on",
        " 2. another",
        "",
        "    code  stays",
        "",
        "end",
        "",
    ]


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_no_description_is_wider_than_the_terminal(path):
    for line in markdown_lines(path.read_text(encoding="utf-8"), 80):
        assert cell_width(click.unstyle(line)) <= 80 or line.startswith("    ")
