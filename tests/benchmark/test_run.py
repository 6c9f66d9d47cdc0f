"""A study through the command: what it writes, what fails, what does not apply."""

import csv
import json
import os
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from defocus.benchmark.evaluation.columns import PARTS
from defocus.benchmark.metrics.metric import profile_metrics
from defocus.benchmark.results.store import COSTS
from defocus.benchmark.statistics.comparable import CEILING
from tests.benchmark.conftest import make_pictures
from tests.command_process import run_command

pytestmark = pytest.mark.full

COLUMNS = (
    "system,input,weights,train_dataset,dataset,split,budget,profile,protocol,flow,metric,value,"
    "ci_low,ci_high,images,scenes,seeds,status,"
    "data_revision,recipe,evaluation,flow_weights,interval,measured_on,reconstruction,"
    "metric_version,gain,gain_low,gain_high,gain_resolution,pictures,left_out,spread"
)


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "leaderboard.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def state_of(out: Path) -> dict[str, tuple[int, bytes]]:
    """Times and contents of all files of a study."""
    files = [path for path in out.rglob("*") if path.is_file()]
    return {
        str(p.relative_to(out)): (p.stat().st_mtime_ns, p.read_bytes()) for p in files
    }


@pytest.fixture(scope="module")
def finished(third_party, tiny_dataset, tmp_path_factory):
    """One study with systems that work, fail and do not apply."""
    folder = tmp_path_factory.mktemp("study")
    arguments = ["run", "--all", "--only", "input", "--only", "tiny-*", "--out", "out"]
    arguments += ["--dataset", f"tiny:{tiny_dataset}", "--seeds", "2"]
    environment = {**os.environ, **third_party}
    result = run_command("defocus.benchmark.cli", arguments, folder, environment)
    return {
        "result": result,
        "out": folder / "out",
        "arguments": arguments,
        "folder": folder,
    }


def test_a_failed_run_gives_1_and_the_others_go_on(finished):
    result = finished["result"]
    assert result.returncode == 1, result.stderr
    assert "tiny-conv" in result.stdout
    rows = [
        r
        for r in rows_of(finished["out"])
        if (r["protocol"], r["metric"]) == ("gt", "psnr")
    ]
    status = {row["system"]: row["status"] for row in rows}
    assert status["tiny-broken"] == "failed: RuntimeError: sizes of tensors must match"
    assert status["tiny-exit"] == "failed: SystemExit: 3"
    assert "6 runs failed; out/runs/RUN/failure.txt has the details" in result.stderr
    assert (
        status["tiny-nan"]
        == "failed: loss is nan at step 1; correct the network or its loss"
    )
    asked = [line for line in result.stderr.splitlines() if "please report it" in line]
    assert asked
    assert not any("tiny-nan" in line for line in asked), "that was foreseen"
    assert status["tiny-dual"].startswith(
        "not-applicable: pair a has no dual-pixel views"
    )
    assert status["tiny-truth"].startswith("not-applicable: ")
    assert status["tiny-slow"] == status["tiny-conv"] == "ok"
    failures = list(finished["out"].glob("runs/tiny-broken-*/failure.txt"))
    assert len(failures) == 2
    assert "Traceback" in failures[0].read_text()


def test_the_leaderboard_has_the_contract_s_columns_and_a_row_for_everything(finished):
    out: Path = finished["out"]
    content = (out / "leaderboard.csv").read_bytes()
    assert b"\r" not in content
    assert content.decode("utf-8").splitlines()[0] == COLUMNS
    rows = rows_of(out)
    systems = {row["system"] for row in rows} - {CEILING}
    assert systems == {
        "input",
        *(f"tiny-{name}" for name in ["conv", "wide", "slow", "sleepy"]),
        *(f"tiny-{name}" for name in ["dual", "truth", "broken", "nan", "exit"]),
    }
    protocols = {"gt", "input-aligned", "deformed-gt", "truth"}
    expected = {(p, m) for p in protocols for m in profile_metrics("defocus-v1")}
    expected |= {("", cost) for cost in COSTS}
    for system in systems:
        mine = [(r["protocol"], r["metric"]) for r in rows if r["system"] == system]
        places = [where for where in mine if where[1] not in PARTS]
        assert set(places) == expected
        assert len(places) == len(expected)
    keys = [tuple(list(row.values())[:11]) for row in rows]
    assert keys == sorted(keys)
    for row in rows:
        assert (row["value"] == "") == (row["status"] != "ok"), row
        assert row["profile"] == "defocus-v1"
        assert row["budget"] == (
            "not-trained-here" if row["weights"] == "none" else "demo"
        )
        uses_flow = row["protocol"] in {"input-aligned", "deformed-gt"}
        assert row["flow"] == ("dis" if uses_flow else ""), row
        assert all(
            row[version] for version in ("data_revision", "recipe", "evaluation")
        ), row


def test_rows_say_what_they_rest_on(finished):
    rows = {
        (r["system"], r["protocol"], r["metric"]): r for r in rows_of(finished["out"])
    }
    conv = rows["tiny-conv", "gt", "psnr"]
    said = [
        conv[name]
        for name in ("weights", "train_dataset", "seeds", "images", "scenes", "flow")
    ]
    assert said == ["from scratch, 12 steps", "tiny", "2", "2", "2", ""]
    reference = rows["input", "gt", "psnr"]
    assert [reference[name] for name in ("weights", "train_dataset", "seeds")] == [
        "none",
        "",
        "1",
    ]
    assert rows["input", "deformed-gt", "psnr"]["flow"] == "dis"
    assert rows["input", "truth", "psnr"]["status"].startswith("not-applicable: ")
    assert rows["input", "gt", "lpips"]["status"].startswith("not-applicable: ")
    assert float(rows["tiny-conv", "", "params_m"]["value"]) == pytest.approx(84e-6)


def test_each_run_has_its_files(finished):
    out: Path = finished["out"]
    (folder, _) = sorted(out.glob("runs/tiny-conv-*"))
    names = {path.name for path in folder.iterdir()}
    training = {"training.json", "train.csv", "checkpoint.safetensors"}
    assert names == {"run.json", "images", "scores.jsonl", *training}
    document = json.loads((folder / "run.json").read_text())
    assert document["run"] == folder.name
    assert document["schedule"]["steps"] == 12
    assert document["libraries"]["torch"]
    assert document["device"]
    curve = (folder / "train.csv").read_text().splitlines()
    assert curve[0].startswith("step,epoch,seconds,learning_rate,loss")
    assert len(curve) == 13


def test_a_metric_without_weights_says_how_it_is_filled_in(finished):
    shown = finished["result"].stderr
    assert (
        "once lpips can be computed, the same command again fills it in without"
        in shown
    )
    words = " ".join(finished["result"].stdout.split())
    assert words.count("lpips:") == words.count("could not be fetched") == 1
    assert "run 'defocus-bench weights fetch lpips'" in words


def test_started_again_only_what_failed_is_tried_again(finished, bench):
    before = state_of(finished["out"])
    plan = bench("run", "--out", finished["out"], "--dry-run").stdout
    again = bench(
        *finished["arguments"][:7], finished["out"], *finished["arguments"][8:]
    )
    assert again.returncode == 1
    begun = [
        line.split("] ")[1]
        for line in again.stderr.splitlines()
        if line.startswith("[")
    ]
    assert {name.rsplit("-", 1)[0] for name in begun} == {
        "tiny-broken",
        "tiny-exit",
        "tiny-nan",
    }
    assert f" finished, {len(begun)} left\n" in plan, "told before as it is done"
    after = state_of(finished["out"])
    for name, content in before.items():
        if "tiny-conv" in name or "tiny-slow" in name:
            assert after[name] == content


def test_a_picture_smaller_than_the_crop_stops_training_alone(bench, tmp_path):
    pictures = make_pictures(tmp_path / "pictures", ("a", "b", "t1"))
    make_pictures(pictures, ("small", "t-small"), size=12)
    arguments = ["run", "--only", "input", "--only", "wiener", "--only", "tiny-conv"]
    result = bench(*arguments, "--out", "out", "--dataset", f"tiny:{pictures}")
    assert result.returncode == 0, result.stderr
    rows = [
        r
        for r in rows_of(tmp_path / "out")
        if (r["protocol"], r["metric"]) == ("gt", "psnr")
    ]
    status = {row["system"]: row["status"] for row in rows}
    assert status.pop(CEILING).startswith("not-applicable: misalignment unknown")
    small = "not-applicable: pair small is 12x12, smaller than the training crop of 16 px; choose"
    assert status.pop("tiny-conv") == f"{small} a smaller crop_px with --settings"
    assert status == {"input": "ok", "wiener": "ok"}
    assert next(row for row in rows if row["system"] == "input")["images"] == "2"


def test_train_then_evaluate_does_not_train_again(bench, tiny_dataset, tmp_path):
    common = ("tiny-conv", "--out", "out", "--dataset", f"tiny:{tiny_dataset}")
    early = bench("evaluate", *common)
    assert early.returncode == 2
    dataset = f"--dataset {shlex.quote(common[-1])}"
    command = f"defocus-bench train tiny-conv --out out {dataset} --budget demo"
    assert early.stderr.rstrip().endswith(
        f"no finished training of tiny-conv; run: {command}"
    )
    assert not (tmp_path / "out").exists()
    assert bench("train", *common).returncode == 0
    (checkpoint,) = tmp_path.glob("out/runs/tiny-conv-*/checkpoint.safetensors")
    trained = checkpoint.stat().st_mtime_ns
    evaluated = bench("evaluate", *common)
    assert evaluated.returncode == 0, evaluated.stderr
    assert checkpoint.stat().st_mtime_ns == trained
    run = bench("run", "--only", *common)
    assert "the run is finished: nothing is repeated" in run.stderr
    assert checkpoint.stat().st_mtime_ns == trained

    with (
        closing(sqlite3.connect(tmp_path / "out" / "results.sqlite")) as connection,
        connection,
    ):
        connection.execute("UPDATE runs SET evaluation = 'by older code'")
    connection.close()
    again = bench("run", "--only", *common)
    assert "[1/1] tiny-conv-" in again.stderr
    assert checkpoint.stat().st_mtime_ns == trained


def test_evaluate_needs_no_training_where_there_is_none(bench, tiny_dataset, tmp_path):
    refused = bench(
        "train", "input", "--out", "out", "--dataset", f"tiny:{tiny_dataset}"
    )
    assert refused.returncode == 2
    assert (
        "needs no training; run instead: defocus-bench evaluate input --out"
        in refused.stderr
    )
    assert not (tmp_path / "out").exists()
    result = bench(
        "evaluate", "input", "--out", "out", "--dataset", f"tiny:{tiny_dataset}"
    )
    assert result.returncode == 0, result.stderr
    assert "input" in result.stdout


def test_a_finished_study_is_left_as_it_is_and_other_settings_make_another_run(
    bench, run_afresh, third_party, tiny_dataset, tmp_path
):
    (tmp_path / "short.toml").write_text("[schedule]\nsteps = 3\n")
    common = ["run", "--only", "input", "--only", "tiny-conv", "--out", "out"]
    common += ["--dataset", f"tiny:{tiny_dataset}"]
    assert bench(*common, "--settings", "short.toml").returncode == 0
    (run,) = tmp_path.glob("out/runs/tiny-conv-*")
    assert json.loads((run / "run.json").read_text())["schedule"]["steps"] == 3

    before = state_of(tmp_path / "out")
    environment = {**third_party, "PYTHONPROFILEIMPORTTIME": "1"}
    again = run_afresh(
        "defocus-bench", *common, "--settings", "short.toml", **environment
    )
    assert again.returncode == 0
    assert "all 2 runs are finished" in again.stderr
    imported = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    assert "click" in imported
    assert "torch" not in imported
    assert "tiny-conv" in again.stdout
    assert state_of(tmp_path / "out") == before

    assert "[1/1] tiny-conv-" in bench(*common).stderr, "what needs no training is kept"
    assert len(list(tmp_path.glob("out/runs/tiny-conv-*"))) == 2
    rows = [row for row in rows_of(tmp_path / "out") if row["metric"] == "seconds"]
    names = sorted(f"{row['system']} {row['budget']}" for row in rows)
    assert names == ["input not-trained-here", "tiny-conv custom", "tiny-conv demo"]
