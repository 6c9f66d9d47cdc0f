"""Studies: files, plans, several runs at once; what is wrong with one part spares the others."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from defocus.baselines import registry
from defocus.baselines.recipe import DEMO, MISALIGNED, START_TERMS, TERMS
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Entry, open_results
from defocus.benchmark.study import expansion
from defocus.benchmark.study.document import (
    REQUEST,
    StudyDocument,
    as_request,
    load_document,
    read_request,
    write_request,
)
from defocus.benchmark.study.expansion import around_jdrl, expand, with_objectives
from defocus.benchmark.study.standing import standing_of, tell_unfinished
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import SettingsError
from defocus.training.devices import visible_gpus
from tests.benchmark.conftest import make_pictures
from tests.benchmark.example_study import ENTRY
from tests.benchmark.test_plan import baseline
from tests.benchmark.test_resume import scores_of

FILE = """
datasets = ["tiny:{first}", "tiny:{second}"]
systems = ["input", "tiny-conv"]
[objectives.own]
[objectives.other]
objective = "supervised"
settings = {{terms = [{{loss = "l2"}}]}}
[schedule]
steps = 4
"""


@pytest.fixture(scope="module")
def datasets(tiny_dataset, tmp_path_factory):
    other = make_pictures(tmp_path_factory.mktemp("other"), ("d", "e", "t3"), first=5)
    (other / "name.txt").write_text("other")
    return tiny_dataset, other


@pytest.fixture
def file(tmp_path, datasets):
    path = tmp_path / "study.toml"
    path.write_text(FILE.format(first=datasets[0], second=datasets[1]))
    return path


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_side_by_side_and_one_after_the_other_come_to_the_same(bench, file, tmp_path):
    """Datasets x systems x objectives; of each dataset, one run without training is alone."""
    whole = bench("run", "--study", file, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    expected = scores_of(tmp_path / "whole")
    assert {row["system"] for row in expected} >= {
        "input",
        "tiny-conv",
        "tiny-conv-with-other",
    }
    assert len({row["dataset"] for row in expected}) == 2

    beside = bench("run", "--study", file, "--out", "beside", "--on", "2")
    assert beside.returncode == 0, beside.stderr
    assert "the seconds of 4 runs are measured, each alone" in beside.stderr
    assert scores_of(tmp_path / "beside") == expected
    again = bench("run", "--out", "beside", "--workers", "1")
    assert "all 6 runs are finished" in again.stderr
    status = json.loads(bench("status", "--out", "beside", "--json").stdout)
    assert status["working"] is False
    assert {run["state"] for run in status["runs"]} == {"finished"}


def test_a_dataset_that_is_missing_spares_the_others(bench, datasets, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(datasets[1], broken, ignore=shutil.ignore_patterns(".*"))
    (broken / "t3" / "sharp.png").write_bytes(b"not a picture")
    twin = shutil.copytree(
        datasets[0], tmp_path / "twin", ignore=shutil.ignore_patterns(".*")
    )
    given = [
        f"tiny:{path}" for path in (broken, tmp_path / "absent", datasets[0], twin)
    ]
    options = [word for text in given for word in ("--dataset", text)]
    result = bench("run", "--only", "input", "--out", "out", *options)
    assert result.returncode == 2
    assert str(tmp_path / "absent") in result.stderr
    assert "another dataset of the study is called 'tiny'" in result.stderr
    assert str(broken / "t3" / "sharp.png") in result.stderr
    assert "Traceback" not in result.stderr
    assert {row["system"] for row in scores_of(tmp_path / "out")} >= {"input"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset = ['sample']", ("'dataset'", "'datasets'")),
        ("datasets = []", ("datasets",)),
        ("[training]\nprecisions = 'bfloat16'", ("training.precisions", "'precision'")),
        ("[cluster]\ntime_minutes = 1", ("cluster", "signal_seconds")),
        ("[objectives.'Own Goal']\n", ("objectives",)),
    ],
)
def test_a_wrong_study_file_is_named_with_its_key(tmp_path, text, words):
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_document(path)
    assert str(path) in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_request_comes_back_with_paths_that_hold_elsewhere(
    tmp_path, monkeypatch, refused
):
    (tmp_path / "pictures").mkdir()
    path = tmp_path / "study.toml"
    path.write_text(
        "datasets = ['pairs:pictures', 'sample:strong']\n[training]\naverage = 0.9\n"
    )
    request = as_request(load_document(path))
    write_request(tmp_path, request)
    monkeypatch.chdir("/")
    stored_request = read_request(tmp_path)
    assert stored_request == request
    assert stored_request.datasets == (
        f"pairs:{tmp_path / 'pictures'}",
        "sample:strong",
    )
    assert stored_request.training.model_fields_set == {"average"}
    with refused(SettingsError):
        read_request(tmp_path / "pictures")


def test_an_unknown_objective_is_named(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text("[objectives.jdlr]\n")
    with pytest.raises(
        SettingsError, match=r"^no objective 'jdlr'; did you mean 'jdrl' .*\?$"
    ):
        with_objectives([baseline("net")], load_document(path).objectives)
    path.write_text('[objectives.mine]\nobjective = "jdlr"\n')
    with pytest.raises(
        SettingsError, match=r"^\[objectives\.mine\]: no objective 'jdlr'"
    ):
        with_objectives([baseline("net")], load_document(path).objectives)


def test_on_misaligned_pairs_jdrl_is_beside_the_same_networks_without_it():
    every = list(registry.all_baselines().values())
    systems = [one for one in every if not one.card.variant_of]
    compared = around_jdrl(systems, add=False)
    names = ["ifan", "mprnet", "nafnet", "unet"]
    assert [one.card.name for one in compared] == sorted(
        ["input", *names, *(f"jdrl-{name}" for name in names)]
    )
    beside = around_jdrl(systems, add=True)
    assert [one.card.name for one in beside] == [
        *(x.card.name for x in compared),
        "registered-unet",
    ]


def test_on_misaligned_pairs_both_losses_get_the_same_longer_training(
    tmp_path, monkeypatch
):
    picture = tmp_path / "picture.png"
    pairs = (Pair("a", "a", "test", picture, picture),)

    def opened(name: str, *, leave_out_seen: bool) -> Dataset:
        assert not leave_out_seen
        return Dataset(name, tmp_path, pairs, "0" * 64, tmp_path)

    monkeypatch.setattr(expansion, "open_for_study", opened)
    names = ("unet", "jdrl-unet")
    document = StudyDocument(datasets=("fits",), misaligned=("off",), systems=names)
    fits, off = (study.runs for study in expand(document, tmp_path).studies)
    assert [run.schedule for run in fits] == [DEMO, DEMO]
    assert [run.schedule for run in off] == [MISALIGNED, MISALIGNED]
    recipes = [[run.recipe for run in part if run.recipe] for part in (fits, off)]
    assert [{one.target for one in part} for part in recipes] == [
        {"compensated"},
        {"sharp"},
    ]
    assert [part[1].objective_settings["terms"] for part in recipes] == [
        TERMS,
        START_TERMS,
    ]
    assert {run.reported_budget for run in (*fits, *off)} == {"demo"}
    assert {run.baseline.is_narrow for run in (*fits, *off)} == {True}
    quick = expand(document.model_copy(update={"budget": "quick"}), tmp_path).studies
    assert [run.schedule for run in quick[0].runs] == [
        run.schedule for run in quick[1].runs
    ]


def entry(run: str, status: str = "ok") -> Entry:
    return replace(ENTRY, run=run, status=status)


def store(folder: Path, *entries: Entry, value: float = 1.0) -> Path:
    with study_lock(folder), open_results(folder / "results.sqlite") as results:
        for one in entries:
            score = Score("defocus-v1", "gt", "psnr", "a", "a", value)
            results.record(one, [score] if one.scored else [])
            (folder / "runs" / one.run).mkdir(parents=True)
            (folder / "runs" / one.run / "run.json").write_text(f'"{folder.name}"')
    return folder


def test_status_tells_waiting_begun_failed_and_at_work(tmp_path, capsys):
    states = {
        "finished": "ok",
        "failed": "failed: nan",
        "not-applicable": "not-applicable: no",
    }
    entries = [
        entry(f"net-0000000{k}", status) for k, status in enumerate(states.values())
    ]
    store(tmp_path, *entries)
    facts = {"system": "net", "dataset": "made", "seed": 0, "schedule": {"steps": 9}}
    ids = [one.run for one in entries] + ["net-00000007", "net-00000008"]
    (tmp_path / "study.json").write_text(
        json.dumps({"runs": dict.fromkeys(ids, facts)})
    )
    with study_lock(tmp_path / "jobs" / "net-00000008"):
        standing = standing_of(tmp_path)
    assert [one.state for one in standing] == [*states, "waiting", "at work"]
    assert standing[1].reason == "nan"
    assert standing[3].steps == 9
    (tmp_path / REQUEST).write_text("{}")
    tell_unfinished(tmp_path)
    words = (
        f"1 not-applicable, 2 waiting; 'defocus-bench run --out {tmp_path}' continues"
    )
    assert words in capsys.readouterr().err


def test_the_gpus_that_may_be_used(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert visible_gpus() == ("3", "5")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == ()


def test_a_folder_keeps_all_its_requests(tmp_path):
    asked = [as_request(StudyDocument(systems=(name,))) for name in ("input", "wiener")]
    for request in (*asked, asked[0]):
        write_request(tmp_path, request)
        # as continuing does
        write_request(tmp_path, read_request(tmp_path).with_workers(2))
    stored_request = read_request(tmp_path)
    assert stored_request.systems == ("input",)
    assert [one.systems for one in stored_request.earlier] == [("wiener",)]
