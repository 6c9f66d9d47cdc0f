"""What readers see of numbers and of characters that try to hide."""

import math
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.reports.display import (
    cell_text,
    csv_text,
    shown_difference,
    spreadsheet_text,
    visible,
)
from defocus.reports.model import Column


@given(st.text(st.characters(codec=None)))
def test_visible_text_has_nothing_hidden_and_encodes(text):
    shown = visible(text)
    shown.encode("utf-8")
    assert all(unicodedata.category(sign)[0] != "C" for sign in shown)
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo\u202egpj.exe", "photo⟨U+202E⟩gpj.exe"),
        ("a\x00b\x1b[31m", "a⟨U+0000⟩b⟨U+001B⟩[31m"),
        ("name\udcff", "name⟨U+DCFF⟩"),
        ("two\r\nlines\tand", "two lines and"),
        ("blank\u3164letter", "blank⟨U+3164⟩letter"),
        ("naïve 日本 عربي", "naïve 日本 عربي"),
    ],
)
def test_hidden_characters_show_their_code_point(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (-1.2345, "−1.23"),
        (-0.0001, "0.00"),
        (3, "3.00"),
        (0.0, "0.00"),
        ("f/4", "f/4"),
    ],
)
def test_cells_print_with_the_decimals_of_their_column(cell, shown):
    assert cell_text(cell, Column("x", decimals=2)) == shown


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_no_cell(text):
    line = text.replace("\t", " ").replace("\r", " ")  # a cell is one line
    assert spreadsheet_text(text) == f"'{line}"
    assert spreadsheet_text(f"a{text}") == f"a{line}"


def test_csv_guards_text_and_leaves_numbers():
    lines = [("name", "value"), ("=1", -0.5), ("a\nb", Decimal("-0.50")), ("é", None)]
    assert csv_text(lines) == "name,value\n'=1,-0.5\na b,-0.50\né,\n"
    assert csv_text([[1 / 3, 7]], digits=4) == "0.3333,7\n"


@pytest.mark.parametrize(
    ("one", "other", "exact", "shown"),
    [
        (2.0449, 1.6351, None, 0.40),  # 2.04 less 1.64; rounded last it were 0.41
        (1.0, 1.004, None, 0.0),
        (2.0449, 1.6351, 0.4098, 0.40),
        (2.0449, 1.6351, 0.55, 0.55),  # that of other pictures
        (math.inf, 1.0, None, math.inf),
    ],
)
def test_a_difference_is_that_of_the_numbers_shown(one, other, exact, shown):
    assert shown_difference(one, other, 2, exact) == shown
