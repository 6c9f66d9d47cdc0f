"""Scores of another study are taken where this one would compute the same, and nothing else."""

import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner

from defocus.baselines.recipe import Recipe
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER
from defocus.benchmark.evaluation.recording import entry_of
from defocus.benchmark.evaluation.versions import metric_versions
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.results import sources
from defocus.benchmark.results.run_folder import ORIGIN, UNREAD
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.sources import runs_of_source
from defocus.benchmark.results.store import Cost, Entry, open_results
from defocus.benchmark.study import reuse
from defocus.benchmark.study.plan import Study, plan_runs
from defocus.benchmark.study.reuse import reuse_results
from defocus.command_line.commands import command_group
from defocus.datasets import fetching
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import InputError
from defocus.training.record.folder import CHECKPOINT
from tests.benchmark.test_plan import RECIPE, baseline
from tests.benchmark.test_resume import scores_of
from tests.command_process import run_command
from tests.web_server import serving

PLAIN = Metric("plain", "Plain", "lower", "", 3, lambda *_: 0.0, span=(0.0, None))
NEEDED = Metric("needy", "Needy", "lower", "", 3, lambda *_: 0.0, "fetch", lambda: True)


@pytest.fixture(autouse=True)
def two_metrics(monkeypatch):
    monkeypatch.setattr(
        reuse, "metrics_for", lambda _: {"plain": PLAIN, "needy": NEEDED}
    )


def study_at(out: Path, recipe: Recipe | None = None, data: str = "0") -> Study:
    """A study of one system on two pictures."""
    blurry, sharp = out / "blurry.png", out / "sharp.png"
    pairs = tuple(Pair(name, name, "test", blurry, sharp) for name in ("a", "b"))
    dataset = Dataset("made", out, pairs, data * 64, out / "derived")
    return Study(out, dataset, plan_runs([baseline("net", recipe)], dataset, "demo"))


def scores(value: float | None = 1.0, reason: str = "") -> list[Score]:
    return [
        Score("defocus-v1", protocol, metric, pair, pair, value, reason=reason)
        for protocol in PROTOCOL_ORDER
        for metric in ("plain", "needy")
        for pair in ("a", "b")
    ]


def results_of(
    study: Study,
    out: Path,
    stored: list[Score] | None = None,
    metrics: tuple[Metric, ...] = (PLAIN, NEEDED),
    **changes: object,
) -> str:
    """The results of another who has computed the study's run."""
    entry = replace(entry_of(study, study.runs[0]), **changes)  # type: ignore[arg-type]
    out.mkdir(parents=True, exist_ok=True)
    versions = metric_versions(
        [one.name for one in metrics], {one.name: one for one in metrics}
    )
    with open_results(out / "results.sqlite") as results:
        costs = [Cost("params_m", 2.0), Cost("of another version", 1.0)]
        results.record(entry, scores() if stored is None else stored, costs, versions)
    return str(out)


def stored_entry(out: Path) -> Entry:
    with open_results(out / "results.sqlite") as results:
        (entry,) = results.entries()
    return entry


def test_what_is_the_same_is_taken_with_its_origin(tmp_path, capsys):
    study = study_at(tmp_path / "mine", RECIPE)
    theirs = results_of(study, tmp_path / "theirs", checkpoint="ab" * 32, code="0.1.0")
    assert reuse_results([study], [theirs]) == [study.runs[0].id]
    assert "1 run taken, not computed again: net-" in capsys.readouterr().err
    entry = stored_entry(study.out)
    assert (entry.checkpoint, entry.code, entry.checkpoint_stamp) == (
        "ab" * 32,
        "0.1.0",
        "",
    )
    with open_results(study.out / "results.sqlite") as results:
        assert sorted(map(repr, results.scores(entry.run))) == sorted(
            map(repr, scores())
        )
        assert [cost.metric for cost in results.costs(entry.run)] == ["params_m"]
    record = json.loads((study.out / "runs" / entry.run / "run.json").read_text())
    assert record[ORIGIN] == theirs
    assert record["seed"] == 0
    assert reuse_results([study], [theirs]) == [], "it is there already"


@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        (None, {"grouping": "of other test pictures"}),
        (None, {"evaluation": "0-00000000"}),
        (None, {"status": "failed: nan"}),
        (None, {"split": "train"}),
        (RECIPE, {"train_dataset": "made, without 3 pairs"}),
        (RECIPE, {"checkpoint": "../../escape"}),
        (None, {"run": "net-00000000"}),
        (None, {"run": "net-00000000", "data_hash": "1" * 64}),
        (None, {"run": "net-00000000", "system": "other"}),
    ],
)
def test_another_identity_is_refused_with_its_reason(
    tmp_path, said_on_stderr, recipe, change
):
    study = study_at(tmp_path / "mine", recipe)
    theirs = results_of(study, tmp_path / "theirs", **change)
    assert reuse_results([study], [theirs]) == []
    said_on_stderr()


@pytest.fixture
def said_on_stderr(capsys, placeless, snapshot):
    def compare() -> None:
        assert placeless(capsys.readouterr().err) == snapshot

    return compare


STRANGE = {
    "negative": replace(scores()[0], value=-0.5),
    "infinite": replace(scores()[0], value=float("inf")),
    "picture": replace(scores()[0], pair="../c"),
    "unread": replace(scores()[0], value=None, reason=f"{UNREAD}cut short"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_values_that_cannot_be_are_refused(tmp_path, said_on_stderr, name):
    study = study_at(tmp_path / "mine")
    theirs = results_of(study, tmp_path / "theirs", [STRANGE[name], *scores()[1:]])
    assert reuse_results([study], [theirs]) == []
    said_on_stderr()


def test_metrics_are_taken_alone_where_the_others_can_be_computed(
    tmp_path, said_on_stderr
):
    raised = (replace(PLAIN, revision=2), NEEDED)
    untrained = study_at(tmp_path / "mine")
    theirs = results_of(untrained, tmp_path / "theirs", metrics=raised)
    assert len(reuse_results([untrained], [theirs])) == 1
    with open_results(untrained.out / "results.sqlite") as results:
        assert {one.metric for one in results.scores(untrained.runs[0].id)} == {"needy"}
    trained = study_at(tmp_path / "trained", RECIPE)
    theirs = results_of(trained, tmp_path / "of-training", metrics=raised)
    assert reuse_results([trained], [theirs]) == []
    half = results_of(trained, tmp_path / "half", scores()[1:])
    assert reuse_results([trained], [half]) == []
    unweighted = [
        replace(one, value=None, reason="no weights; fetch")
        if one.metric == "needy"
        else one
        for one in scores()
    ]
    theirs = results_of(trained, tmp_path / "unweighted", unweighted)
    assert reuse_results([trained], [theirs]) == []
    said_on_stderr()


def test_a_training_that_was_begun_here_is_kept(tmp_path, said_on_stderr):
    study = study_at(tmp_path / "mine", RECIPE)
    theirs = results_of(study, tmp_path / "theirs")
    folder = study.out / "runs" / study.runs[0].id
    folder.mkdir(parents=True)
    (folder / CHECKPOINT).write_bytes(b"weights")
    assert reuse_results([study], [theirs]) == []
    said_on_stderr()


def test_a_training_is_taken_with_all_its_evaluations_or_not_at_all(tmp_path, capsys):
    plain = study_at(tmp_path / "mine", RECIPE)
    run = plain.runs[0]
    system = replace(run.baseline, card=replace(run.baseline.card, name="net@scales"))
    other = replace(run, id="net@scales-1", baseline=system, training=run)
    study = replace(plain, runs=[run, other])
    theirs = results_of(plain, tmp_path / "theirs", checkpoint="ab" * 32)
    assert reuse_results([study], [theirs]) == []
    assert (
        "its network is trained here anyway, for net@scales-1"
        in capsys.readouterr().err
    )


def packed(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(
                file, f"repository-main/{file.relative_to(folder).as_posix()}"
            )
    return path


def server(root: Path) -> type[BaseHTTPRequestHandler]:
    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = root / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            content = path.read_bytes()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Files


def runs_at(source: str) -> Iterator[str]:
    return (f"{run.entry.run} {run.origin}" for run in runs_of_source(source, ()))


def test_results_come_from_folders_archives_and_addresses(tmp_path, placeless):
    study = study_at(tmp_path / "mine")
    results_of(study, tmp_path / "repository" / "results" / "ours")
    packed(tmp_path / "repository", tmp_path / "main.zip")
    run = study.runs[0].id
    inside = "results/ours"
    folder = tmp_path / "repository"
    assert list(runs_at(str(folder / inside))) == [f"{run} {folder / inside}"]
    assert list(runs_at(str(folder))) == [f"{run} {folder} ({inside})"]
    with serving(server(tmp_path)) as address:
        assert list(runs_at(f"{address}/repository/{inside}/")) == [
            f"{run} {address}/repository/{inside}/"
        ]
        store = f"{address}/repository/{inside}/results.sqlite"
        assert list(runs_at(store)) == [f"{run} {store}"]
        archive = f"{address}/main.zip"
        assert list(runs_at(archive)) == [f"{run} {archive} (repository-main/{inside})"]
        assert len(reuse_results([study], [archive])) == 1


def test_what_holds_no_results_or_cannot_be_reached_is_one_line(
    tmp_path, refused, monkeypatch
):
    (tmp_path / "bad.zip").write_bytes(b"PK no archive")
    (tmp_path / "bad.sqlite").write_bytes(b"no store" * 999)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no results there; it holds no results"):
        list(runs_at(str(tmp_path / "empty")))
    for name in ("missing", "bad.zip", "bad.sqlite"):
        with refused(InputError):
            list(runs_at(str(tmp_path / name)))
    with serving(server(tmp_path)) as address:
        monkeypatch.chdir(tmp_path)
        for name in ("missing.zip", "empty"):
            with pytest.raises(
                InputError, match="the server answers 404; where the address can"
            ):
                list(runs_at(f"{address}/{name}"))
        monkeypatch.setattr(sources, "MOST_STORE_BYTES", 100)
        with pytest.raises(InputError, match="larger than 100 bytes"):
            list(runs_at(f"{address}/bad.sqlite"))
    monkeypatch.setattr(fetching, "WAIT_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"cannot be reached .* give its path"):
        list(runs_at("http://127.0.0.1:9/results"))


def test_a_store_with_a_query_of_a_stranger_is_refused(tmp_path, refused):
    theirs = results_of(study_at(tmp_path / "mine"), tmp_path / "theirs")
    connection = sqlite3.connect(Path(theirs) / "results.sqlite")
    connection.executescript(
        "ALTER TABLE runs RENAME TO real; CREATE VIEW runs AS SELECT * FROM real;"
    )
    connection.close()
    with refused(InputError):
        list(runs_at(theirs))


def test_an_archive_that_leads_outside_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../results.sqlite", b"x")
    with pytest.raises(InputError, match=r"\.\./results\.sqlite"):
        list(runs_at(str(tmp_path / "bad.zip")))


@pytest.mark.parametrize("word", ["--dry-run", "--keep-outputs"])
def test_options_that_would_mean_nothing_are_refused(
    tmp_path, word, said, snapshot, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    words = ["run", "--only", "input", "--reuse", "theirs", word]
    assert said(CliRunner().invoke(group, words)) == snapshot


@pytest.mark.full
def test_a_study_computes_only_what_is_missing(
    two_runs, third_party, tiny_dataset, tmp_path, monkeypatch
):
    # 'input' and 'tiny-conv' are taken from the finished study, 'tiny-wide' is trained here
    words = ["run", "--only", "input", "--only", "tiny-conv", "--only", "tiny-wide"]
    words += [
        "--dataset",
        f"tiny:{tiny_dataset}",
        "--out",
        "new",
        "--reuse",
        str(two_runs),
    ]
    environment = {**os.environ, **third_party}
    result = run_command("defocus.benchmark.cli", words, tmp_path, environment)
    assert result.returncode == 0, result.stderr
    assert "2 runs taken, not computed again" in result.stderr
    assert "[1/1] tiny-wide" in result.stderr
    assert not list((tmp_path / "new").glob("runs/tiny-conv-*/*.safetensors"))
    rows = [row for row in scores_of(tmp_path / "new") if row["system"] != "tiny-wide"]
    assert rows == scores_of(two_runs)
    page = (tmp_path / "new" / "report.html").read_text()
    assert "Not computed here, taken from" in page
    shutil.rmtree(two_runs)
    result = run_command(
        "defocus.benchmark.cli", ["run", "--out", "new"], tmp_path, environment
    )
    assert result.returncode == 0, result.stderr
    assert "all 3 runs are finished: nothing is repeated" in result.stderr
