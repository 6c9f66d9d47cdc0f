"""Weights of the package in a study: evaluated at once, marked, never seen on the sample."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.weights.own import find_own_weights, own_card, own_weights
from defocus.baselines.weights.store import shipped_weights
from defocus.benchmark.leaderboard.tables import score_tables
from defocus.benchmark.results.dataset_facts import seen_in
from defocus.benchmark.study.document import StudyDocument
from defocus.benchmark.study.expansion import expand
from defocus.benchmark.study.run import run_studies
from defocus.datasets.pair import Dataset
from defocus.datasets.stream import dataset as stream
from defocus.datasets.stream.photographs import Photographs, is_held_out, refused_hashes
from tests.datasets.conftest import write_folder

SHIPPED = [name for name, one in all_baselines().items() if find_own_weights(one)]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Folder of noise: a training and two test pairs."""
    root = tmp_path_factory.mktemp("pairs")
    write_folder(root / "train", ["a.png"], bits=8)
    write_folder(root / "test", ["b.png", "c.png"], bits=8, first=1)
    return root


def photographs(name: str) -> list[dict[str, str]]:
    path = own_weights(baseline(name)).with_name("photographs.csv")
    with path.open(newline="", encoding="utf-8") as handle:
        return sorted(csv.DictReader(handle), key=lambda row: row["sha256"])


@pytest.mark.parametrize("name", SHIPPED)
def test_the_photographs_behind_weights_are_those_listed(name, monkeypatch):
    """The hash of a training's data is made of the photographs' hashes and a revision."""
    listed = Photographs(tuple((Path(), one["sha256"]) for one in photographs(name)))
    hashes = set()
    for revision in range(1, stream.STREAM_REVISION + 1):
        monkeypatch.setattr(stream, "STREAM_REVISION", revision)
        hashes.add(stream.training_identity(listed))
    assert own_card(own_weights(baseline(name))).data_hash in hashes


@pytest.mark.parametrize("name", SHIPPED)
def test_no_photograph_behind_weights_is_one_of_the_sample(name, tmp_path):
    """That the refused ones hold all of the sample is shown by the stream's own tests."""
    rows = photographs(name)
    assert len(rows) > 50
    assert {one["pixels"] for one in rows} & refused_hashes() == set()
    assert [one["held_out"] == "1" for one in rows] == [
        is_held_out(one["sha256"]) for one in rows
    ]
    assert all(one["source"] and one["licence"] for one in rows)
    weights = shipped_weights(baseline(name))
    assert weights is not None
    assert (weights.origin, weights.system) == ("own", name)
    assert weights.trained_on == (own_card(own_weights(baseline(name))).dataset,)
    for sample in ("sample", "sample:strong", "sample:wide"):
        assert (
            seen_in(
                weights.trained_on,
                Dataset(sample, tmp_path, (), "", tmp_path, source=""),
            )
            == ""
        )


def test_all_systems_take_the_weights_that_are_shipped(tmp_path, pairs):
    text = f"pairs:{pairs}"
    every = expand(StudyDocument(datasets=(text,), seeds=2), tmp_path).studies[0]
    own = [run for run in every.runs if run.weights is not None]
    assert [run.system for run in own] == SHIPPED
    assert all(
        run.recipe is None and run.reported_budget == "not-trained-here" for run in own
    )
    names = [run.system for run in every.runs]
    assert names == sorted(names)
    assert set(names) == {
        n for n, one in all_baselines().items() if not one.card.variant_of
    }
    others = {run.system for run in every.runs if run.weights is None}
    assert others.isdisjoint(SHIPPED)

    named = StudyDocument(datasets=(text,), systems=("defocus-m",))
    runs = expand(named, tmp_path).studies[0].runs
    assert {(run.weights is None, run.recipe is None) for run in runs} == {
        (True, False),
        (False, True),
    }, "named, it is trained beside its own weights"


def test_they_stand_in_the_leaderboard_under_their_name(tmp_path, pairs):
    text = f"pairs:{pairs}"
    (study,) = expand(StudyDocument(datasets=(text,)), tmp_path / "out").studies
    chosen = [run for run in study.runs if run.system in {"defocus-m", "input"}]
    outcome = run_studies([replace(study, runs=chosen)])
    assert not outcome.failed
    rows = [row for row in outcome.rows if row.system == "defocus-m"]
    assert {row.weights for row in rows} == {"own"}
    assert {
        row.status for row in rows if (row.protocol, row.metric) == ("gt", "psnr")
    } == {"ok"}
    tables = score_tables(outcome.rows)
    assert any(
        "defocus-m" in str(table) and "own weights" in str(table).lower()
        for table in tables
    )
    assert not (tmp_path / "out" / "runs" / chosen[0].id / "train.csv").exists()
    again = run_studies([replace(study, runs=chosen)])
    assert len(again.rows) == len(outcome.rows)
