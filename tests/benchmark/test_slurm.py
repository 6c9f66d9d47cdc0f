"""Work as jobs of a real SLURM: killed, told to stop, queued again, and the same in the end."""

import contextlib
import json
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from defocus.benchmark.study.standing import queue_of, slurm_job, standing_of
from defocus.cluster.slurm import job_states, known_jobs, submit
from defocus.errors import DefocusError
from defocus.processes.machines import ClusterSettings
from tests.benchmark.conftest import make_pictures
from tests.benchmark.slurm_cluster import asked, slurm
from tests.benchmark.test_resume import scores_of
from tests.command_process import wait_until

__all__ = ["slurm"]

pytestmark = [pytest.mark.full, pytest.mark.debian, pytest.mark.timeout(600)]

STUDY = """
datasets = ["tiny:{dataset}"]
systems = ["input", "{system}"]
[schedule]
steps = {steps}
[training]
checkpoint_minutes = 0.01
[cluster]
memory_gb = 0.9
time_minutes = {minutes}
signal_seconds = 100
tasks = {tasks}
"""


@pytest.fixture
def study(tmp_path, tiny_dataset):
    def write(
        steps: int, minutes: int = 10, system: str = "tiny-slow", tasks: int = 1
    ) -> Path:
        path, words = tmp_path / "study.toml", {"steps": steps, "minutes": minutes}
        words["tasks"] = tasks
        path.write_text(STUDY.format(dataset=tiny_dataset, system=system, **words))
        return path

    return write


def jobs_of(out: Path) -> dict[str, str]:
    jobs: dict[str, str] = json.loads((out / "jobs" / "slurm.json").read_text())
    return {run.rsplit("-", 1)[0]: job for run, job in jobs.items()}


def log_of(out: Path, job: str) -> str:
    """What the job has said, all its starts together."""
    return "".join(
        path.read_text() for path in (out / "jobs" / "slurm").glob(f"{job}_*log.err")
    )


def wait_for_training(out: Path) -> None:
    wait_until(
        lambda: bool(list(out.glob("jobs/tiny-slow-*/runs/*/checkpoint.safetensors")))
    )


def wait_for_the_end(out: Path, job: str) -> None:
    """Wait for as long as the job says something new now and then."""
    heard, deadline = "", time.monotonic() + 300
    while time.monotonic() < deadline:
        time.sleep(1)
        # a busy controller does not answer in time
        with contextlib.suppress(DefocusError):
            if job not in job_states([job]):
                return
        if (said := log_of(out, job)) != heard:
            heard, deadline = said, time.monotonic() + 300
    pytest.fail(f"{heard}\n{asked('scontrol', 'show', 'job', job)}")


URGENT = (
    "sbatch",
    "--partition=urgent",
    "--ntasks=2",
    "--output=/dev/null",
    "--wrap=true",
)
"""A job that needs the whole node and goes first."""


@pytest.mark.parametrize(
    "disturbance",
    [
        pytest.param(URGENT, id="makes room"),
        pytest.param(("scontrol", "requeue", "{job}"), id="taken off its node"),
        pytest.param(("scancel", "--signal=USR2", "{job}"), id="near its time limit"),
    ],
)
def test_a_disturbed_job_is_queued_again_and_ends_with_the_same_result(
    slurm, bench, start_bench, study, tmp_path, capsys, disturbance
):
    file, out = study(steps=150), tmp_path / "out"
    submitted = bench("run", "--study", file, "--out", out, "--on", "slurm")
    assert submitted.returncode == 0, submitted.stderr
    assert "submitted 2 jobs" in submitted.stderr
    job = jobs_of(out)["tiny-slow"]
    wait_for_training(out)
    command = [word.format(job=job) for word in disturbance]
    subprocess.run(command, check=True, capture_output=True)
    run = next(run for run, number in known_jobs(out).items() if number == job)
    assert submit(out, [run], partial(slurm_job, out), ClusterSettings()) == 0
    assert "in the queue already" in capsys.readouterr().err
    states = {one.run: one.state for one in standing_of(out, queue_of(out))}
    assert states[run] in {"running", "queued"}
    undisturbed = start_bench("run", "--study", file, "--out", tmp_path / "here")
    wait_for_the_end(out, job)
    stderr = undisturbed.communicate()[1]
    assert undisturbed.returncode == 0, stderr
    collected = bench("run", "--out", out, "--on", "slurm")
    assert collected.returncode == 0, collected.stderr
    assert "submitted" not in collected.stderr
    assert "continues at step" in log_of(out, job)
    assert scores_of(out) == scores_of(tmp_path / "here")
    assert not list(out.glob("jobs/tiny-slow-*"))


def test_two_processes_of_a_job_train_together_and_the_first_evaluates(
    slurm, bench, study, tmp_path
):
    """They are told to stop once, are queued again and go on, as one process is and does."""
    file, out = study(steps=100, tasks=2), tmp_path / "out"
    assert bench("run", "--study", file, "--out", out, "--on", "slurm").returncode == 0
    job = jobs_of(out)["tiny-slow"]
    wait_for_training(out)
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    wait_for_the_end(out, job)
    log = log_of(out, job)
    assert "stopped and saved at step" in log
    assert "continues at step" in log
    assert {
        path.name.split("_")[-2]
        for path in (out / "jobs" / "slurm").glob(f"{job}_*err")
    } == {"0", "1"}
    collected = bench("run", "--out", out, "--on", "slurm")
    assert collected.returncode == 0, collected.stderr + log
    here = bench("run", "--study", file, "--out", tmp_path / "here")
    assert here.returncode == 0, here.stderr
    together, alone = psnr_of(out), psnr_of(tmp_path / "here")
    assert any(place.startswith("tiny-slow") for place in alone)
    assert together == pytest.approx(alone, abs=0.05)


def psnr_of(out: Path) -> dict[str, float]:
    """Mean PSNR of each system by each protocol."""
    rows = [row for row in scores_of(out) if row["metric"] == "psnr" and row["value"]]
    return {f"{row['system']} {row['protocol']}": float(row["value"]) for row in rows}


def test_an_audit_in_jobs_equals_one_process_to_the_byte(
    slurm, run, third_party, tmp_path
):
    data, out = (
        f"tiny:{make_pictures(tmp_path / 'pictures', ('a', 'b'), 160)}",
        tmp_path / "out",
    )

    def audit(*options: str | Path, cache: str) -> Any:
        environment = {**third_party, "DEFOCUS_CACHE": str(tmp_path / cache)}
        result = run("defocus-data", *options, **environment)
        assert result.returncode == 0, result.stderr
        return result

    file = tmp_path / "cluster.toml"
    file.write_text("[cluster]\nmemory_gb = 1.5\ntime_minutes = 10\n")
    audit("audit", data, "--out", tmp_path / "one", cache="here")
    audit(
        "audit", data, "--out", out, "--on", "slurm", "--settings", file, cache="nodes"
    )
    written = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(written) == 4 + 4 * 2
    for path in written:
        assert (
            out / path.relative_to(tmp_path / "one")
        ).read_bytes() == path.read_bytes(), path


def test_a_job_that_the_queue_refuses_ends_the_command(
    slurm, run, third_party, tmp_path
):
    data = f"tiny:{make_pictures(tmp_path / 'pictures', ('a', 'b'), 160)}"
    file = tmp_path / "cluster.toml"
    file.write_text("[cluster]\nmemory_gb = 99\n")
    words = (
        "audit",
        data,
        "--out",
        tmp_path / "out",
        "--on",
        "slurm",
        "--settings",
        file,
    )
    result = run("defocus-data", *words, **third_party)
    assert result.returncode == 2
    assert "the queue takes no job (sbatch: error: " in result.stderr.splitlines()[-1]


def test_a_cancelled_job_does_not_come_back_by_itself(slurm, bench, study, tmp_path):
    file, out = study(steps=1000), tmp_path / "out"
    assert bench("run", "--study", file, "--out", out, "--on", "slurm").returncode == 0
    job = jobs_of(out)["tiny-slow"]
    wait_for_training(out)
    subprocess.run(["scancel", job], check=True)
    wait_for_the_end(out, job)
    assert "stopped and saved at step" in log_of(out, job)
    assert "waits in the queue again" not in log_of(out, job)
    states = {one.system: one for one in standing_of(out, queue_of(out))}
    assert states["tiny-slow"].state == "begun"
    assert "has left the queue without a result" in states["tiny-slow"].reason


@pytest.mark.timeout(1800)
def test_a_run_longer_than_its_time_limit_goes_on_and_ends_with_the_same_result(
    slurm, bench, start_bench, study, tmp_path
):
    """SLURM itself reaches the limit; its signal may come a minute early, so there is room."""
    file, out = study(steps=200, minutes=3, system="tiny-sleepy"), tmp_path / "out"
    assert bench("run", "--study", file, "--out", out, "--on", "slurm").returncode == 0
    job = jobs_of(out)["tiny-sleepy"]
    undisturbed = start_bench("run", "--study", file, "--out", tmp_path / "here")
    wait_for_the_end(out, job)
    collected = bench("run", "--out", out, "--on", "slurm")
    log = log_of(out, job)
    assert collected.returncode == 0, collected.stderr + log
    assert "submitted" not in collected.stderr, collected.stderr + log
    assert "stopped and saved at step" in log
    assert "continues at step" in log
    stderr = undisturbed.communicate()[1]
    assert undisturbed.returncode == 0, stderr
    assert scores_of(out) == scores_of(tmp_path / "here")
