"""Runs side by side, each in a process: what they come to is what one after the other does."""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch

from defocus.baselines.registry import baseline
from defocus.baselines.weights.store import shipped_weights
from defocus.benchmark.evaluation.remaining import Left, RunTask
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.study import tasks
from defocus.benchmark.study.plan import (
    Override,
    ScheduleOverride,
    Study,
    plan_runs,
    plan_weights,
)
from defocus.benchmark.study.run import run_studies
from defocus.training.devices import in_one_thread
from defocus.training.record.curve_files import read_curve
from defocus.training.record.folder import steps_done, training_finished
from tests.benchmark.test_evaluated_elsewhere import MEASURED
from tests.benchmark.test_resume import scores_of
from tests.benchmark.test_run import rows_of
from tests.benchmark.test_scales import MADE, open_dataset, write_folder
from tests.command_process import start_code, wait_until

pytestmark = pytest.mark.full


@pytest.fixture
def words(tiny_dataset):
    """A study of systems that work, fail and do not apply, and of a plug-in's network."""
    names = (
        "input",
        "wiener",
        "tiny-conv",
        "tiny-dual",
        "tiny-broken",
        "tiny-exit",
        "tiny-nan",
    )
    chosen = [word for name in names for word in ("--only", name)]
    return ("run", *chosen, "--dataset", f"tiny:{tiny_dataset}")


def test_rows_are_those_of_one_after_the_other(bench, words, tmp_path):
    for out, on in (("one", "1"), ("two", "2")):
        assert bench(*words, "--out", out, "--on", on).returncode == 1
    rows = rows_of(tmp_path / "two")
    alone = [row for row in rows_of(tmp_path / "one") if row["metric"] not in MEASURED]
    assert [row for row in rows if row["metric"] not in MEASURED] == alone
    seconds = [
        row for row in rows if row["metric"] == "seconds" and row["status"] == "ok"
    ]
    assert {row["system"] for row in seconds} == {"input", "wiener", "tiny-conv"}
    assert all("picture after a warm-up" in row["measured_on"] for row in seconds)
    assert len(list((tmp_path / "two").glob("runs/*/failure.txt"))) == 3
    again = bench(*words, "--out", "two", "--on", "2")
    begun = {
        line.split("] ")[1]
        for line in again.stderr.splitlines()
        if line.startswith("[")
    }
    assert {name.rsplit("-", 1)[0] for name in begun} == {
        "tiny-broken",
        "tiny-exit",
        "tiny-nan",
    }


def steps_of(out: Path) -> list[int]:
    done = (steps_done(folder) for folder in sorted(out.glob("runs/*")))
    return [steps for steps, _ in filter(None, done)]


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGUSR2])
def test_a_signal_saves_all_trainings_and_the_same_command_goes_on(
    start_bench, bench, tiny_dataset, tmp_path, ends
):
    (tmp_path / "often.toml").write_text(
        "[schedule]\nsteps = 14\n[training]\ncheckpoint_minutes = 0.001\n"
    )
    words = (
        "run",
        "--only",
        "tiny-sleepy",
        "--seeds",
        "2",
        "--dataset",
        f"tiny:{tiny_dataset}",
    )
    words += ("--settings", "often.toml")
    process = start_bench(*words, "--out", "out", "--on", "2")
    wait_until(
        lambda: len(list(tmp_path.glob("out/runs/tiny-sleepy-*/train.csv"))) == 2
    )
    process.send_signal(ends)
    stderr = process.communicate()[1]
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert 0 < min(steps_of(tmp_path / "out")) < 14
    again = bench(*words, "--out", "out", "--on", "2")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("continues at step") == 2
    assert bench(*words, "--out", "whole", "--on", "1").returncode == 0
    assert scores_of(tmp_path / "out") == scores_of(tmp_path / "whole")


def test_a_killed_process_ends_the_command_and_loses_nothing(
    start_bench, bench, tiny_dataset, tmp_path
):
    words = ("run", "--only", "tiny-slow", "--only", "tiny-sleepy", "--on", "2")
    words += ("--dataset", f"tiny:{tiny_dataset}")
    process = start_bench(*words, "--out", "out")
    wait_until(lambda: bool(list(tmp_path.glob("out/runs/tiny-slow-*/run.json"))))
    workers = partial(children_of, process.pid)
    wait_until(lambda: bool(workers()))
    os.kill(workers()[-1], signal.SIGKILL)
    stderr = process.communicate()[1]
    assert process.returncode == 1, stderr
    assert "a process was killed, perhaps because memory ran out" in stderr
    assert bench(*words, "--out", "out").returncode == 0


def children_of(pid: int) -> list[int]:
    """The processes below a process, the latest last."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for word in (task / "children").read_text().split():
            found += [int(word), *children_of(int(word))]
    return sorted(found)


def test_narrow_copies_run_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "usable_cores", lambda: 3)
    monkeypatch.setattr(tasks, "has_gpu", lambda: False)
    monkeypatch.setattr(tasks, "PROCESS_BYTES", 1)
    runs = [
        *plan_runs([baseline("unet"), baseline("wiener")], MADE, "demo"),
        *plan_runs([baseline("unet")], MADE, "quick"),
        plan_weights(
            baseline("defocus-s"), shipped_weights(baseline("defocus-s")), MADE
        ),
    ]
    given = [RunTask(Left(run, None), "1/4", 0) for run in runs]
    assert tasks.placed(given, None) == [(given[1:], 1), (given[:1], 3)]
    assert tasks.placed(given, 2) == [(given, 2)]
    monkeypatch.setattr(tasks, "PROCESS_BYTES", 2**60)
    assert tasks.placed(given, None)[1] == (given[:1], 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_narrow_copies_compute_in_one_thread_whatever_the_machine_has(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ThreadPoolExecutor(1) as pool, in_one_thread(True):
            assert pool.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_runs_on_other_machines_come_to_the_same(tmp_path, two_workers, no_weights):
    root = tmp_path / "noise"
    write_folder(root / "train", ["a.png"], bits=8)
    write_folder(root / "test", ["b.png", "c.png"], bits=8, first=1)
    dataset = open_dataset(f"pairs:{root}")
    short = Override(schedule=ScheduleOverride(steps=2, crop_px=32, batch=1))
    systems = [baseline("unet"), baseline("wiener")]
    runs = plan_runs(systems, dataset, "demo", override=short)
    here, there = (
        run_studies([Study(tmp_path / name, dataset, runs)], where=where).rows
        for name, where in (("here", 1), ("there", two_workers))
    )
    assert values_of(there) == values_of(here)
    assert len(values_of(here)) > 20
    assert {row.system for row in there if row.metric == "seconds" and row.value} == {
        "unet",
        "wiener",
    }


def study_of(root: Path, out: Path) -> Study:
    """A training of some seconds on one pair."""
    dataset = open_dataset(f"pairs:{root}")
    override = Override(schedule=ScheduleOverride(steps=600, crop_px=32, batch=1))
    runs = plan_runs([baseline("unet")], dataset, "demo", override=override)
    return Study(out, dataset, runs)


KILLED_CLIENT = """
import sys
from pathlib import Path
from defocus.benchmark.study.run import run_studies
from defocus.processes.machines import Machines
from tests.benchmark.test_side_by_side import study_of

if __name__ == "__main__":
    root, out, address = sys.argv[1:]
    run_studies([study_of(Path(root), Path(out))], where=Machines(address))
"""


def test_a_training_whose_command_was_killed_goes_on_alone(
    tmp_path, two_workers, no_weights, capfd
):
    """The same command waits for the worker that still trains, and does not train beside it."""
    root, out = tmp_path / "noise", tmp_path / "out"
    write_folder(root / "train", ["a.png"], bits=8)
    write_folder(root / "test", ["b.png"], bits=8, first=1)
    words = (root, out, two_workers.address)
    with start_code(KILLED_CLIENT, *words) as process:
        wait_until(lambda: bool(list(out.glob("runs/unet-*/training.json"))))
        process.kill()
    (folder,) = out.glob("runs/unet-*")
    assert not training_finished(folder)
    rows = run_studies([study_of(root, out)], where=two_workers).rows
    assert f"{folder.name}: a worker of an earlier command" in capfd.readouterr().err
    steps = [int(row["step"]) for row in read_curve(folder / "train.csv", 600)]
    assert steps == sorted(set(steps))
    whole = run_studies([study_of(root, tmp_path / "whole")]).rows
    assert values_of(rows) == values_of(whole)


def values_of(rows: Sequence[Row]) -> dict[tuple[str, str, str], float]:
    """What was scored and counted, by system, protocol and metric."""
    return {
        (row.system, row.protocol, row.metric): row.value
        for row in rows
        if row.value is not None and row.metric not in MEASURED
    }
