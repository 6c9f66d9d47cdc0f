"""What identifies a run, and which systems a study has."""

import fnmatch
import hashlib
import lzma
import re
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.align.flow.pwcnet.estimator import SHIPPED
from defocus.baselines.card import Baseline, Card
from defocus.baselines.recipe import Recipe, Schedule
from defocus.baselines.registry import baseline as registered
from defocus.benchmark.leaderboard.terminal import show_outcome
from defocus.benchmark.study import plan
from defocus.benchmark.study.document import StudyDocument
from defocus.benchmark.study.options import EvaluateOptions, RunOptions, TrainOptions
from defocus.benchmark.study.outcome import Outcome
from defocus.benchmark.study.plan import (
    Override,
    Run,
    ScheduleOverride,
    Study,
    plan_runs,
    select,
)
from defocus.datasets.pair import Dataset
from defocus.errors import RegistryError, SettingsError
from defocus.settings import parse_settings
from defocus.training.method import Training

SCHEDULE = Schedule(steps=10, crop_px=32, batch=2, learning_rate=1e-3)
RECIPE = Recipe(epochs=5, paper=SCHEDULE, quick=SCHEDULE, demo=SCHEDULE)
DATASET = Dataset("made", Path("made"), (), "0" * 64, Path("derived"))


def baseline(
    name: str, recipe: Recipe | None = RECIPE, variant_of: str | None = None
) -> Baseline:
    card = Card(
        name, name, "network", "single", "paper", "", "", "", variant_of=variant_of
    )
    return Baseline(card, build=Path, recipe=(lambda: recipe) if recipe else None)  # type: ignore[arg-type]


SYSTEMS = {
    name: baseline(name, variant_of="net" if name == "net-large" else None)
    for name in ("net-large", "net", "input", "other")
}


def run_of(**changes: object) -> Run:
    settings = {
        "recipe": RECIPE,
        "budget": "demo",
        "data": "0" * 64,
        "revision": 1,
    } | changes
    dataset = replace(DATASET, content_hash=str(settings["data"]))
    recipe = settings["recipe"]
    assert isinstance(recipe, Recipe)
    override = settings.get("override")
    plain = baseline("net", recipe)
    card = replace(plain.card, revision=settings["revision"])  # type: ignore[arg-type]
    system = replace(plain, card=card, source_hash=str(settings.get("source_hash", "")))
    (run,) = plan_runs([system], dataset, settings["budget"], override=override)  # type: ignore[arg-type]
    return run


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": "quick"},
        {"data": "1" * 64},
        {"recipe": RECIPE.model_copy(update={"objective": "jdrl"})},
        {"recipe": RECIPE.model_copy(update={"target": "truth"})},
        {"recipe": RECIPE.model_copy(update={"warmup_epochs": 1})},
        {
            "recipe": RECIPE.model_copy(
                update={"demo": SCHEDULE.model_copy(update={"batch": 3})}
            )
        },
        {"override": Override(schedule=ScheduleOverride(learning_rate=1e-4))},
        {"override": Override(schedule=ScheduleOverride(crop_px=16))},
        {"revision": 2},
        {"source_hash": "0" * 64},
    ],
)
def test_whatever_decides_the_outcome_decides_the_id(changes):
    assert run_of(**changes).id != run_of().id


def test_what_does_not_decide_the_outcome_leaves_the_id():
    longer = RECIPE.model_copy(
        update={"paper": SCHEDULE.model_copy(update={"steps": 99})}
    )
    assert run_of(recipe=longer).id == run_of().id
    assert run_of(override=Override()).id == run_of().id
    assert run_of().id.startswith("net-")
    assert len(run_of().id) == len("net-") + 8


def test_a_raised_training_revision_repeats_trainings_and_nothing_else(monkeypatch):
    systems = [baseline("input", None), baseline("net")]
    before = plan_runs(systems, DATASET, "demo")
    monkeypatch.setattr(plan, "TRAINING_REVISION", plan.TRAINING_REVISION + 1)
    after = plan_runs(systems, DATASET, "demo")
    assert [old.id == new.id for old, new in zip(before, after, strict=True)] == [
        True,
        False,
    ]


@pytest.mark.full
@pytest.mark.parametrize(
    ("settings", "named"),
    [({}, False), ({"estimator": "pwcnet"}, True), ({"reading": "official"}, True)],
)
def test_the_weights_of_the_flow_network_are_part_of_what_they_train(settings, named):
    recipe = RECIPE.model_copy(
        update={"objective": "jdrl", "objective_settings": settings}
    )
    weights = run_of(recipe=recipe).facts().get("flow_weights")
    sha256 = hashlib.sha256(lzma.decompress(SHIPPED.read_bytes())).hexdigest()
    assert weights == (sha256 if named else None)


def test_where_the_code_of_a_system_lies_leaves_the_id():
    """A module that is renamed or rewritten gives another function; what it is known by stays."""
    plain = baseline("net")
    moved = replace(plain, build=partial(Path, "elsewhere"), recipe=lambda: RECIPE)  # type: ignore[arg-type]
    first, second = (
        plan_runs([system], DATASET, "demo")[0] for system in (plain, moved)
    )
    assert first.id == second.id
    assert "build" not in str(first.facts())


def test_a_changed_schedule_is_a_budget_of_its_own():
    shorter = Override(schedule=ScheduleOverride(steps=3))
    systems = [baseline("input", None), baseline("net")]
    runs = plan_runs(systems, DATASET, "paper", seeds=2, override=shorter)
    assert [run.reported_budget for run in runs] == [
        "not-trained-here",
        "custom",
        "custom",
    ]
    assert {run.facts()["started_from"] for run in runs if run.recipe} == {"paper"}
    untrained = [
        plan_runs(systems[:1], DATASET, budget)[0].id for budget in ("demo", "paper")
    ]
    assert len(set(untrained)) == 1, (
        "what is not trained is the same under every budget"
    )
    assert [run.schedule.steps for run in runs if run.recipe] == [3, 3]
    assert run_of(budget="paper", override=Override()).reported_budget == "paper"


def test_a_whole_network_in_the_demo_is_trained_from_scratch(capsys, tmp_path):
    own = Baseline.of_network("own", Path)  # type: ignore[arg-type]
    runs = plan_runs([own, registered("nafnet")], DATASET, "demo")
    assert [run.trained_weights for run in runs] == ["from scratch, 30 steps", "narrow"]
    assert plan_runs([own], DATASET, "quick")[0].trained_weights == "trained"
    study = Study(tmp_path, DATASET, runs)
    again = replace(study, out=Path("it's mine")).command("train", "own")
    assert shlex.split(again) == ["defocus-bench", "train", "own", "--out", "it's mine"]
    show_outcome(Outcome((), (), ()), [study])
    said = capsys.readouterr().err
    assert (
        "own was trained from scratch, 30 steps; the narrow copies began with weights"
        in said
    )
    assert "--budget quick --settings alike.toml" in said
    show_outcome(Outcome((), (), ()), [replace(study, runs=runs[:1])])
    assert "alike" not in capsys.readouterr().err
    assert "started_from" not in run_of(budget="paper").facts()


def test_custom_schedules_are_groups_of_their_own():
    changed = [
        ScheduleOverride(steps=3),
        ScheduleOverride(steps=4),
        ScheduleOverride(batch=3),
    ]
    groups = [
        run_of(override=Override(schedule=schedule)).group for schedule in changed
    ]
    groups += [run_of(budget="paper", override=Override(schedule=changed[0])).group]
    assert len({*groups, run_of().group}) == 5


def test_seeds_are_runs_of_one_group_and_untrained_systems_have_one_run():
    runs = plan_runs(
        [baseline("input", None), baseline("net")], DATASET, "demo", seeds=3
    )
    assert [(run.system, run.seed) for run in runs] == [
        ("input", 0),
        ("net", 0),
        ("net", 1),
        ("net", 2),
    ]
    assert len({run.id for run in runs}) == 4
    assert len({run.group for run in runs}) == 2


@pytest.mark.parametrize("seeds", [0, 1001])
def test_a_slip_of_the_keys_is_no_study_of_a_hundred_thousand_trainings(seeds, refused):
    with refused(SettingsError):
        parse_settings(StudyDocument, {"seeds": seeds}, origin="study.toml")


def test_all_leaves_variants_out_unless_asked():
    assert [b.card.name for b in select(SYSTEMS)] == ["input", "net", "other"]
    assert len(select(SYSTEMS, variants=True)) == 4


def test_patterns_match_whole_names_and_reach_variants():
    assert [b.card.name for b in select(SYSTEMS, ["net*"])] == ["net", "net-large"]
    assert [b.card.name for b in select(SYSTEMS, ["net", "i*", "in*"])] == [
        "input",
        "net",
    ]


@given(st.text("aeint-du*?[]!.0 \n\\'é\u202e", min_size=1, max_size=12))
def test_a_pattern_matches_something_or_is_named(pattern):
    if any(fnmatch.fnmatch(name, pattern) for name in SYSTEMS):
        assert select(SYSTEMS, [pattern])
    else:
        with pytest.raises(RegistryError, match=re.escape(repr(pattern))):
            select(SYSTEMS, [pattern])


def test_how_a_stream_is_used_identifies_trainings_on_streams_alone():
    reused = RECIPE.model_copy(update={"training": Training(reuse=4, lenses=800)})
    assert run_of(recipe=reused).id == run_of().id
    facts = Run("", "", baseline("net", reused), reused, "demo", 0).facts()["recipe"][
        "training"
    ]
    assert (facts["reuse"], facts["lenses"]) == (4, 800)


@pytest.mark.full
def test_the_estimator_of_a_gpu_is_part_of_what_it_trains(monkeypatch):
    """A study keeps the choice, so that it is the same wherever it goes on."""
    monkeypatch.setattr(plan, "has_gpu", lambda: True)
    there = StudyDocument().for_this_device()
    assert there.model_dump(exclude_unset=True) == {"estimator": "pwcnet"}
    jdrl = RECIPE.model_copy(update={"objective": "jdrl"})
    named = jdrl.model_copy(update={"objective_settings": {"estimator": "pwcnet"}})
    measured = run_of(recipe=jdrl, override=there)
    assert measured.id == run_of(recipe=named).id != run_of(recipe=jdrl).id
    assert measured.reported_budget == "demo"
    assert run_of(override=there).id == run_of().id
    true = jdrl.model_copy(update={"objective_settings": {"flow": "true"}})
    assert run_of(recipe=true, override=there).id == run_of(recipe=true).id
    for options in (TrainOptions(), EvaluateOptions(), RunOptions()):
        assert options.override.estimator == "pwcnet"
    asked = StudyDocument(estimator="dis").for_this_device()
    assert run_of(recipe=jdrl, override=asked).id == run_of(recipe=jdrl).id
