"""A damaged curve is one line, whoever reads it."""

import pytest

from defocus.errors import InputError
from defocus.training.record.curve_files import read_curve, read_numbers, read_scores

HEAD = b"step,epoch,seconds,learning_rate,loss\n"


def test_an_absent_curve_is_empty(tmp_path):
    assert read_numbers(tmp_path / "train.csv", "step") == []
    assert read_curve(tmp_path / "train.csv", 9) == []


def test_numbers_are_those_of_the_columns(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(HEAD + b"1,0,0.5,0.1,2.5\n2,0,0.75,0.1,\n")
    assert read_numbers(path, "step", "seconds") == [(1.0, 0.5), (2.0, 0.75)]
    assert read_curve(path, 1)[0]["loss"] == "2.5"


@pytest.mark.parametrize(
    "content", [b"\0\377\376", b"a,b\n1,2\n", HEAD + b"x,0,0,0,0\n", HEAD + b"1\n"]
)
def test_damage_is_one_line(tmp_path, content):
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    for read in (
        lambda: read_numbers(path, "step", "seconds"),
        lambda: read_curve(path, 9, "seconds"),
    ):
        with pytest.raises(
            InputError, match=r"train\.csv: damaged .*; restore it, or delete it"
        ):
            read()


def test_scores_are_numbers(tmp_path):
    path = tmp_path / "validation.csv"
    path.write_text("step,validation\n1,20.5\n2,21\n")
    assert read_scores(path, 1) == [{"step": 1.0, "validation": 20.5}]
    path.write_text("step,validation\n1,x\n")
    with pytest.raises(InputError, match=r"validation\.csv: damaged"):
        read_scores(path, 1)
