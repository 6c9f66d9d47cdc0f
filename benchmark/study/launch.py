"""Do the runs of a study as jobs of SLURM, which outlive the command that submits them."""

import shutil
from collections.abc import Sequence
from functools import partial

from defocus.benchmark.results.merging import take_job
from defocus.benchmark.results.store import Results
from defocus.benchmark.study.attempt import ask_again
from defocus.benchmark.study.document import StudyDocument
from defocus.benchmark.study.outcome import Outcome, outcome_of
from defocus.benchmark.study.plan import Study
from defocus.benchmark.study.run import opened_study, pending_runs
from defocus.benchmark.study.standing import finished_jobs, slurm_job, take_back
from defocus.datasets.pair import ids_of
from defocus.progress import counted, say


def end_jobs(studies: Sequence[Study], document: StudyDocument) -> None:
    """Take finished and unfinished jobs over, so that their work is not repeated here."""
    if (studies[0].out / "jobs").is_dir():
        with opened_study(studies, document) as results:
            _collect(studies, results)
            take_back(studies[0].out)


def run_as_jobs(
    studies: Sequence[Study],
    document: StudyDocument,
    *,
    again: bool,
) -> Outcome:
    """Take the results of ended jobs over, and put the remaining work into the queue."""
    with opened_study(studies, document) as results:
        _collect(studies, results)
        if again:
            ask_again(studies)
        _submit(studies, document, results)
        return outcome_of(studies, results)


def _submit(
    studies: Sequence[Study],
    document: StudyDocument,
    results: Results,
) -> None:
    """Submit what can begin; what evaluates the training of another run comes later."""
    from defocus.cluster.slurm import submit

    out = studies[0].out
    pending = pending_runs(studies, results)
    ids = ids_of(pending)
    first, later = [], []
    for run in pending:
        if run.training is not None and run.training.id in ids:
            later.append(run.id)
        else:
            first.append(run.id)
    if submit(out, first, partial(slurm_job, out), document.cluster):
        say(
            f"'defocus-bench status --out {out}' shows them; 'defocus-bench run --out {out} "
            "--on slurm' takes their results over and submits again what was lost"
        )
    if later:
        say(
            f"the same command submits {counted(len(later), 'more run')} after their trainings"
        )


def _collect(studies: Sequence[Study], results: Results) -> None:
    """Take the results of ended jobs over, and remove their folders."""
    out = studies[0].out
    for folder in finished_jobs(out):
        take_job(out, results, folder)
        shutil.rmtree(folder)
