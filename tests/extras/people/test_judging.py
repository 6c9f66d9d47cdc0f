"""People's judgements, simulated with planted ranks."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdf
import pytest
from click.testing import CliRunner, Result
from scipy.stats import kendalltau

from defocus.benchmark.documents.write import write_report
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import STORE, open_results, read_results
from defocus.benchmark.statistics.resampling import rank_correlations
from defocus.command_line.commands import command_group
from defocus.errors import InputError
from defocus.extras.people.agreement import MetricAgreement, metric_agreement
from defocus.extras.people.answers import (
    JUDGED,
    Judgements,
    PairedJudgement,
    judged,
    read_answers,
    read_people,
)
from defocus.extras.people.strengths import PairedChoice, Strength, strengths
from defocus.extras.people.tables import metrics_tables
from defocus.extras.people.trials import Trial, plan_hash, plan_trials, read_plan
from defocus.reports.model import Measured
from tests.benchmark.example_study import entry, make_study

PLANTED = {"a": 1.2, "b": 0.5, "c": 0.0, "d": -0.6, "e": -1.1}
PAIRS = [f"pair-{n}" for n in range(12)]


def answer(
    trials: list[Trial], judge: str, seed: int, *, looks: bool = True
) -> Judgements:
    """A person who prefers by the planted strengths, or one who presses keys without looking."""
    draws = np.random.default_rng(seed)
    given = []
    for number, trial in enumerate(trials):
        if trial.kind == "catch":
            odds = 1.0 if (trial.left == "sharp") == looks else 0.0
        else:
            odds = 1 / (1 + np.exp(PLANTED[trial.right] - PLANTED[trial.left]))
        side = "left" if draws.random() < (odds if looks else 0.5) else "right"
        marks = ("left",) if trial.left == "a" else ()
        given.append(PairedJudgement(trial=number, better=side, invented=marks))
    return Judgements(
        format="defocus-judgements",
        judge=judge,
        plan=plan_hash(trials),
        answers=tuple(given),
    )


def test_intervals_cover_the_planted_strengths_in_500_simulations():
    names, covered = list(PLANTED), []
    truth = np.array(list(PLANTED.values())) - np.mean(list(PLANTED.values()))
    couples = [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]
    draws = np.random.default_rng(0)
    for _ in range(500):
        comparisons = [
            PairedChoice(
                a, b, float(draws.random() < 1 / (1 + np.exp(PLANTED[b] - PLANTED[a])))
            )
            for a, b in couples * 20
        ]
        by_system = {one.system: one for one in strengths(comparisons)}
        covered += [
            by_system[n].low <= t <= by_system[n].high
            for n, t in zip(names, truth, strict=True)
        ]
    assert 0.935 <= np.mean(covered) <= 0.965


def test_planted_ranks_are_recovered_and_careless_people_left_out():
    trials = plan_trials(list(PLANTED), PAIRS, 200)
    people = [answer(trials, f"judge {n}", n) for n in range(6)]
    careless = answer(trials, "careless", 99, looks=False)
    outcome = judged(trials, [*people, careless])
    assert [one.system for one in outcome.strengths] == list(PLANTED)
    assert sum(one.value for one in outcome.strengths) == pytest.approx(0, abs=1e-9)
    assert set(outcome.left_out) == {"careless"}
    assert len(outcome.judges) == 6
    assert 0.5 < (outcome.with_themselves or 0) < 1
    assert 0.5 < (outcome.with_others or 0) < 1
    assert 0.4 < outcome.invented["a"] < 0.6
    assert outcome.invented["b"] == 0


def test_who_prefers_the_same_picture_on_both_sides_agrees_with_themselves():
    trials = plan_trials(list(PLANTED), PAIRS, 40)
    strength = {**PLANTED, "sharp": 9.0, "blurry": -9.0}
    given = [
        PairedJudgement(
            trial=number,
            better="left" if strength[one.left] > strength[one.right] else "right",
        )
        for number, one in enumerate(trials)
    ]
    sure = Judgements(
        format="defocus-judgements",
        judge="sure",
        plan=plan_hash(trials),
        answers=tuple(given),
    )
    assert judged(trials, [sure]).with_themselves == 1


def study_of(
    out: Path,
    means: dict[tuple[str, str, str], float],
    scenes: int = 4,
    noise: float = 0.0,
) -> Path:
    """A store with PSNR by dataset, budget and system; pictures differ, systems by their mean."""
    out.mkdir()
    draws = np.random.default_rng(0)
    hard = draws.normal(0, 2, scenes)
    with open_results(out / STORE) as results:
        for (dataset, budget, system), mean in means.items():
            run, group = f"{system}-{budget}-{dataset}", f"{system}-{budget}"
            run_entry = replace(
                entry(1, budget, dataset), system=system, run=run, grouping=group
            )
            values = mean + hard + draws.normal(0, noise, scenes)
            where = ("defocus-v1", "gt", "psnr")
            scores = [
                Score(*where, f"picture-{n}", f"scene-{n}", float(value))
                for n, value in enumerate(values)
            ]
            results.record(run_entry, scores, [])
    return out


def agreements_of(out: Path, people: list[Strength]) -> list[MetricAgreement]:
    with read_results(out / STORE) as results:
        return metric_agreement(results, people)


def test_agreement_with_people_mixes_neither_datasets_nor_two_trainings_of_a_system(
    tmp_path,
):
    """On one dataset the metric agrees, on the other it says the opposite."""
    names = ["a", "b", "c"]
    people = [Strength(name, 2.0 - n, 0.0, 3.0, 10) for n, name in enumerate(names)]
    means = {
        (dataset, "demo", name): 30.0 + sign * n
        for dataset, sign in (("first", -1), ("second", 1))
        for n, name in enumerate(names)
    }
    both = agreements_of(study_of(tmp_path / "both", means), people)
    assert {one.dataset: one.correlation for one in both} == {
        "first": 1.0,
        "second": -1.0,
    }
    assert {(one.low, one.high) for one in both} == {(None, None)}
    titles = [table.caption for table in metrics_tables(both)]
    assert [title.partition(": ")[2] for title in titles] == [
        "first, profile defocus-v1",
        "second, profile defocus-v1",
    ]
    twice = study_of(tmp_path / "twice", {**means, ("second", "paper", "c"): 32.0})
    (agreement,) = agreements_of(twice, people)
    assert (agreement.dataset, agreement.correlation, agreement.systems) == (
        "first",
        1.0,
        3,
    )


def test_the_interval_of_an_agreement_is_wide_where_scenes_or_people_are_few(tmp_path):
    names = list(PLANTED)
    means = {("first", "demo", name): 30.0 + PLANTED[name] for name in names}

    def agreement(scenes: int, noise: float, half: float) -> MetricAgreement:
        people = [Strength(n, v, v - half, v + half, 10) for n, v in PLANTED.items()]
        out = tmp_path / f"{scenes}-{noise}-{half}"
        (row,) = agreements_of(study_of(out, means, scenes, noise), people)
        return row

    sure = agreement(40, 0.1, 0.05)
    assert (sure.correlation, sure.low, sure.high) == (1.0, 1.0, 1.0)
    for unsure in (agreement(12, 3.0, 0.05), agreement(40, 0.1, 2.0)):
        assert unsure.low is not None
        assert unsure.high is not None
        assert unsure.low < 0.7
        assert unsure.low <= unsure.correlation <= unsure.high
    (table,) = metrics_tables([sure])
    assert table.rows[0][1] == Measured(1.0, (1.0, 1.0))


def test_rank_correlations_equal_those_of_scipy_with_ties_too():
    draws = np.random.default_rng(0)
    one, other = (draws.integers(0, 4, (6, 50)).astype(float) for _ in range(2))
    expected = [kendalltau(a, b).statistic for a, b in zip(one.T, other.T, strict=True)]
    assert np.allclose(rank_correlations(one, other), expected)
    assert np.isnan(rank_correlations(np.ones((3, 1)), np.arange(3.0)[:, None])).all()


def test_a_plan_has_every_couple_repeats_and_catches(refused):
    trials = plan_trials(list(PLANTED), PAIRS, 200, seed=3)
    kinds = [one.kind for one in trials]
    assert len(trials) == 200
    assert (kinds.count("repeat"), kinds.count("catch")) == (20, 10)
    couples = [
        frozenset((one.left, one.right)) for one in trials if one.kind == "plain"
    ]
    counts = [couples.count(one) for one in set(couples)]
    assert len(counts) == 10
    assert max(counts) - min(counts) <= 1
    for trial in trials:
        if trial.kind == "repeat":
            before = trials[trial.of]
            assert (before.left, before.right, before.pair) == (
                trial.right,
                trial.left,
                trial.pair,
            )
    assert plan_trials(list(PLANTED), PAIRS, 200, seed=3) == trials
    with refused(InputError):
        plan_trials(["a"], PAIRS, 10)


def test_a_system_that_always_wins_and_ties_have_finite_strengths():
    estimates = strengths(
        [PairedChoice("a", "b", 1.0)] * 30 + [PairedChoice("b", "c", 0.5)] * 30
    )
    values = {one.system: one.value for one in estimates}
    assert values["a"] > 2
    assert values["b"] == pytest.approx(values["c"], abs=0.2)
    assert all(np.isfinite([one.low, one.high]).all() for one in estimates)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"format": "defocus-judgements", "judge": "x", "plan": "y", "answers": []}',
    ],
)
def test_files_of_others_are_refused(tmp_path, text, refused):
    path = tmp_path / "answers.json"
    path.write_text(text)
    with refused(InputError):
        read_answers(path, plan_trials(["a", "b"], PAIRS, 10))


def test_people_of_one_name_are_told_apart_and_one_person_counts_once(
    tmp_path, refused
):
    trials = plan_trials(list(PLANTED), PAIRS, 40)
    people = {"first": answer(trials, "Anna", 1), "second": answer(trials, "Anna", 2)}
    people["careless"] = answer(trials, "Anna", 3, looks=False)
    paths = [tmp_path / f"{name}.json" for name in people]
    for path, one in zip(paths, people.values(), strict=True):
        path.write_text(one.model_dump_json())
    outcome = judged(trials, read_people(paths, trials))
    assert outcome.judges == (f"Anna ({paths[0]})", f"Anna ({paths[1]})")
    assert list(outcome.left_out) == [f"Anna ({paths[2]})"]
    early = people["first"].model_copy(update={"answers": people["first"].answers[:25]})
    for again in (people["first"], early):  # a copy; what was saved on the way
        (tmp_path / "again.json").write_text(again.model_dump_json())
        with refused(InputError):
            read_people([*paths, tmp_path / "again.json"], trials)
    (tmp_path / "again.json").write_text(early.model_dump_json().replace("Anna", "  "))
    with refused(InputError):
        read_people([tmp_path / "again.json"], trials)


def test_catch_trials_say_nothing_of_how_far_people_agree():
    trials = plan_trials(list(PLANTED), PAIRS, 40)
    first = answer(trials, "first", 1)
    other = {"left": "right", "right": "left"}
    given = [
        one
        if trials[one.trial].kind == "catch"
        else one.model_copy(update={"better": other[one.better]})
        for one in first.answers
    ]
    second = first.model_copy(update={"judge": "second", "answers": tuple(given)})
    assert judged(trials, [first, second]).with_others == 0


def make_judged_study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "study", systems=4, pictures=4)


def run(*words: str | Path) -> Result:
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    return CliRunner().invoke(
        group,
        [str(word) for word in words],
        catch_exceptions=False,
        standalone_mode=False,
    )


def test_a_page_is_blind_and_its_answers_become_strengths(tmp_path, capfd):
    out, page = make_judged_study(tmp_path), tmp_path / "page.html"
    words = ["judge", "--out", out, "--page", page, "--judgements", "60"]
    assert (
        run(*words, "--only", "unet", "--only", "ifan", "--only", "restormer").exit_code
        == 0
    )
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"unet|ifan|restormer|https?:", text)
    trials = read_plan(out)
    assert len(trials) == 60
    planted = {"unet": 2.0, "ifan": 0.0, "restormer": -2.0}
    paths = []
    for number in range(4):
        draws = np.random.default_rng(number)
        given = [
            {"trial": n, "better": better(one, planted, draws), "invented": []}
            for n, one in enumerate(trials)
        ]
        document = {
            "judge": f"judge {number}",
            "plan": plan_hash(trials),
            "answers": given,
        }
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"format": "defocus-judgements", **document}))
        paths.append(path)
    capfd.readouterr()
    run("judge", *paths, "--out", out, "--json")
    numbers = json.loads(capfd.readouterr().out)
    assert [one["system"] for one in numbers["strengths"]] == list(planted)
    assert {one["metric"] for one in numbers["metrics"]} >= {"psnr", "ssim"}
    assert all(-1 <= one["correlation"] <= 1 for one in numbers["metrics"])
    shown = run("judge", *paths, "--out", out).output
    assert "By 4 judges" in shown
    assert re.search(
        r"People agree with themselves in \d+% .* with each other in \d+%", shown
    )
    write_report(out)
    report = (out / "report.html").read_text(encoding="utf-8")
    section = report.partition(">Judged by people</h2>")[2].partition("</section>")[0]
    by_strength = re.findall(r"U-Net|IFAN|Restormer", section)
    assert by_strength == ["U-Net", "IFAN", "Restormer"]
    assert "By 4 judges" in section
    assert "PSNR" in section
    printed = "".join(
        page.extract_text() for page in pypdf.PdfReader(out / "report.pdf").pages
    )
    assert "Judged by people" in printed
    (out / JUDGED).write_text("{}")
    capfd.readouterr()
    write_report(out)
    assert "judged.json: damaged" in capfd.readouterr().err
    assert "Judged by people" not in (out / "report.html").read_text(encoding="utf-8")


def better(trial: Trial, planted: dict[str, float], draws: np.random.Generator) -> str:
    if trial.kind == "catch":
        return "left" if trial.left == "sharp" else "right"
    odds = 1 / (1 + np.exp(planted[trial.right] - planted[trial.left]))
    return "left" if draws.random() < odds else "right"
