"""Status of a study, run by run, without computing or opening datasets, and its jobs.

A job is a study of one run; the process that holds the lock of ``OUT`` merges it."""

import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from defocus.benchmark.results.lock import is_locked, study_lock
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import Entry, open_results, read_results
from defocus.benchmark.study.document import REQUEST
from defocus.cluster.slurm import JobCommand, job_log, job_states, known_jobs
from defocus.errors import DefocusError, InputError
from defocus.plugins.extensions import plugin_arguments
from defocus.progress import counted, say, tally
from defocus.reading import Json, read_json
from defocus.reports.model import Table
from defocus.storage.files import make_folder
from defocus.training.record.folder import steps_done


def job_folder(out: Path, run: str) -> Path:
    """The folder in which a job works."""
    # jobs share no lock and no database: both are unreliable on network file systems
    return out / "jobs" / run


def place_of(out: Path, run: str) -> Path:
    """The folder of a run: in the study, or in its job while it has one."""
    folder = job_folder(out, run)
    return run_folder(folder if folder.is_dir() else out, run)


def job_arguments(out: Path, run: str) -> list[str]:
    """Arguments of Python for a job; it continues an earlier job that was stopped."""
    words = [
        "-m",
        "defocus.benchmark",
        "run",
        "--out",
        str(out.absolute()),
        "--job",
        run,
    ]
    return [*words, *plugin_arguments()]


def prepare_job(out: Path, run: str) -> Path:
    """Make the job's folder, with the files of an earlier attempt of the run in the study."""
    folder = job_folder(out, run)
    make_folder(folder / "runs")
    begun = run_folder(out, run)
    in_job = run_folder(folder, run)
    if begun.is_dir() and not in_job.exists():
        begun.rename(in_job)
    return folder


def slurm_job(out: Path, run: str) -> JobCommand:
    """The job that a scheduler starts, prepared; its checkpoint says its progress."""
    folder = run_folder(prepare_job(out, run), run).absolute()
    return JobCommand(job_arguments(out, run), partial(steps_done, folder))


def claim_job(out: Path, run: str) -> Path:
    """The job's folder as seen by the job, which prepares it if nobody did."""
    folder = job_folder(out, run)
    if run_folder(folder, run).parent.is_dir():
        return folder
    with study_lock(out):
        return prepare_job(out, run)


def finished_jobs(out: Path) -> list[Path]:
    """Folders of jobs that have ended, with any result."""
    folders = []
    for folder in sorted((out / "jobs").glob("*/")):
        store = folder / "results.sqlite"
        if store.is_file() and not is_locked(folder):
            with open_results(store) as results:
                if results.entries():
                    folders.append(folder)
    return folders


def take_back(out: Path) -> None:
    """Move unfinished runs of idle jobs back into the study."""
    for folder in sorted((out / "jobs").glob("*/")):
        if is_locked(folder):
            raise InputError(
                f"{folder}: a job works there; wait until it ends, or give --on slurm again"
            )
        begun, mine = run_folder(folder, folder.name), run_folder(out, folder.name)
        if begun.is_dir() and not mine.exists():
            make_folder(mine.parent)
            begun.rename(mine)
        if begun.parent.is_dir():  # what the scheduler keeps there is not a job's
            shutil.rmtree(folder)


State = Literal[
    "finished",
    "not-applicable",
    "failed",
    "at work",
    "running",
    "queued",
    "begun",
    "waiting",
]


@dataclass(frozen=True)
class RunStanding:
    """State of one run, with steps of its training and the scheduler's id of its last job."""

    # ``running`` and ``queued`` are the scheduler's; ``at work`` means that a process works in the
    # run's own folder, ``begun`` that there is a checkpoint but no process on this run alone.

    run: str
    system: str
    dataset: str
    seed: int
    state: State
    step: int | None = None
    steps: int | None = None
    reason: str = ""
    job: str = ""

    def to_json(self) -> Json:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Queue:
    """A scheduler's report on a study's jobs: last job of each run, and states by job."""

    jobs: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


NOT_ASKED = Queue()


def queue_of(out: Path) -> Queue:
    """Ask the scheduler about the jobs of a study, if it has any."""
    jobs = known_jobs(out)
    try:
        return Queue(jobs, job_states(list(jobs.values())))
    except DefocusError as error:
        return Queue(jobs, problem=str(error))


EntriesOf = Callable[[Path], Mapping[str, Entry]]
"""The entries of the store in a folder, by run."""


def stored_entries(out: Path) -> dict[str, Entry]:
    """The entries of the store in a folder, by run; empty if there is no store."""
    store = out / "results.sqlite"
    if not store.is_file():
        return {}
    with read_results(store) as results:
        return results.entries_by_run()


def standing_of(
    out: Path,
    queue: Queue = NOT_ASKED,
    entries_of: EntriesOf = stored_entries,
) -> list[RunStanding]:
    """The state of each run of the latest request; a caller that polls can cache the entries."""
    path = out / "study.json"
    if not path.is_file():
        raise InputError(f"{out}: no study there; check --out")
    entries = entries_of(out)
    try:
        runs: dict[str, Json] = read_json(path)["runs"]
        standings = []
        for run, facts in runs.items():
            entry = entries.get(run)
            standings.append(_standing(out, run, facts, entry, queue, entries_of))
        return standings
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:  # another JSON
        raise InputError(
            f"{path}: cannot be read ({error}); restore it, or start the study's 'run' again"
        ) from error


def tell_unfinished(out: Path) -> None:
    """Say how far the runs of a study are, and what continues it; nothing if all are finished."""
    if not (out / REQUEST).is_file() or not (out / "study.json").is_file():
        return
    try:
        counts = Counter(one.state for one in standing_of(out))
    except InputError:  # a damaged file; 'status' says so
        return
    if set(counts) - {"finished", "not-applicable"}:
        command = f"'defocus-bench run --out {shlex.quote(str(out))}' continues"
        what = "a process works in this folder" if is_locked(out) else command
        say(f"{counted(counts.total(), 'run')}: {tally(counts)}; {what}")


def _standing(
    out: Path,
    run: str,
    facts: Json,
    entry: Entry | None,
    queue: Queue,
    entries_of: EntriesOf,
) -> RunStanding:
    folder = job_folder(out, run)
    job = queue.jobs.get(run, "")
    place = place_of(out, run)
    schedule = {} if "training" in facts else facts.get("schedule") or {}
    step, steps = steps_done(place) or (None, schedule.get("steps"))
    state, reason = _state(entry, begun=step is not None)
    if job in queue.states:
        waits = queue.states[job] in _WAITING
        state, reason = ("queued" if waits else "running"), f"job {job}"
    elif is_locked(folder):
        state, reason = "at work", ""
    elif ended := entries_of(folder).get(run):
        state, words = _state(ended, begun=True)
        reason = "; ".join(filter(None, (words, "'run' takes it over")))
    elif job and state in {"begun", "waiting"} and not queue.problem:
        reason = f"job {job} has left the queue without a result; {job_log(out, job)}"
    system, dataset, seed = facts["system"], facts["dataset"], facts["seed"]
    return RunStanding(run, system, dataset, seed, state, step, steps, reason, job)


_WAITING = {
    "PENDING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "REQUEUE_FED",
    "SPECIAL_EXIT",
    "RESV_DEL_HOLD",
}


def _state(entry: Entry | None, *, begun: bool) -> tuple[State, str]:
    if entry is None:
        return ("begun" if begun else "waiting"), ""
    if entry.scored:
        return "finished", ""
    kind, _, reason = entry.status.partition(": ")
    return ("failed" if kind == "failed" else "not-applicable"), reason


def standing_table(
    standings: list[RunStanding],
    queue: Queue,
    *,
    working: bool,
) -> Table:
    """The states as a table."""
    columns = ("Run", "Dataset", "State", "Step", "Reason")
    rows = []
    for one in standings:
        step = "-" if one.steps is None else f"{one.step or 0} of {one.steps}"
        rows.append((one.run, one.dataset, one.state, step, one.reason or "-"))
    note = tally(Counter(one.state for one in standings))
    workers = "a process works" if working else "no process works"
    note += f"; {workers} in this folder"
    if queue.problem:
        note += f"; no word of jobs that wait or run: {queue.problem}"
    return Table.of(counted(len(standings), "run"), columns, rows, note)
