"""Studies of injected misalignment, and of other datasets than the one trained on."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from defocus.baselines import registry
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import InputError, NotApplicableError
from defocus.extras.studies import displaced as displacing
from defocus.extras.studies import generalisation, misalignment
from defocus.extras.studies.displaced import displaced
from defocus.extras.studies.misalignment import conditions
from defocus.extras.studies.study_commands import generalise as generalise_command
from defocus.extras.studies.study_commands import misalignment as misalignment_command
from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_image
from tests.benchmark.test_resume import scores_of
from tests.benchmark.test_studies import datasets

__all__ = ["datasets"]


def test_what_was_trained_on_one_dataset_is_tested_on_another(
    bench, datasets, tmp_path
):
    first, second = (f"tiny:{path}" for path in datasets)
    (tmp_path / "s.toml").write_text("[schedule]\nsteps = 3\n")
    arguments = ["studies", "generalise", "--only", "input", "--only", "tiny-conv"]
    arguments += ["--dataset", first]
    arguments += ["--test", second, "--out", "out", "--settings", "s.toml", "--json"]
    result = bench(*arguments)
    assert result.returncode == 0, result.stderr
    result_rows = json.loads(result.stdout)["results"]
    assert [(one["system"], one["train_dataset"]) for one in result_rows] == [
        ("input", ""), ("tiny-conv", "tiny"), ("input", ""), ("tiny-conv", "tiny"),
    ]  # fmt: skip
    home, away = result_rows[1]["psnr"]["gt"], result_rows[3]["psnr"]["gt"]
    assert home != away
    assert (
        json.loads((tmp_path / "out" / "generalise.json").read_text())["results"]
        == result_rows
    )
    rows = scores_of(tmp_path / "out")
    assert {row["dataset"] for row in rows if row["system"] == "ceiling"} == {
        "tiny",
        "other",
    }
    abroad = {row["train_dataset"] for row in rows if row["system"] == "tiny-conv"}
    assert abroad == {"tiny"}
    refused = bench(
        "studies", "generalise", "--only", "input", "--dataset", first, "--test", first
    )
    assert refused.returncode == 2
    assert "is what is trained on" in refused.stderr


@pytest.fixture
def rendered(tmp_path):
    """One small test pair whose truth is known."""
    truth = np.random.default_rng(0).random((24, 32, 3))
    for name in ("blurry", "truth"):
        write_image(tmp_path / f"{name}.png", as_integer(truth, 16))
    files = {name: tmp_path / f"{name}.png" for name in ("blurry", "truth")}
    pair = Pair(id="a", scene="a", split="test", sharp=files["truth"], **files)
    return Dataset("made", tmp_path, (pair,), "0" * 64, tmp_path, rendered=True)


def test_injected_misalignment_is_the_one_that_is_asked_for(rendered, refused):
    dataset, (pair,) = rendered, rendered.pairs
    (still,) = displaced(dataset, 0.0, 0.0).pairs
    assert still.sharp is not None
    assert pair.truth is not None
    assert (
        np.abs(read_image(still.sharp).astype(int) - read_image(pair.truth)).max() <= 1
    )
    (moved,) = displaced(dataset, 2.0, 0.01).pairs
    assert moved.flow is not None
    flow = np.load(moved.flow)
    assert np.hypot(*flow.mean(axis=(1, 2))) == pytest.approx(2.0, abs=1e-5)
    assert np.abs(np.diff(flow[0], axis=1)).mean() == pytest.approx(0.01, abs=1e-5)
    assert (
        displaced(dataset, 2.0, 0.01).content_hash
        != displaced(dataset, 2.0, 0.0).content_hash
    )
    with refused(NotApplicableError):
        displaced(replace(dataset, rendered=False), 1.0, 0.0)
    with refused(InputError):
        displaced(dataset, 1e9, 0.0)
    assert conditions([0.0, 1.0], [0.0, 0.01]) == [(0.0, 0.0), (1.0, 0.0), (0.0, 0.01)]


def test_a_displaced_dataset_is_known_by_its_revision_and_not_by_source_code(
    rendered, monkeypatch
):
    text = f"{rendered.content_hash} 1.0 0.0 {displacing.REVISION}"
    first = displaced(rendered, 1.0, 0.0).content_hash
    assert first == hashlib.sha256(text.encode()).hexdigest()
    monkeypatch.setattr(displacing, "REVISION", displacing.REVISION + 1)
    assert displaced(rendered, 1.0, 0.0).content_hash != first


def test_scores_against_misalignment_are_there_before_the_report_that_shows_them(
    rendered, tmp_path, monkeypatch
):
    monkeypatch.setattr(misalignment, "open_for_study", lambda _: rendered)
    out, amounts = tmp_path / "out", [(0.0, 0.0), (2.0, 0.0)]
    systems = [registry.baseline("input")]
    studies = misalignment.misalignment_plan(
        out, "made", systems, "demo", 1, None, amounts
    )
    rows, _ = misalignment.misalignment_study(studies, "made", amounts)
    # restored is what was true
    assert [one.psnr["input"] for one in rows] == [100.0, 100.0]
    document = json.loads((out / "misalignment.json").read_text())
    assert document["conditions"] == [one.to_json() for one in rows]
    assert "injected shift" in (out / "report.html").read_text()


@pytest.mark.full
def test_processes_score_a_measured_study_as_one_does(rendered, tmp_path, monkeypatch):
    monkeypatch.setattr(misalignment, "open_for_study", lambda _: rendered)
    systems, amounts = [registry.baseline("input")], [(0.0, 0.0), (2.0, 0.0)]

    def conditions(where: int):
        out = tmp_path / f"out-{where}"
        studies = misalignment.misalignment_plan(
            out, "made", systems, "demo", 1, None, amounts
        )
        return misalignment.misalignment_study(studies, "made", amounts, where)[0]

    here, there = map(conditions, (1, 2))
    assert here == there


def test_the_plan_of_a_measured_study_counts_each_training_once(
    rendered, tmp_path, monkeypatch
):
    moved = displaced(rendered, 1.0, 0.0)
    datasets = {"made": rendered, "moved": moved}
    for module in (misalignment, generalisation):
        monkeypatch.setattr(module, "open_for_study", datasets.__getitem__)
    common = [
        "--dataset",
        "made",
        "--only",
        "dncnn",
        "--out",
        str(tmp_path / "out"),
        "--dry-run",
    ]
    several = CliRunner().invoke(
        misalignment_command.command, [*common, "--shift", "1", "--zoom", "0.01"]
    )
    assert several.exit_code == 0, several.output
    assert several.stdout.startswith("2 runs")
    abroad = CliRunner().invoke(
        generalise_command.command, [*common, "--test", "moved"]
    )
    assert abroad.exit_code == 0, abroad.output
    lines = [line.split() for line in abroad.stdout.splitlines() if "dncnn" in line]
    assert [line[1] for line in lines] == [rendered.name, moved.name]
    steps = [int(line[5]) for line in lines]
    assert steps[0] > steps[1] == 0
    assert not (tmp_path / "out").exists()
