"""Commands as one SLURM job array, by submitit.

Only its own results say whether a command is finished, never the queue."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defocus.errors import EXIT_INTERRUPTED, DefocusError, InputError
from defocus.extra_packages import require
from defocus.processes.children import (
    outside_environment,
    python_command,
    python_environment,
    search_path,
)
from defocus.processes.machines import ClusterSettings
from defocus.progress import counted, say
from defocus.reading import intact, read_json
from defocus.storage.files import make_folder, write_json

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

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
    with intact(path, "remove it once no job is queued", InputError):
        document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f"{path}: damaged (no table); remove it once no job is queued")
    return {str(name): str(job) for name, job in document.items()}


def note_jobs(out: Path, jobs: Mapping[str, str]) -> None:
    """Record the id of the last job of each piece of work."""
    write_json(out / "jobs" / QUEUE, dict(jobs))


def job_states(jobs: Sequence[str]) -> dict[str, str]:
    """The states of those jobs that are in the queue, such as ``PENDING`` or ``RUNNING``."""
    if not jobs:
        return {}
    command = [
        "squeue",
        "--noheader",
        "--array",
        "--me",
        "--format",
        "%i %T",
    ]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_SECONDS,
            env=outside_environment(),
        )
    except FileNotFoundError as error:
        raise DefocusError(
            "squeue is not on PATH; ask on a node of the cluster"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DefocusError("squeue does not answer; try again later") from error
    if answer.returncode != 0:
        reason = " ".join(answer.stderr.split())
        raise DefocusError(f"squeue does not answer ({reason}); try again later")
    states = {}
    for line in answer.stdout.splitlines():
        if line.strip():
            job, state = line.split(maxsplit=1)
            states[job] = state.strip()
    return {job: states[job] for job in jobs if job in states}


SAVING_SECONDS = 80
LARGEST_ARRAY = 1000
"""Number of jobs that SLURM takes at once unless another limit was set."""

RESTARTS = 10_000
"""Number of times that a job may reach its time limit: weeks of work on a queue of hours are no
mistake."""

MOST_IDLE = 3
"""Number of jobs in a row without progress after which their time limit counts as too short."""


class JobCommand:
    """A command of Python that can be stopped and started again; submitit stores it for a job."""

    # ``progress`` says how far it has come, ``idle`` counts its latest starts without any.

    def __init__(
        self,
        arguments: Sequence[str],
        progress: Callable[[], object],
        idle: int = 0,
    ) -> None:
        self.arguments = list(arguments)
        self.progress = progress
        self.idle = idle
        self._begun: object = None

    def __call__(self) -> int:
        """Run the command; return its exit code. A failure is in its own results."""
        # Several processes train together; then the first one alone does what is left.
        self._begun = self.progress()
        ranks = rank_variables()
        first = ranks.get("RANK", "0") == "0"
        code = self._run(ranks)
        if ranks and first and code == 0:
            code = self._run({})
        if first and code in {EXIT_INTERRUPTED, -signal.SIGTERM}:
            _queue_again()
        return code

    def _run(self, variables: Mapping[str, str]) -> int:
        """Run the command with more variables in its environment; return its exit code."""
        global _process
        environment = python_environment(variables)
        _process = subprocess.Popen(python_command(*self.arguments), env=environment)
        return _process.wait()

    def checkpoint(self) -> "DelayedSubmission | None":
        """Let the command save its state and end, near the time limit."""
        # Returns the job to be queued again; None if that would never end.
        from submitit.helpers import DelayedSubmission

        if _process is not None:
            _process.send_signal(signal.SIGUSR2)
            _wait_for_end(_process.pid)
        idle = self.idle + 1 if self.progress() == self._begun else 0
        if idle == MOST_IDLE:
            say(
                f"{idle} jobs in a row made no progress; raise time_minutes under [cluster] "
                "and submit it again"
            )
            return None
        return DelayedSubmission(JobCommand(self.arguments, self.progress, idle))


_process: "subprocess.Popen[bytes] | None" = None


def rank_variables() -> dict[str, str]:
    """What torchrun would set for this process of a job of several; empty for a job of one."""
    if int(os.environ.get("SLURM_NTASKS", "1")) == 1:
        return {}
    from submitit.helpers import TorchDistributedEnvironment

    place = TorchDistributedEnvironment()
    return {
        "TORCHELASTIC_RUN_ID": os.environ["SLURM_JOB_ID"],
        "MASTER_ADDR": place.master_addr,
        "MASTER_PORT": str(place.master_port),
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.world_size),
        "LOCAL_RANK": str(place.local_rank),
        "LOCAL_WORLD_SIZE": str(place.local_world_size),
    }


def _queue_again() -> None:
    """Put this job back into the queue if it was stopped to make room."""
    # SLURM does this itself for a job that it has to kill. But a job that saved its state and ended
    # within its grace period counts as completed. A job cancelled by a user is no longer running.
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    job = os.environ["SLURM_JOB_ID"]
    if array is not None:
        job = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    if job_states([job]).get(job) == "RUNNING":
        say(f"job {job} was asked to stop and waits in the queue again")
        subprocess.run(["scontrol", "requeue", job], check=True)


def _wait_for_end(pid: int) -> None:
    """Wait for a child process while an outer ``wait`` for it is already running."""
    deadline = time.monotonic() + SAVING_SECONDS
    options = os.WEXITED | os.WNOWAIT | os.WNOHANG
    with contextlib.suppress(ChildProcessError):  # it has been taken note of already
        while os.waitid(os.P_PID, pid, options) is None and time.monotonic() < deadline:
            time.sleep(0.2)


def submit(
    out: Path,
    names: Sequence[str],
    job: Callable[[str], JobCommand],
    settings: ClusterSettings,
) -> int:
    """Submit the pieces of work that are not yet in the queue; return how many these were."""
    # ``out`` is on a file system that the nodes can reach.
    submitit = _submitit()
    latest = dict(known_jobs(out))
    absent = _not_queued(out, names, latest)
    if not absent:
        return 0
    executor = submitit.SlurmExecutor(
        folder=make_folder(log_folder(out)).absolute(),
        max_num_timeout=RESTARTS,
        # it would import from the folder of the submission
        python=shlex.join(python_command()),
    )
    executor.update_parameters(**_parameters(settings))
    for first in range(0, len(absent), LARGEST_ARRAY):
        part = absent[first : first + LARGEST_ARRAY]
        commands = list(map(job, part))
        try:
            with executor.batch():
                jobs = [executor.submit(command) for command in commands]
        except submitit.core.utils.FailedJobError as error:
            reason = " ".join(str(error).split())
            raise DefocusError(f"SLURM refuses the jobs: {reason}") from error
        for name, one in zip(part, jobs, strict=True):
            latest[name] = str(one.job_id)
        note_jobs(out, latest)
    numbers = ", ".join(latest[name] for name in absent)
    say(f"submitted {counted(len(absent), 'job')}, {numbers}")
    return len(absent)


def _not_queued(
    out: Path,
    names: Sequence[str],
    latest: Mapping[str, str],
) -> list[str]:
    """The names of work that is not in the queue; says what is there, and what has left it."""
    there = job_states([latest[name] for name in names if name in latest])
    absent = [name for name in names if latest.get(name) not in there]
    for name in absent:
        if name in latest:
            log = job_log(out, latest[name])
            say(f"{name}: job {latest[name]} has left the queue; {log}")
    queued = len(names) - len(absent)
    if queued:
        say(f"{queued} of {counted(len(names), 'job')} are in the queue already")
    return absent


def _submitit() -> Any:  # noqa: ANN401 - a module
    submitit = require("submitit", "slurm", "1.5")
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        raise InputError(
            "--on slurm: no sbatch and squeue on PATH; run it on a node of the cluster"
        )
    return submitit


def _parameters(settings: ClusterSettings) -> dict[str, Any]:
    """Parameters from which submitit makes a batch script."""
    named = {
        "partition": settings.queue,
        "account": settings.account,
        "qos": settings.qos,
        "gpus_per_node": settings.gpus,
    }
    return {
        **{name: value for name, value in named.items() if value},
        "job_name": "defocus",
        "mem": f"{settings.memory_mib}M",
        "time": settings.time_minutes,
        "cpus_per_task": settings.cores,
        "nodes": settings.nodes,
        "ntasks_per_node": settings.tasks,
        "signal_delay_s": settings.signal_seconds,
        "array_parallelism": settings.at_most,
        "setup": [f"export PYTHONPATH={shlex.quote(search_path())}", *settings.setup],
        "additional_parameters": {"requeue": True},
    }
