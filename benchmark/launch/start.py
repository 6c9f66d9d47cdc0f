"""Carrying out the runs of a study where a person wants them."""

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from defocus.benchmark.attempt import Study
from defocus.benchmark.launch.jobs import LOG, finished_jobs, job_folder, remove_job, take_back
from defocus.benchmark.plan import Run
from defocus.benchmark.publish import publish
from defocus.benchmark.results import Results
from defocus.benchmark.run import opened_study, outcome_of, pending_runs, run_studies
from defocus.benchmark.studies.document import StudyDocument
from defocus.benchmark.studies.expansion import Expanded
from defocus.benchmark.studies.merging import take_job
from defocus.benchmark.terminal import show_outcome
from defocus.errors import DefocusError
from defocus.progress import say

__all__ = ["Launcher", "carry_out"]

Launcher = Literal["here", "local", "slurm"]


def carry_out(expanded: Expanded, document: StudyDocument, launcher: Launcher) -> int:
    """Do what is left of a study and show what came of it.

    Args:
        expanded: Its runs.
        document: What was asked for, kept in the folder for ``resume``.
        launcher: Where.

    Returns:
        The exit code: 1 if a run failed, that of a dataset's problem, else 0.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: Another process works in the folder, or there is no such scheduler here.
    """
    studies = expanded.studies
    for problem in expanded.problems:
        say(f"left out: {problem}")
    if launcher == "here":
        _end_jobs(studies, document)
        outcome = run_studies(studies, document)
    else:
        with opened_study(studies, document) as results:
            collect(studies, results)
            pending = pending_runs(studies, results)
            lost = _launch(studies, pending, document, launcher, results)
            outcome = replace(outcome_of(studies, results), problems=lost)
    problems = [*expanded.problems, *outcome.problems]
    return show_outcome(replace(outcome, problems=problems), studies)


def _launch(
    studies: Sequence[Study],
    pending: Sequence[Run],
    document: StudyDocument,
    launcher: Launcher,
    results: Results,
) -> list[DefocusError]:
    """Start jobs; gives what went wrong with those that were waited for."""
    out = studies[0].out
    ids = [run.id for run in pending]
    if launcher == "slurm":
        from defocus.benchmark.launch.slurm import submit

        submit(out, ids, document.slurm)
        return []
    from defocus.benchmark.launch.local import run_in_slots, slots

    lost: list[DefocusError] = []
    for number, (run, code) in enumerate(run_in_slots(out, ids, slots()), start=1):
        say(f"[{number}/{len(ids)}] {run} has ended")
        if job_folder(out, run) not in finished_jobs(out):
            lost.append(_lost(out, run, code))
        collect(studies, results)
        publish(out, results)
    return lost


def _lost(out: Path, run: str, code: int) -> DefocusError:
    """A job that was killed, or stopped by what no system is to blame for."""
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    error = DefocusError(
        f"{run} ended without a result ({how}); {job_folder(out, run) / LOG} has its words, "
        "'defocus-bench resume' goes on with it"
    )
    say(str(error))
    return error


def _end_jobs(studies: Sequence[Study], document: StudyDocument) -> None:
    """What jobs have finished or begun is not done once more here."""
    if (studies[0].out / "jobs").is_dir():
        with opened_study(studies, document) as results:
            collect(studies, results)
            take_back(studies[0].out)


def collect(studies: Sequence[Study], results: Results) -> None:
    """Take over the results of jobs that came to an end, and remove their folders."""
    out = studies[0].out
    for folder in finished_jobs(out):
        take_job(out, results, folder)
        remove_job(folder)
