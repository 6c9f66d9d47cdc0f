"""Ids and paths from outside are names of one file on every system."""

import pytest

from defocus.datasets.files.names import LONGEST_ID, id_problem, path_problem
from defocus.datasets.layouts.ids import legal_id

REFUSED = [
    *("con", "NUL", "com1.png", "lpt9", "a" * (LONGEST_ID + 1), "", ".a", "a b", "a\n"),
    *("カ" * 54, "\u0301a", "a\u200db", "a\udcffb", "café/1", "a\u202eb", "1½", "☕"),
]


@pytest.mark.parametrize("text", REFUSED)
def test_no_such_id_and_a_legal_one_instead(text: str) -> None:
    assert id_problem(text)
    assert not id_problem(legal_id(text))
    assert legal_id(text) != legal_id(text + "x")


KEPT = [
    *("a", "1P0A0917", "-", "confetti", "con-1", "a" * LONGEST_ID),
    *("カフェ_01", "Größe", "हिन्दी-2"),
]


@pytest.mark.parametrize("text", KEPT)
def test_a_legal_id_stays(text: str) -> None:
    assert not id_problem(text)
    assert legal_id(text) == text


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a/con/b.png", "Windows"),
        ("a/NUL.png", "Windows"),
        ("a" * 256, "too long"),
        ("ä" * 128, "too long"),
        ("/".join(["a" * 200] * 21), "too long"),
        ("a/../b", "leads out"),
        ("/a", "absolute"),
        ("a\\b", "other systems"),
        ("a\tb", "control"),
    ],
)
def test_no_such_path(path: str, why: str) -> None:
    assert why in path_problem(path)
    assert not path_problem("a/confetti.png")


def test_two_writings_of_one_name_are_one_id() -> None:
    """As macOS and Linux write the same name; ids of ASCII names are what they were."""
    assert id_problem("o\u0308")
    assert legal_id("o\u0308_01") == "\u00f6_01"
    assert legal_id("table 3") == "table_3-8c97c4c9"
    assert legal_id("a.b" * 60) == "a_b" * 33 + "a-0ba7df8d"
    assert legal_id("con") == "con-1143da2b"
