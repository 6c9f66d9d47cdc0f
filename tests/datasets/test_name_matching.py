"""Files and pictures are matched as the field's programs name their outputs."""

import pytest

from defocus.datasets.layouts.matching import Rule, match_names
from defocus.errors import InputError


def pictures(*names: str) -> dict[str, tuple[str, ...]]:
    return {f"{name}.png": (name,) for name in names}


DPDD = "1P0A0883 1P0A0890 1P0A0901"


FITTING: list[tuple[str, list[str], Rule, str, list[str | None]]] = [
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


@pytest.mark.parametrize(("names", "files", "rule", "words", "found"), FITTING)
def test_the_rule_that_fits_is_found(
    names: str, files: list[str], rule: Rule, words: str, found: list[str | None]
) -> None:
    wanted = pictures(*names.split())
    chosen = match_names(wanted, files)
    assert chosen.rule == rule
    assert words in chosen.words
    expected = dict(zip(wanted, found, strict=False))
    assert chosen.files == {name: file for name, file in expected.items() if file}
    assert match_names(wanted, files, rule) == chosen


@pytest.mark.parametrize(
    ("wanted", "files", "reason"),
    [
        # a loop from 0, or names of the pictures themselves?
        (pictures("1", "2", "3"), ["0", "1", "2"], "ambiguous names: by equal names 2 of 3"),
        (pictures("a", "b"), ["a", "b_X"], "choose with --match stem or suffix"),
        (pictures("a", "b"), ["a_X", "b_X", "a_Y", "b_Y"], "2 files end in '_X' and as many end"),
        (pictures("2", "10"), ["out0", "out1"], "own order is ambiguous"),
        (pictures("a", "b", "c"), ["0000", "0001"], "2 numbered files cannot be told for 3"),
        (pictures("a", "b"), ["0000", "0002"], "1 is missing between '0000' and '0002'"),
        (pictures("a", "b"), ["X/a", "Y/a"], "'X/a' and 'Y/a' may be of one picture"),
        (pictures("x1", "x3", "x5"), ["x2"], "x2 may be x1 or x3; add the missing files"),
        (pictures("cafe"), ["park"], "no file is named like a picture: a file is 'park'"),
        (pictures("cafe"), [], "no pictures among the files"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_reason(
    wanted: dict[str, tuple[str, ...]], files: list[str], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        match_names(wanted, files)


@pytest.mark.parametrize("first", [0, 1])
def test_files_of_a_loop_are_not_taken_by_numbers_that_few_pictures_have(first: int) -> None:
    wanted = pictures("1", "2", "4", "7", "10")  # in a loop 0001 may be the second picture
    files = [f"{number:04}" for number in range(first, first + 5)]
    with pytest.raises(InputError, match=r"3 of 5 are found, but .* may be running numbers"):
        match_names(wanted, files)
    assert match_names(wanted, files, "stem").files["4.png"] == "0004"


def test_a_given_rule_is_the_only_one_that_is_tried() -> None:
    wanted = pictures("1", "2", "3")
    assert match_names(wanted, ["0", "1", "2"], "stem").files == {"1.png": "1", "2.png": "2"}
    by_order = match_names(wanted, ["0", "1", "2"], "order").files
    assert by_order == {"1.png": "0", "2.png": "1", "3.png": "2"}
    assert match_names(wanted, ["0", "1", "2"], "suffix").files == {}


def test_two_files_of_one_picture_are_refused() -> None:
    wanted = {"pair": ("blurry_1", "sharp_1")}
    with pytest.raises(InputError, match="both named like pair"):
        match_names(wanted, ["blurry_1", "sharp_1"])
