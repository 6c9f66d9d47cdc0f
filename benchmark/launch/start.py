"""Start the runs of a study with the chosen launcher."""

import signal
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from defocus.benchmark.launch.jobs import (
    LOG,
    finished_jobs,
    job_folder,
    remove_job,
    slurm_job,
    take_back,
)
from defocus.benchmark.leaderboard.publish import publish
from defocus.benchmark.leaderboard.terminal import show_outcome
from defocus.benchmark.results.merging import take_job
from defocus.benchmark.results.store import Results
from defocus.benchmark.study.document import StudyDocument
from defocus.benchmark.study.expansion import Expanded
from defocus.benchmark.study.plan import Run, Study
from defocus.benchmark.study.running.outcome import outcome_of
from defocus.benchmark.study.running.repeating import ask_again
from defocus.benchmark.study.running.run import opened_study, pending_runs, run_studies
from defocus.errors import DefocusError
from defocus.progress import say

__all__ = ["Launcher", "carry_out"]

Launcher = Literal["here", "local", "slurm"]


def carry_out(
    expanded: Expanded, document: StudyDocument, launcher: Launcher, *, again: bool = False
) -> int:
    """Do the remaining work of a study and show its results; return the exit code."""
    studies = expanded.studies
    for problem in expanded.problems:
        say(f"left out: {problem}")
    if launcher == "here":
        _end_jobs(studies, document)
        outcome = run_studies(studies, document, again=again)
    else:
        with opened_study(studies, document) as results:
            _collect(studies, results)
            if again:
                ask_again(studies)
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
    """Start jobs; return the errors of those that were waited for."""
    out = studies[0].out
    ids = [run.id for run in pending]
    if launcher == "slurm":
        from defocus.cluster.slurm import submit

        if submit(out, ids, partial(slurm_job, out), document.slurm):
            say(
                f"'defocus-bench status --out {out}' shows them; 'defocus-bench run --out {out} "
                "--launcher slurm' takes their results over and submits again what was lost"
            )
        return []
    from defocus.benchmark.launch.local import run_in_slots, slots

    lost: list[DefocusError] = []
    taken: set[str] = set()
    for number, (run, code) in enumerate(run_in_slots(out, ids, slots()), start=1):
        say(f"[{number}/{len(ids)}] {run} has ended")
        taken |= _collect(studies, results)  # also of another that ends at the same moment
        if run not in taken:
            lost.append(_lost(out, run, code))
        publish(out, results)
    return lost


def _lost(out: Path, run: str, code: int) -> DefocusError:
    """Error of a job that was killed or stopped for an outside reason."""
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    error = DefocusError(
        f"{run} ended without a result ({how}); {job_folder(out, run) / LOG} has its log; "
        f"'defocus-bench run --out {out}' continues it"
    )
    say(str(error), error=True)
    return error


def _end_jobs(studies: Sequence[Study], document: StudyDocument) -> None:
    """Merge finished and unfinished jobs, so that their work is not repeated here."""
    if (studies[0].out / "jobs").is_dir():
        with opened_study(studies, document) as results:
            _collect(studies, results)
            take_back(studies[0].out)


def _collect(studies: Sequence[Study], results: Results) -> set[str]:
    """Merge the results of ended jobs, remove their folders, and return their ids."""
    out = studies[0].out
    folders = finished_jobs(out)
    for folder in folders:
        take_job(out, results, folder)
        remove_job(folder)
    return {folder.name for folder in folders}
