"""Do the runs of a study as jobs; the local launcher has a process per GPU."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from defocus.benchmark.leaderboard.publish import publish
from defocus.benchmark.results.lock import is_locked
from defocus.benchmark.results.merging import take_job
from defocus.benchmark.results.store import Results
from defocus.benchmark.study.attempt import ask_again
from defocus.benchmark.study.document import StudyDocument
from defocus.benchmark.study.options import Launcher
from defocus.benchmark.study.outcome import Outcome, outcome_of
from defocus.benchmark.study.plan import Run, Study
from defocus.benchmark.study.run import opened_study, pending_runs
from defocus.benchmark.study.standing import (
    LOG,
    finished_jobs,
    job_arguments,
    job_folder,
    prepare_job,
    slurm_job,
    take_back,
)
from defocus.children import start_python
from defocus.errors import DefocusError
from defocus.progress import counted, say
from defocus.training.stopping import stop_asked

VISIBLE = "CUDA_VISIBLE_DEVICES"
GRACE_SECONDS = 60.0
"""What processes get to save their state when the study is interrupted."""

STOPPING = f"the runs are told to save their state; after {GRACE_SECONDS:g} s they are killed"


def slots() -> list[str]:
    """The usable GPUs as ``CUDA_VISIBLE_DEVICES`` names them; one slot if there is none."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [one.strip() for one in named.split(",") if one.strip()] or [""]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())] or [""]


def run_in_slots(
    out: Path, runs: Sequence[str], places: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Run a process per slot (``CUDA_VISIBLE_DEVICES``); yield id and exit code of each."""
    # Stop signals end the processes, and each saves its state first. A process of an earlier start
    # that still works on a run is left alone until it ends.
    waiting, free = list(runs), list(places)
    working: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
    for run in waiting:
        if is_locked(job_folder(out, run)):
            say(
                f"{run}: a process of an earlier start still works on it; its result follows when "
                "that ends"
            )
    with stop_asked(STOPPING) as stop:
        try:
            while (waiting or working) and not stop:
                ready = [run for run in waiting if not is_locked(job_folder(out, run))]
                for run in ready[: len(free)]:
                    waiting.remove(run)
                    place = free.pop(0)
                    working[run] = (place, _started(out, run, place))
                codes = {run: one.poll() for run, (_, one) in working.items()}
                ended = {run: code for run, code in codes.items() if code is not None}
                for run, code in ended.items():
                    free.append(working.pop(run)[0])
                    yield run, code
                if not ended:
                    time.sleep(0.1)
        finally:
            _end([process for _, process in working.values()])


def _started(out: Path, run: str, place: str) -> "subprocess.Popen[bytes]":
    """Start a process in its own session: Ctrl-C reaches only us, and it can save its state."""
    folder = prepare_job(out, run)
    say(f"{run} begins{f' on GPU {place}' if place else ''}; {folder / LOG}")
    with (folder / LOG).open("ab") as log:
        return start_python(
            *job_arguments(out, run),
            environment={VISIBLE: place},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_jobs(studies: Sequence[Study], document: StudyDocument) -> None:
    """Merge finished and unfinished jobs, so that their work is not repeated here."""
    if (studies[0].out / "jobs").is_dir():
        with opened_study(studies, document) as results:
            _collect(studies, results)
            take_back(studies[0].out)


def run_as_jobs(
    studies: Sequence[Study], document: StudyDocument, launcher: Launcher, *, again: bool
) -> Outcome:
    """Do the remaining work of a study as jobs, or put it into the queue of a cluster."""
    with opened_study(studies, document) as results:
        _collect(studies, results)
        if again:
            ask_again(studies)
        pending = pending_runs(studies, results)
        lost = _start(studies, pending, document, launcher, results)
        return replace(outcome_of(studies, results), problems=lost)


def _start(
    studies: Sequence[Study],
    pending: Sequence[Run],
    document: StudyDocument,
    launcher: Launcher,
    results: Results,
) -> list[DefocusError]:
    """Start jobs; return the errors of those that were waited for."""
    out = studies[0].out
    first, later = _in_order(pending)
    if launcher == "slurm":
        from defocus.slurm import submit

        if submit(out, first, partial(slurm_job, out), document.slurm):
            say(
                f"'defocus-bench status --out {out}' shows them; 'defocus-bench run --out {out} "
                "--launcher slurm' takes their results over and submits again what was lost"
            )
        if later:
            say(f"the same command submits {counted(len(later), 'more run')} after their trainings")
        return []
    lost = _run_here(studies, results, first)
    if later:
        lost += _run_here(studies, results, later)
    return lost


def _in_order(pending: Sequence[Run]) -> tuple[list[str], list[str]]:
    """The runs that can begin, and those that evaluate the training of one of them."""
    ids = {run.id for run in pending}
    first: list[str] = []
    later: list[str] = []
    for run in pending:
        if run.training is not None and run.training.id in ids:
            later.append(run.id)
        else:
            first.append(run.id)
    return first, later


def _run_here(studies: Sequence[Study], results: Results, ids: Sequence[str]) -> list[DefocusError]:
    """Run jobs on this computer, merge what they give; return the errors of those without."""
    out = studies[0].out
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


def _collect(studies: Sequence[Study], results: Results) -> set[str]:
    """Merge the results of ended jobs, remove their folders, and return their ids."""
    out = studies[0].out
    folders = finished_jobs(out)
    for folder in folders:
        take_job(out, results, folder)
        shutil.rmtree(folder)
    return {folder.name for folder in folders}
