"""Rows ``NAME@scales`` of a study: one training, two rows; and what is evaluated again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.recipe import Recipe, Schedule
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.scales import at_scales
from defocus.benchmark.evaluation import restore
from defocus.benchmark.evaluation.remaining import left_of
from defocus.benchmark.leaderboard.tables import score_tables
from defocus.benchmark.results.merging import take_job
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import open_results
from defocus.benchmark.study import plan
from defocus.benchmark.study.attempt import ask_again
from defocus.benchmark.study.document import ObjectiveChoice, StudyDocument
from defocus.benchmark.study.expansion import Expanded, expand, with_objectives
from defocus.benchmark.study.launch import run_as_jobs
from defocus.benchmark.study.plan import Study, plan_runs, select
from defocus.benchmark.study.run import evaluate_study, run_studies
from defocus.benchmark.study.standing import job_folder
from defocus.benchmark.study.tasks import tasks_of
from defocus.cluster import slurm
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.errors import InputError, RegistryError
from defocus.training.record.folder import CHECKPOINT
from tests.datasets.conftest import write_folder

SCHEDULE = Schedule(steps=2, crop_px=16, batch=1, learning_rate=1e-3)
RECIPE = Recipe(epochs=2, paper=SCHEDULE, quick=SCHEDULE, demo=SCHEDULE)
MADE = Dataset("made", Path("made"), (), "0" * 64, Path("derived"))
CPU = torch.device("cpu")


class Conv(nn.Module):
    """A small network that notes on how many pictures it ran in evaluation mode."""

    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        Conv.runs += not self.training
        change: torch.Tensor = self.conv(blurry)
        return blurry + 0.1 * change


NET = Baseline.of_network("net", Conv, lambda: RECIPE, reach_px=12, revision=1)
WIENER = baseline("wiener")


def darkened(network: nn.Module, blurry: torch.Tensor, reach_px: float) -> torch.Tensor:
    """Stands for restoring at scales: what the network gives, and how far it reaches."""
    restored: torch.Tensor = network(blurry) * (1 - 0.01 * reach_px)
    return restored


@pytest.fixture(scope="module", autouse=True)
def told_apart():
    """Let every picture that is restored at scales differ from one that is not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore, "restored_at_scales", darkened)
        yield


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """A training and two test pairs of noise."""
    root = tmp_path_factory.mktemp("scales") / "noise"
    write_folder(root / "train", ["a.png"], bits=8)
    write_folder(root / "test", ["b.png", "c.png"], bits=8, first=1)
    return open_dataset(f"pairs:{root}")


def study_of(out: Path, dataset: Dataset, *systems: Baseline, seeds: int = 1) -> Study:
    return Study(out, dataset, plan_runs(systems, dataset, "quick", seeds=seeds))


@pytest.fixture(scope="module")
def finished(noise, tmp_path_factory):
    """A finished study of a network and its row at scales."""
    study = study_of(tmp_path_factory.mktemp("study"), noise, NET, at_scales(NET))
    with pytest.MonkeyPatch.context() as patch:
        from defocus.benchmark.metrics import lpips

        patch.setattr(lpips, "missing_backbone", lambda *_: "no weights in this test")
        outcome = run_studies([study])
    assert not outcome.failed
    return study, outcome


def values(outcome, system: str, metric: str = "psnr") -> list[float]:
    return [
        row.value
        for row in outcome.rows
        if (row.system, row.metric) == (system, metric)
    ]


def test_a_row_at_scales_evaluates_the_training_of_its_network():
    plain, scaled = plan_runs([NET, at_scales(NET)], MADE, "quick")
    assert scaled.training == plain
    assert scaled.id.startswith("net@scales-")
    assert (scaled.reported_budget, scaled.trained_weights) == (
        "quick",
        plain.trained_weights,
    )
    (alone,) = plan_runs([at_scales(NET)], MADE, "quick")
    assert alone == scaled, "whether its network is in the study or not"
    seeds = plan_runs([NET, at_scales(NET)], MADE, "quick", seeds=2)
    assert [run.training for run in seeds] == [None, None, *seeds[:2]]
    assert len({run.group for run in seeds}) == 2
    narrow, of_narrow = plan_runs(
        [baseline("unet"), baseline("unet@scales")], MADE, "demo"
    )
    assert of_narrow.training.id == narrow.id
    assert of_narrow.baseline.is_narrow


def test_the_way_of_restoring_decides_the_results_and_not_the_training(monkeypatch):
    systems = [
        NET,
        replace(NET, card=replace(NET.card, at_scales=True)),
        at_scales(NET),
    ]
    plain, own, scaled = plan_runs(systems, MADE, "quick")
    assert own.id == plain.id
    assert len({plain.group, own.group, scaled.group}) == 3
    assert "scales" not in plain.facts()
    assert own.facts()["scales"] == {"reach_px": 12, "revision": plan.SCALES_REVISION}
    monkeypatch.setattr(plan, "SCALES_REVISION", plan.SCALES_REVISION + 1)
    again = plan_runs(systems, MADE, "quick")
    before = (plain, own, scaled)
    assert [new.id for new in again] == [old.id for old in before]
    changed = [new.group != old.group for new, old in zip(again, before, strict=True)]
    assert changed == [False, True, True]


def test_a_pattern_at_scales_brings_its_network(refused):
    systems = all_baselines()
    chosen = [one.card.name for one in select(systems, ("nafnet@scales", "input"))]
    assert chosen == ["input", "nafnet", "nafnet@scales"]
    every = {one.card.name for one in select(systems, ("*@scales",))}
    plain = {name for name in every if not name.endswith("@scales")}
    assert every == plain | {f"{name}@scales" for name in plain}
    assert {"unet", "kpac-2level", "jdrl-unet"} <= plain
    assert plain.isdisjoint({"wiener", "restormer-dual", "input", "defocus-m"})
    for pattern in ("wiener@scales", "jnb*@scales", "nafne@scales", "nafnet@scale"):
        with refused(RegistryError):
            select(systems, (pattern,))


def test_an_objective_is_trained_for_the_network_of_a_row():
    choices = {
        "jdrl": ObjectiveChoice(),
        "slow": ObjectiveChoice(objective="jdrl", warmup_epochs=1),
    }
    systems = with_objectives([baseline("unet"), baseline("unet@scales")], choices)
    plain = ["jdrl-unet", "unet-with-slow"]
    assert [one.card.name for one in systems] == [
        *plain,
        *(f"{name}@scales" for name in plain),
    ]
    assert [one.plain.card for one in systems[2:]] == [one.card for one in systems[:2]]


def test_a_study_with_scales_has_a_row_for_each_network(tmp_path, noise):
    text = f"pairs:{noise.root}"
    names = ("input", "unet", "defocus-s", "restormer-dual", "wiener")
    document = StudyDocument(
        datasets=(text,), systems=names, scales=True, misaligned=()
    )
    (study,) = expand(document, tmp_path).studies
    assert [run.system for run in study.runs] == [
        *(
            "defocus-s",
            "defocus-s",
            "input",
            "restormer-dual",
            "unet",
            "unet@scales",
            "wiener",
        )
    ]
    without = (
        expand(document.model_copy(update={"scales": False}), tmp_path).studies[0].runs
    )
    assert {run.id for run in without} == {
        r.id for r in study.runs if r.training is None
    }


def test_it_is_evaluated_after_its_training_and_trains_nothing(tmp_path):
    runs = plan_runs([NET, at_scales(NET), WIENER], MADE, "quick", seeds=2)
    study = Study(tmp_path, MADE, runs)
    with open_results(tmp_path / "results.sqlite") as results:
        ((_, tasks),) = tasks_of([(study, left_of(study, results))])
    assert [task.left.run for task in tasks] == [runs[-1], *runs[:-1]]
    assert [task.stage for task in tasks] == [0, 1, 1, 2, 2]


def test_one_training_gives_two_rows(finished):
    study, outcome = finished
    assert [run.system for run in study.runs] == ["net", "net@scales"]
    assert len(list(study.out.glob(f"runs/*/{CHECKPOINT}"))) == 1
    assert values(outcome, "net") != values(outcome, "net@scales")
    document = json.loads(
        (run_folder(study.out, study.runs[1].id) / "run.json").read_text()
    )
    assert document["training"] == study.runs[0].id
    assert document["scales"]["reach_px"] == 12
    rows = {row.system: row for row in outcome.rows if row.metric == "macs_g"}
    assert rows["net@scales"].value == rows["net"].value
    assert (
        rows["net@scales"].measured_on
        == f"{rows['net'].measured_on}, one pass at full size"
    )
    (table,) = score_tables(outcome.rows)
    assert (
        "@scales: each part of a picture is restored at 1, 1/2, 1/4 or 1/8"
        in table.note
    )


def test_a_finished_study_with_scales_runs_no_network(finished, capsys, no_weights):
    study, _ = finished
    before = Conv.runs
    assert not run_studies([study]).failed
    assert before == Conv.runs
    assert "all 2 runs are finished: nothing is repeated" in capsys.readouterr().err


@pytest.mark.full
def test_what_is_restored_otherwise_is_evaluated_again_without_training(
    noise, tmp_path, monkeypatch, no_weights
):
    """Also a system under its own name, which a version before evaluated without scales."""
    before = study_of(tmp_path, noise, NET)
    plain = run_studies([before])
    checkpoint = run_folder(tmp_path, before.runs[0].id) / CHECKPOINT
    written = checkpoint.stat().st_mtime_ns
    own = replace(NET, card=replace(NET.card, at_scales=True))
    outcome = run_studies([study_of(tmp_path, noise, own)])
    assert values(outcome, "net") != values(plain, "net")
    assert checkpoint.stat().st_mtime_ns == written
    assert not outcome.replaced
    monkeypatch.setattr(plan, "SCALES_REVISION", plan.SCALES_REVISION + 1)
    again = study_of(tmp_path, noise, own)
    with open_results(tmp_path / "results.sqlite") as results:
        assert [one.run for one in left_of(again, results)] == list(again.runs)
        checkpoint.unlink()
        assert left_of(again, results) == [], (
            "a deleted checkpoint is not trained again"
        )


@pytest.mark.full
def test_a_repeated_training_repeats_its_rows(
    finished, noise, tmp_path, no_weights, refused
):
    study = study_of(tmp_path, noise, NET, at_scales(NET))
    run_studies([study])
    ask_again([study])
    with open_results(tmp_path / "results.sqlite") as results:
        assert [one.run for one in left_of(study, results)] == list(study.runs)
    assert not run_studies([study]).failed
    assert len(list(tmp_path.glob("runs/net-*/before-1"))) == 1
    evaluate_study(replace(study, runs=study.runs[1:]))
    (run_folder(tmp_path, study.runs[0].id) / CHECKPOINT).unlink()
    with refused(InputError):
        evaluate_study(replace(study, runs=study.runs[1:]))


def test_a_row_whose_network_was_not_trained_fails_by_itself(
    noise, tmp_path, no_weights
):
    study = study_of(tmp_path, noise, at_scales(NET))
    outcome = run_studies([study])
    assert outcome.failed == [study.runs[0].id]
    assert any(
        "net-" in row.status and "no finished training" in row.status
        for row in outcome.rows
    )


class Fails(Conv):
    """A network that cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no layers")


@pytest.mark.parametrize(
    ("network", "recipe", "status"),
    [
        (Fails, RECIPE, "failed"),
        (Conv, RECIPE.model_copy(update={"target": "truth"}), "not-applicable"),
    ],
)
def test_a_row_has_no_scores_for_the_reason_of_its_network(
    noise, tmp_path, no_weights, network, recipe, status
):
    system = Baseline.of_network("net", network, lambda: recipe, revision=1)
    study = study_of(tmp_path, noise, system, at_scales(system))
    run_studies([study])
    with open_results(tmp_path / "results.sqlite") as results:
        plain, scaled = (
            one.status for one in results.entries() if one.system != "ceiling"
        )
        again = [one.run for one in left_of(study, results)]
    assert again == (study.runs if status == "failed" else [])
    assert plain.partition(": ")[0] == scaled.partition(": ")[0] == status
    assert plain.partition(": ")[2] in scaled


def test_a_job_that_restored_otherwise_replaces_what_the_study_had(
    noise, tmp_path, no_weights
):
    own = replace(NET, card=replace(NET.card, at_scales=True))
    before, after = (study_of(tmp_path / "out", noise, one) for one in (NET, own))
    run_studies([before])
    job = job_folder(tmp_path / "out", after.runs[0].id)
    shutil.copytree(tmp_path / "out", job)
    run_studies([replace(after, out=job)])
    with open_results(tmp_path / "out" / "results.sqlite") as results:
        take_job(tmp_path / "out", results, job)
        assert left_of(after, results) == []
        taken = [
            one.value
            for one in results.scores(after.runs[0].id)
            if one.metric == "psnr"
        ]
    with open_results(job / "results.sqlite") as results:
        scores = results.scores(after.runs[0].id)
    assert taken == [one.value for one in scores if one.metric == "psnr"]


@pytest.mark.full
def test_jobs_of_rows_wait_for_their_training(noise, tmp_path, monkeypatch, no_weights):
    study = study_of(tmp_path, noise, NET, at_scales(NET))
    submitted: list[list[str]] = []

    def submit(out, runs, job, settings):
        submitted.append(list(runs))
        for name in runs:
            one = Expanded([study]).only({name})
            run_studies(one.moved(job_folder(out, name)).studies)
        return len(runs)

    monkeypatch.setattr(slurm, "submit", submit)
    for _ in range(3):
        outcome = run_as_jobs([study], StudyDocument(), again=False)
    assert submitted == [[study.runs[0].id], [study.runs[1].id], []]
    assert not outcome.failed
    assert not outcome.problems
    assert len(list(tmp_path.glob(f"runs/*/{CHECKPOINT}"))) == 1
    assert len(values(outcome, "net@scales")) > 0
