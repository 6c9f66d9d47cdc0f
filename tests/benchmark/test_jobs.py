"""Jobs of a queue: what they come to is taken over, and what they lack goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from defocus.benchmark.commands.run import continue_study
from defocus.benchmark.evaluation.versions import evaluation_version, metric_versions
from defocus.benchmark.metrics.metric import profile_metrics
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.merging import take_job
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Entry, open_results
from defocus.benchmark.study.document import StudyDocument, as_request, write_request
from defocus.benchmark.study.standing import (
    Queue,
    claim_job,
    prepare_job,
    queue_of,
    standing_of,
    take_back,
)
from defocus.cluster import slurm
from defocus.cluster.slurm import JobCommand, job_states, known_jobs, note_jobs
from defocus.errors import DefocusError, InputError
from defocus.processes.machines import ClusterSettings, Machines
from defocus.storage.files import write_json
from tests.benchmark.test_studies import entry, store

RUN, OTHER = "net-00000001", "net-00000002"


def job_of(out: Path, *entries: Entry) -> Path:
    """A job's folder with what it came to."""
    folder = prepare_job(out, entries[0].run)
    with study_lock(folder), open_results(folder / "results.sqlite") as results:
        for one in entries:
            results.record(one)
    return folder


def test_what_a_job_came_to_replaces_what_the_study_had(tmp_path):
    """Such as after a change of a metric: the files have moved to the job with the run."""
    store(tmp_path, entry(RUN))
    job = job_of(tmp_path, entry(RUN, "failed: x"))
    assert not run_folder(tmp_path, RUN).exists()
    with study_lock(tmp_path), open_results(tmp_path / "results.sqlite") as results:
        take_job(tmp_path, results, job)
        assert [one.status for one in results.entries()] == ["failed: x"]
    assert (run_folder(tmp_path, RUN) / "run.json").is_file()


def test_of_a_job_for_a_new_metric_that_metric_alone_is_taken(tmp_path):
    """The job has computed all of them, here with other numbers."""
    metrics = profile_metrics("defocus-v1")
    run_entry = replace(entry(RUN), evaluation=evaluation_version())
    versions = metric_versions(metrics, metrics)
    old = [
        Score("defocus-v1", "gt", name, "a", "a", 0.1)
        for name in ("mae", "psnr", "psnr_edges")
    ]
    job = prepare_job(tmp_path, RUN)
    with open_results(job / "results.sqlite") as theirs:
        theirs.record(run_entry, [replace(one, value=0.2) for one in old], (), versions)
    with study_lock(tmp_path), open_results(tmp_path / "results.sqlite") as results:
        results.record(run_entry, [one for one in old if one.metric == "mae"], (),
                       [one for one in versions if one.metric != "psnr"])  # fmt: skip
        take_job(tmp_path, results, job)
        values = {one.metric: one.value for one in results.scores(RUN)}
        assert values == {"mae": 0.1, "psnr": 0.2, "psnr_edges": 0.2}
        assert results.versions(RUN).keys() >= {"mae", "psnr", "psnr_edges"}


def test_begun_runs_come_back_from_jobs_that_nobody_works_on(tmp_path, refused):
    store(tmp_path, entry(RUN))
    job = prepare_job(tmp_path, RUN)
    (tmp_path / "jobs" / "slurm").mkdir()
    with study_lock(job), refused(InputError):
        take_back(tmp_path)
    take_back(tmp_path)
    assert (run_folder(tmp_path, RUN) / "run.json").is_file()
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["slurm"]
    with study_lock(tmp_path), refused(InputError):
        claim_job(tmp_path, RUN)
    assert claim_job(tmp_path, RUN) == job


def test_shell_lines_of_a_strangers_study_reach_no_batch_script(tmp_path, refused):
    cluster = ClusterSettings(setup=("touch PWNED",))
    strange = StudyDocument(systems=("input",), cluster=cluster)
    write_request(tmp_path, as_request(strange))
    with refused(InputError):
        continue_study(tmp_path, None, Machines("slurm"))


@pytest.mark.parametrize(
    "name", ["short\ntouch PWNED", "short\n", "short'; touch PWNED", "a b"]
)
def test_the_name_of_a_partition_ends_no_line_of_a_batch_script(name):
    with pytest.raises(ValueError, match="queue"):
        ClusterSettings(queue=name)


@pytest.mark.full
def test_a_job_whose_stretches_are_too_short_is_not_queued_for_ever(capsys):
    pytest.importorskip("submitit")
    steps = iter([(1, 9), (2, 9), (2, 9), (2, 9), (2, 9), (2, 9), (2, 9), (2, 9)])
    job, stretches = JobCommand(["-S", "-c", ""], lambda: next(steps)), []
    while True:
        assert job() == 0
        again = job.checkpoint()
        if again is None:
            break
        job = again.function
        stretches.append(job.idle)
    assert stretches == [0, 1, 2]
    assert "3 jobs in a row made no progress" in capsys.readouterr().err


def study_with_jobs(out: Path, *runs: str) -> None:
    facts = {"system": "net", "dataset": "made", "seed": 0, "schedule": {"steps": 9}}
    write_json(out / "study.json", {"runs": dict.fromkeys(runs, facts)})
    (out / "jobs").mkdir()
    note_jobs(out, {run: f"7_{number}" for number, run in enumerate(runs)})


def test_status_tells_queued_running_ended_and_lost_jobs(tmp_path):
    runs = [RUN, *(f"net-0000000{number}" for number in range(2, 5))]
    study_with_jobs(tmp_path, *runs)
    job_of(tmp_path, entry(RUN))
    states = {"7_1": "PENDING", "7_2": "RUNNING"}
    standing = standing_of(tmp_path, Queue(known_jobs(tmp_path), states))
    assert [(one.state, one.job) for one in standing] == [
        ("finished", "7_0"), ("queued", "7_1"), ("running", "7_2"), ("waiting", "7_3"),
    ]  # fmt: skip
    assert standing[0].reason == "'run' takes it over"
    assert "7_3 has left the queue without a result" in standing[3].reason


@pytest.mark.full
def test_a_scheduler_that_cannot_be_asked_is_named_and_the_rest_is_shown(
    tmp_path, monkeypatch, refused
):
    study_with_jobs(tmp_path, RUN)
    monkeypatch.setenv("PATH", str(tmp_path))
    queue = queue_of(tmp_path)
    assert "squeue is not on PATH" in queue.problem
    assert [(one.state, one.reason) for one in standing_of(tmp_path, queue)] == [
        ("waiting", "")
    ]
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho no controller >&2\nexit 1\n")
    squeue.chmod(0o755)
    assert "no controller" in queue_of(tmp_path).problem
    squeue.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(slurm, "ANSWER_SECONDS", 0.1)
    with refused(DefocusError):
        job_states(["1"])


@pytest.mark.parametrize("text", ["[]", "{"])
def test_a_damaged_list_of_jobs_is_named(tmp_path, text):
    study_with_jobs(tmp_path, RUN)
    (tmp_path / "jobs" / "slurm.json").write_text(text)
    with pytest.raises(InputError, match=r"slurm\.json: damaged"):
        known_jobs(tmp_path)
