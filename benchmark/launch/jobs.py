"""Job: one run of a study in a separate process and folder.

Running jobs share neither a lock nor a database, because both are unreliable on network file
systems. Each job is a study of one run in ``OUT/jobs/RUN``; the process that holds the lock of
``OUT`` merges finished jobs into it.
"""

import shutil
import sys
from functools import partial
from pathlib import Path

from defocus.benchmark.results.lock import is_locked, study_lock
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import open_results
from defocus.cluster.slurm import JobCommand
from defocus.errors import InputError
from defocus.extensions import plugin_arguments
from defocus.files import make_folder
from defocus.training.record.folder import steps_done

__all__ = [
    "LOG",
    "claim_job",
    "finished_jobs",
    "job_command",
    "job_folder",
    "prepare_job",
    "remove_job",
    "slurm_job",
    "take_back",
]

LOG = "job.log"


def job_folder(out: Path, run: str) -> Path:
    """The folder in which a job works."""
    return out / "jobs" / run


def job_command(out: Path, run: str) -> list[str]:
    """Command of a job; it continues an earlier job that was stopped."""
    code = [sys.executable, "-m", "defocus.benchmark"]
    return [*code, "run", "--out", str(out.absolute()), "--job", run, *plugin_arguments()]


def prepare_job(out: Path, run: str) -> Path:
    """Make the job's folder, with the files of an earlier attempt of the run in the study."""
    begun, folder = run_folder(out, run), job_folder(out, run)
    make_folder(folder / "runs")
    if begun.is_dir() and not run_folder(folder, run).exists():
        begun.rename(run_folder(folder, run))
    return folder


def slurm_job(out: Path, run: str) -> JobCommand:
    """The job that a scheduler starts, prepared; its checkpoint tells its progress."""
    folder = run_folder(prepare_job(out, run), run).absolute()
    return JobCommand(job_command(out, run), partial(steps_done, folder))


def claim_job(out: Path, run: str) -> Path:
    """The job's folder as seen by the job, which prepares it if no launcher did."""
    folder = job_folder(out, run)
    if run_folder(folder, run).parent.is_dir():
        return folder
    with study_lock(out):
        return prepare_job(out, run)


def finished_jobs(out: Path) -> list[Path]:
    """Folders of jobs that have ended, with any result."""
    found = []
    for folder in sorted((out / "jobs").glob("*/")):
        store = folder / "results.sqlite"
        if store.is_file() and not is_locked(folder):
            with open_results(store) as results:
                if results.entries():
                    found.append(folder)
    return found


def take_back(out: Path) -> None:
    """Move unfinished runs of idle jobs back into the study."""
    for folder in sorted((out / "jobs").glob("*/")):
        if is_locked(folder):
            raise InputError(
                f"{folder}: a job works there; wait until it ends, or give the --launcher again "
                "that started it"
            )
        begun, mine = run_folder(folder, folder.name), run_folder(out, folder.name)
        if begun.is_dir() and not mine.exists():
            make_folder(mine.parent)
            begun.rename(mine)
        if begun.parent.is_dir():  # what the scheduler keeps there is no job's
            remove_job(folder)


def remove_job(folder: Path) -> None:
    """Remove the folder of a job whose result was merged."""
    shutil.rmtree(folder)
