"""Test pairs that are in training or validation too are refused, or left out by name."""

import shutil

import pytest

from defocus.benchmark.study.expansion import open_for_study
from defocus.datasets.api import open_dataset
from defocus.datasets.seen_pairs import (
    SeenPair,
    require_unseen,
    seen_pairs,
    without_seen,
)
from defocus.errors import DatasetError
from tests.datasets.conftest import picture, put


@pytest.fixture
def dataset(tmp_path):
    """A folder of four pairs in three splits, of which no two share a file."""
    root = tmp_path / "set"
    names = ("train/{}/a", "train/{}/b", "validation/{}/c", "test/{}/d", "test/{}/e")
    for number, name in enumerate(names):
        for member, role in enumerate(("blurry", "sharp")):
            put(root / f"{name.format(role)}.png", picture(2 * number + member))
    return root


def test_no_pair_is_in_two_splits(dataset):
    opened = open_for_study(f"pairs:{dataset}")
    assert seen_pairs(opened, opened) == ()
    assert without_seen(opened) is opened


def test_a_test_pair_that_is_a_training_pair_is_refused_with_both_names(
    dataset, refused
):
    for role in ("blurry", "sharp"):
        shutil.copy(
            dataset / "train" / role / "b.png", dataset / "test" / role / "d.png"
        )
    with refused(DatasetError):
        open_for_study(f"pairs:{dataset}")


def test_one_member_in_validation_is_enough_and_a_link_is_followed(dataset, refused):
    (dataset / "test" / "blurry" / "e.png").unlink()
    (dataset / "test" / "blurry" / "e.png").symlink_to(
        dataset / "validation" / "sharp" / "c.png"
    )
    shutil.copy(
        dataset / "train" / "sharp" / "a.png", dataset / "test" / "sharp" / "d.png"
    )
    opened = open_dataset(f"pairs:{dataset}")
    assert seen_pairs(opened, opened) == (
        SeenPair("test-d", "train-a", "train", ("sharp",)),
        SeenPair("test-e", "validation-c", "validation", ("blurry",)),
    )
    with refused(DatasetError):
        require_unseen(opened, opened)


def test_left_out_pairs_are_named_and_make_another_revision(
    dataset, monkeypatch, capsys
):
    monkeypatch.setattr("defocus.progress.said_once", set())
    whole = open_dataset(f"pairs:{dataset}")
    shutil.copy(
        dataset / "train" / "sharp" / "a.png", dataset / "test" / "sharp" / "d.png"
    )
    rest = open_for_study(f"pairs:{dataset}", leave_out_seen=True)
    assert [pair.id for pair in rest.split("test")] == ["test-e"]
    assert len(rest.pairs) == len(whole.pairs) - 1
    assert rest.content_hash != whole.content_hash
    (left_out,) = rest.seen_left_out
    assert left_out.id == "test-d"
    assert left_out.reason == "its sharp file is in training pair train-a too"
    assert (
        "pairs:set: test pair test-d is left out: its sharp file"
        in capsys.readouterr().err
    )


def test_another_dataset_s_training_counts_where_it_was_trained_there(
    dataset, tmp_path, refused
):
    other = shutil.copytree(dataset, tmp_path / "other")
    for split in ("train", "validation"):
        for path in (other / split).glob("*/*.png"):
            put(path, picture(100 + ord(path.stem) + len(path.parent.name)))
    shutil.copy(
        dataset / "train" / "blurry" / "a.png", other / "test" / "blurry" / "e.png"
    )
    opened = open_for_study(f"pairs:{other}")
    with refused(DatasetError):
        require_unseen(open_for_study(f"pairs:{dataset}"), opened)
