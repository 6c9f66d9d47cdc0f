"""Ids and paths from outside; files that find their partners by names and numbers."""

import unicodedata

import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.layouts.layout import by_number, fits
from defocus.datasets.layouts.matching import match_names
from defocus.datasets.pair_files import LONGEST_ID, id_problem, legal_id, path_problem
from defocus.errors import DatasetError, InputError
from tests.datasets.conftest import picture, put, write_folder

REFUSED = [
    *("con", "NUL", "com1.png", "lpt9", "a" * (LONGEST_ID + 1), "", ".a", "a b", "a\n"),
    *("カ" * 54, "\u0301a", "a\u200db", "a\udcffb", "café/1", "a\u202eb", "1½", "☕"),
]


@pytest.mark.parametrize("text", REFUSED)
def test_no_such_id_and_a_legal_one_instead(text):
    assert id_problem(text)
    assert not id_problem(legal_id(text))
    assert legal_id(text) != legal_id(text + "x")


KEPT = [
    *("a", "1P0A0917", "-", "confetti", "con-1", "a" * LONGEST_ID),
    *("カフェ_01", "Größe", "हिन्दी-2"),
]


@pytest.mark.parametrize("text", KEPT)
def test_a_legal_id_stays(text):
    assert not id_problem(text)
    assert legal_id(text) == text


def test_no_such_path(snapshot):
    long = ("a" * 256, "ä" * 128, "/".join(["a" * 200] * 21))
    for path in ("a/con/b.png", "a/NUL.png", *long, "a/../b", "/a", "a\\b", "a\tb"):
        assert path_problem(path) == snapshot
    assert not path_problem("a/confetti.png")


def test_two_writings_of_one_name_are_one_id():
    """As macOS and Linux write the same name; ids of ASCII names are what they were."""
    assert id_problem("o\u0308")
    assert legal_id("o\u0308_01") == "\u00f6_01"
    assert legal_id("table 3") == "table_3-8c97c4c9"
    assert legal_id("a.b" * 60) == "a_b" * 33 + "a-0ba7df8d"
    assert legal_id("con") == "con-1143da2b"


def pictures(*names: str):
    return {f"{name}.png": (name,) for name in names}


DPDD = "1P0A0883 1P0A0890 1P0A0901"


FITTING = [
    ("a b", ["b", "a"], "stem", "equal names", ["a", "b"]),
    ("a b", ["a"], "stem", "equal names", ["a"]),
    # one network's name behind each
    ("cafe cafe_2", ["cafe_2_MyNet", "cafe_MyNet"], "suffix", "the suffix '_MyNet'",
     ["cafe_MyNet", "cafe_2_MyNet"]),
    ("in/a b", ["in/a-out", "b-out"], "suffix", "'-out'", ["in/a-out", "b-out"]),
    # before each
    ("cafe a_1", ["out_cafe", "out_a_1"], "prefix", "'out_'", ["out_cafe", "out_a_1"]),
    ("a b", ["r/out-a", "r/out-b"], "prefix", "left out", ["r/out-a", "r/out-b"]),
    # BasicSR sorts into folders of its own
    ("cafe park", ["v/DPDD/cafe_Exp", "v/DPDD/park_Exp"], "suffix", "'_Exp', folders left out",
     ["v/DPDD/cafe_Exp", "v/DPDD/park_Exp"]),
    # in capitals, and with numbers of more digits, also with gaps
    ("Cafe park", ["CAFE", "PARK"], "stem", "capitals", ["CAFE", "PARK"]),
    ("1 4 19", ["0004", "0019"], "stem", "zeros", [None, "0004", "0019"]),
    ("1 4 19", ["0004", "0005", "0018"], "stem", "zeros", [None, "0004"]),
    ("B a", ["v/b-x", "v/A-x"], "suffix", "folders, capitals", ["v/b-x", "v/A-x"]),
    # of two networks' outputs those that are more
    ("a b", ["a_X", "b_X", "a_Y"], "suffix", "'_X'", ["a_X", "b_X"]),
    # as numbered by a loop over the sorted names
    ("park cafe", ["0000", "0001"], "order", "0000 to 0001", ["0001", "0000"]),
    ("b a", ["out_2", "out_1"], "order", "out_1 to out_2", ["out_2", "out_1"]),
    # DPDD: named like the blurry shots, one less or one more, once two more
    (DPDD, ["1P0A0881", "1P0A0891", "1P0A0900"], "order", "the number beside it",
     ["1P0A0881", "1P0A0891", "1P0A0900"]),
    (DPDD, ["1P0A0889"], "order", "the number beside it", [None, "1P0A0889"]),
]  # fmt: skip


@pytest.mark.parametrize(("names", "files", "rule", "words", "pairs"), FITTING)
def test_the_rule_that_fits_is_found(names, files, rule, words, pairs):
    wanted = pictures(*names.split())
    chosen = match_names(wanted, files)
    assert chosen.rule == rule
    assert words in chosen.words
    expected = dict(zip(wanted, pairs, strict=False))
    assert chosen.files == {name: file for name, file in expected.items() if file}
    assert match_names(wanted, files, rule) == chosen


AMBIGUOUS = [
    # a loop from 0, or names of the pictures themselves?
    ("1 2 3", "0 1 2"), ("a b", "a b_X"), ("a b", "a_X b_X a_Y b_Y"), ("2 10", "out0 out1"),
    ("a b c", "0000 0001"), ("a b", "0000 0002"), ("a b", "X/a Y/a"), ("x1 x3 x5", "x2"),
    ("cafe", "park"), ("cafe", ""),
]  # fmt: skip


def test_what_is_ambiguous_is_refused_with_its_reason(refused):
    for wanted, files in AMBIGUOUS:
        with refused(InputError):
            match_names(pictures(*wanted.split()), files.split())


@pytest.mark.parametrize("first", [0, 1])
def test_files_of_a_loop_are_not_taken_by_numbers_that_few_pictures_have(
    first, refused
):
    # in a loop 0001 may be the second picture
    wanted = pictures("1", "2", "4", "7", "10")
    files = [f"{number:04}" for number in range(first, first + 5)]
    with refused(InputError):
        match_names(wanted, files)
    assert match_names(wanted, files, "stem").files["4.png"] == "0004"


def test_a_given_rule_is_the_only_one_that_is_tried():
    wanted = pictures("1", "2", "3")
    assert match_names(wanted, ["0", "1", "2"], "stem").files == {
        "1.png": "1",
        "2.png": "2",
    }
    by_order = match_names(wanted, ["0", "1", "2"], "order").files
    assert by_order == {"1.png": "0", "2.png": "1", "3.png": "2"}
    assert match_names(wanted, ["0", "1", "2"], "suffix").files == {}


def test_two_files_of_one_picture_are_refused(refused):
    wanted = {"pair": ("blurry_1", "sharp_1")}
    with refused(InputError):
        match_names(wanted, ["blurry_1", "sharp_1"])


def test_unequal_counts_of_shots_are_assigned_by_distance():
    assert by_number([100, 103, 110], [102, 111]) == [None, 0, 1]
    assert by_number([100, 102], [101, 103]) == [0, 1]
    assert by_number([1], []) == [None]
    assert by_number([1, 50], [200, 300]) == [None, None]


def test_a_repeated_placeholder_must_be_equal(tmp_path):
    for name in ("a/a_1.png", "a/b_1.png", "b/b_2.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    patterns = [fit.path.name for fit in fits(tmp_path, "{scene}/{scene}_{n}.*")]
    assert patterns == ["a_1.png", "b_2.PNG"]


def test_names_that_a_mac_spells_with_two_signs_are_matched(tmp_path):
    composed = unicodedata.normalize("NFC", "Müller/Bär")
    for seed, (role, form) in enumerate((("blurry", "NFC"), ("sharp", "NFD"))):
        put(
            tmp_path / role / f"{unicodedata.normalize(form, composed)}.png",
            picture(seed),
        )
    (pair,) = open_dataset(f"pairs:{tmp_path}").pairs
    assert pair.id == composed.replace("/", "-")
    assert pair.sharp is not None


def test_names_that_differ_in_zeros_alone_are_said_to(tmp_path, refused):
    write_folder(tmp_path, ["2.png"])
    put(tmp_path / "blurry" / "1.png", picture(5))
    put(tmp_path / "sharp" / "0001.png", picture(6))
    with refused(DatasetError):
        open_dataset(f"pairs:{tmp_path}")
