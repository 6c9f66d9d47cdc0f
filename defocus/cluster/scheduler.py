"""State of SLURM jobs: ids, pending or running."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from defocus.errors import DefocusError, InputError
from defocus.files import write_json
from defocus.reading import read_json

__all__ = ["job_log", "job_states", "known_jobs", "log_folder", "note_jobs"]

QUEUE = "slurm.json"
ANSWER_SECONDS = 60.0


def log_folder(out: Path) -> Path:
    """Folder of the log files of the jobs of a folder."""
    return out / "jobs" / "slurm"


def job_log(out: Path, job: str) -> Path:
    """The stderr output of a job, over all its starts."""
    return log_folder(out) / f"{job}_0_log.err"


def known_jobs(out: Path) -> Mapping[str, str]:
    """The id of the last job of each submitted piece of work, ``4_1`` in an array, by its name."""
    path = out / "jobs" / QUEUE
    if not path.is_file():
        return {}
    try:
        known = read_json(path)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); remove it once no job is queued") from error
    if not isinstance(known, dict):
        raise InputError(f"{path}: damaged (no table); remove it once no job is queued")
    return {str(name): str(job) for name, job in known.items()}


def note_jobs(out: Path, known: Mapping[str, str]) -> None:
    """Record the id of the last job of each piece of work."""
    write_json(out / "jobs" / QUEUE, dict(known))


def job_states(jobs: Sequence[str]) -> dict[str, str]:
    """The states of those jobs that are in the queue, such as ``PENDING`` or ``RUNNING``."""
    if not jobs:
        return {}
    command = ["squeue", "--noheader", "--array", "--me", "--format", "%i %T"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS
        )
    except FileNotFoundError as error:
        raise DefocusError("squeue is not on PATH; ask on a node of the cluster") from error
    except subprocess.TimeoutExpired as error:
        raise DefocusError("squeue does not answer; try again later") from error
    if asked.returncode != 0:
        reason = " ".join(asked.stderr.split())
        raise DefocusError(f"squeue does not answer ({reason}); try again later")
    states = dict(line.split(maxsplit=1) for line in asked.stdout.splitlines() if line.strip())
    return {job: states[job].strip() for job in jobs if job in states}
