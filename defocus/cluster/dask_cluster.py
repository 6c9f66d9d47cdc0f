"""Work on other machines, by workers of dask.distributed.

A worker is one process with one thread, set up as our own processes are. It needs the same
packages and the same files, and the cache folder on a disk that all machines share."""

import atexit
import contextlib
import functools
import importlib
import io
import logging
import math
import os
import pickle
import shlex
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from defocus import progress
from defocus.cache import VARIABLE, cache_folder
from defocus.commit import own_commit
from defocus.errors import DefocusError, InputError, SettingsError
from defocus.extra_packages import require
from defocus.plugins.extensions import forget_plugins, plugins, take_named_plugins
from defocus.processes.children import python_command, search_path
from defocus.processes.isolation import Killed, LeftOut
from defocus.processes.machines import QUEUES, ClusterSettings, Machines
from defocus.processes.workers import compute_in_one_thread
from defocus.progress import (
    SaidOnce,
    counted,
    holding_once,
    log,
    say,
    say_held,
    telling,
    warn_once,
)
from defocus.storage.files import forget_unfinished, make_folder, storing
from defocus.storage.staging import staging_folder

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

T = TypeVar("T")
R = TypeVar("R")

EXTRA = "cluster"
ANSWER_SECONDS = 20
"""Seconds within which a running scheduler must answer, and its first worker must be there."""

DISK_GB = 1
"""Disk that HTCondor keeps for a job; results are written to the shared one."""

AGAIN_SECONDS = 60
"""Seconds after which jobs that were lost are submitted again; dask itself never does."""

NO_WORKER_SECONDS = 60
"""Seconds between two looks whether there is a worker."""

PACKAGES = (
    "numpy",
    "opencv-python-headless",
    "scipy",
    "scikit-image",
    "torch",
)
"""Packages whose version may change a number that is measured."""

CONFIGURATION: dict[str, object] = {
    # an item that has ended three workers is left out
    "distributed.scheduler.allowed-failures": 2,
    # a worker has no item but the one it works on, so that only this one is suspected
    "distributed.scheduler.worker-saturation": 1.0,
    # numpy may hold Python's lock for 20 s, and then nothing answers
    "distributed.scheduler.worker-ttl": "15 minutes",
    # a worker that was killed starts again in this time, or its job is ended
    "distributed.deploy.lost-worker-timeout": "2 minutes",
    "distributed.comm.timeouts.connect": "60s",
    "distributed.comm.timeouts.tcp": "5 minutes",
}
"""Settings of the schedulers that are started here which differ from dask's defaults."""

NO_PAGE = {"dashboard": False, "dashboard_address": ":0"}
"""A scheduler shows no page. It answers by HTTP all the same: at any free port, as dask warns of
its own port if another scheduler of this computer has that."""


@dataclass(frozen=True)
class _Setup:
    """Settings that a worker takes over from the program that gives it work."""

    program: str  # an id of its own
    environment: tuple[tuple[str, str], ...]
    quiet: bool
    verbose: bool
    logs: bool  # to a file, which only its own machine need have
    packages: tuple[tuple[str, str], ...]
    folder: Path  # where the program runs, to which paths may be relative
    shared: Path  # a folder in the cache, for this work alone

    @property
    def work(self) -> Path:
        """What is done with each item, pickled."""
        return self.shared / "work"

    def begun(self, number: int) -> Path:
        """An empty file that is there while an item is worked on, and after its worker died."""
        return self.shared / f"{number}.begun"


def on_machines(
    work: Callable[[tuple[str, T]], tuple[str, R | LeftOut]],
    items: Mapping[str, T],
    machines: Machines,
) -> Iterator[tuple[str, R | LeftOut]]:
    """Yield what ``work`` makes of each name with its item, as it is ready."""
    if not items:
        return
    client = _connected(machines)
    _ask_for_workers(client, machines, len(items))
    with staging_folder(cache_folder(), "shared-") as shared:
        setup = _setup_here(shared)
        with storing(setup.work):
            setup.work.write_bytes(pickle.dumps(work))
        yield from _worked_on(setup, items, client, machines)


def _worked_on(
    setup: _Setup,
    items: Mapping[str, Any],
    client: "Client",
    machines: Machines,
) -> Iterator[tuple[str, Any | LeftOut]]:
    """Give all items to the workers, and yield their results."""
    from distributed import as_completed

    waiting = {}
    for number, named in enumerate(items.items()):
        future = client.submit(
            _done,
            setup,
            number,
            pickle.dumps(named),
            pure=False,
        )
        waiting[future] = named[0]
    try:
        for future in as_completed(list(waiting), loop=client.loop):
            yield _answer(future, waiting.pop(future), machines)
    finally:
        client.cancel(list(waiting))


def _answer(
    future: "Future[Any]", name: str, machines: Machines
) -> tuple[str, Any | LeftOut]:
    """The result of an item; what its worker said and logged is said and logged here."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        result, held, messages, logged = future.result()
    except KilledWorker:
        return name, Killed(name, _KILLED)
    except FutureCancelledError as error:
        raise DefocusError(
            f"{machines.address}: the scheduler has ended or cannot be reached; give the "
            "same command again once it runs"
        ) from error
    say_held(held)
    for message in messages:
        say(message)
    log("\n".join(line for line in logged if line not in messages))
    answer: tuple[str, Any] = result
    return answer


_KILLED = (
    "the processes that worked on it were killed, one after the other, perhaps because memory ran "
    "out; use machines with more, or a smaller picture"
)


def _done(
    setup: _Setup, number: int, named: bytes
) -> tuple[Any, list[SaidOnce], list[str], list[str]]:
    """The result of an item on a worker, what is said once, and what was printed and logged."""
    work = _begun(setup)
    said = io.StringIO()
    with (
        contextlib.redirect_stderr(said),
        _logged(setup) as logged,
        _marked(setup.begun(number)),
        holding_once() as held,
    ):
        result = work(pickle.loads(named))  # noqa: S301 - from the program that started this work
    return result, held, said.getvalue().splitlines(), logged


@contextlib.contextmanager
def _marked(begun: Path) -> Iterator[None]:
    """Have a file while an item is worked on; if it was there, remove what a dead worker left."""
    # This process may have looked for temporary files before that worker made them.
    try:
        begun.touch(exist_ok=False)
    except FileExistsError:
        forget_unfinished()
    except OSError:  # without the mark, the next command removes them
        pass
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the client has ended
            begun.unlink()


@contextlib.contextmanager
def _logged(setup: _Setup) -> Iterator[list[str]]:
    """Lines that are logged meanwhile, messages among them; they are there at the end."""
    lines: list[str] = []
    if not setup.logs:
        yield lines
        return
    with tempfile.NamedTemporaryFile("r", prefix="defocus-log-") as file:
        telling.log_file = Path(file.name)
        try:
            yield lines
        finally:
            telling.log_file = None
        lines += [line.rstrip("\n").partition(" ")[2] for line in file]


@functools.lru_cache(maxsize=1)
def _begun(setup: _Setup) -> Callable[[Any], Any]:
    """Make this process a worker of the caller, or say what it lacks; its function of items."""
    from distributed import get_worker

    host = socket.gethostname()
    worker = get_worker()
    _stop_profiler(worker)
    _never_pause(worker)
    # dask's workers may start no processes, and a training has some that make its batches
    current_process().daemon = False
    threads = worker.state.nthreads
    if threads != 1:
        raise SettingsError(
            f"{host}: a worker has {threads} threads; start it with "
            "'dask worker ADDRESS --nthreads 1 --nworkers N'"
        )
    _require_same(host, setup.packages)
    try:
        work = setup.work.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{host} does not see the cache {setup.shared.parent}; set {VARIABLE} to a folder that "
            "all machines share"
        ) from error
    _serve(setup.program)
    for name in _own_variables():  # those of an earlier caller
        del os.environ[name]
    os.environ.update(setup.environment)
    telling.quiet = setup.quiet
    telling.verbose = setup.verbose
    telling.bars = False
    compute_in_one_thread()
    with contextlib.suppress(OSError):  # without it, whole paths are found all the same
        os.chdir(setup.folder)
    take_named_plugins()  # before what they define is unpickled
    return pickle.loads(work)  # type: ignore[no-any-return]  # noqa: S301 - likewise


def _require_same(host: str, packages: tuple[tuple[str, str], ...]) -> None:
    """Refuse to work with other versions than the caller has."""
    own = dict(_packages())
    for name, version in packages:
        installed = own.get(name, "none")
        if installed != version:
            raise SettingsError(
                f"{host} has {name} {installed}, this machine {version}; install the same there, "
                "and start its workers again"
            )


OF_THE_CODE = ("defocus.commit", "defocus.cluster.")
"""Modules whose caches tell which code this process has loaded, for as long as it lives."""

_said_to: dict[str, set[Hashable]] = {}
"""What this worker has said once to each program that it has worked for."""


def _serve(program: str) -> None:
    """Let this worker be to a program what a process of its own would be."""
    if program not in _said_to:
        _said_to[program] = set()
        _forget_files()
    progress.said_once = _said_to[program]


def _forget_files() -> None:
    """Forget plug-ins and what functions keep: the files may have changed since they were read."""
    forget_plugins()
    forget_unfinished()
    for name, module in list(sys.modules.items()):
        if not name.startswith("defocus.") or name.startswith(OF_THE_CODE):
            continue
        for value in list(vars(module).values()):
            clear = getattr(value, "cache_clear", None)
            if clear is not None:
                clear()


def _stop_profiler(worker: "Worker") -> None:
    """Stop dask's look at all frames, a hundred times a second.

    It keeps pictures alive that a network has freed, so that memory that is counted is larger."""
    looking = worker.periodic_callbacks.get("profile")
    if looking is not None:
        worker.loop.add_callback(looking.stop)


def _never_pause(worker: "Worker") -> None:
    """Let dask give items to a worker that uses much of its memory.

    Else it waits for memory, which our processes keep, and the work never ends. One that uses all
    is still killed."""
    worker.memory_manager.memory_pause_fraction = math.inf


def _setup_here(shared: Path) -> _Setup:
    plugins()  # those that a parent process has named are loaded by now
    environment = {**_own_variables(), VARIABLE: str(shared.parent)}
    return _Setup(
        _program(),
        tuple(sorted(environment.items())),
        telling.quiet,
        telling.verbose,
        telling.log_file is not None,
        _packages(),
        Path.cwd(),
        shared,
    )


@functools.cache
def _program() -> str:
    return uuid4().hex


def _own_variables() -> dict[str, str]:
    """The variables of the environment that this package reads."""
    return {
        name: value for name, value in os.environ.items() if name.startswith("DEFOCUS_")
    }


@functools.cache
def _packages() -> tuple[tuple[str, str], ...]:
    """Version of each package whose version counts, and of this one with its commit."""
    from importlib import metadata

    versions = [("the commit", own_commit() or "none")]
    for name in ("defocus", *PACKAGES):
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            versions.append((name, "none"))
    return tuple(versions)


@functools.cache
def _connected(machines: Machines) -> "Client":
    """A client of the scheduler, until this program ends."""
    require("distributed", EXTRA)
    from distributed import Client

    # what matters is said here
    for name in ("distributed", "distributed.client", "tornado", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    is_running = "://" in machines.address
    client = _to_scheduler(machines) if is_running else Client(_started(machines))
    atexit.register(_leave, client)
    later = client.loop.call_later
    client.loop.add_callback(
        later,
        NO_WORKER_SECONDS,
        _look_for_workers,
        client,
        machines,
    )
    return client


def _look_for_workers(client: "Client", machines: Machines) -> None:
    """Say once if the scheduler has no worker, now or after a while."""
    if client.status == "closed":
        return
    if not client.scheduler_info()["workers"]:
        warn_once(
            f"{machines.address} has no worker now; the work goes on with the next one"
        )
    client.loop.call_later(
        NO_WORKER_SECONDS,
        _look_for_workers,
        client,
        machines,
    )


def _leave(client: "Client") -> None:
    cluster = client.cluster
    # what does not answer at the end is no longer needed
    with contextlib.suppress(Exception):
        client.close()
        if cluster is not None:
            cluster.close()


def _to_scheduler(machines: Machines) -> "Client":
    """A client of a scheduler that runs, and has a worker."""
    from distributed import Client

    try:
        client = Client(machines.address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{machines.address}: no scheduler answers there; start one with 'dask scheduler', or "
            "correct the address"
        ) from error
    try:
        client.wait_for_workers(1, timeout=ANSWER_SECONDS)
    except TimeoutError as error:
        raise InputError(
            f"{machines.address}: the scheduler has no worker; start some with "
            f"'dask worker {machines.address} --nthreads 1 --nworkers N'"
        ) from error
    return client


def _started(machines: Machines) -> Any:  # noqa: ANN401 - a cluster of dask
    """A scheduler of our own, which gets its workers by SSH or from a queue."""
    import dask

    dask.config.set(CONFIGURATION)
    dask.config.set({"temporary-directory": tempfile.gettempdir()})
    if machines.hosts:
        return _by_ssh(machines)
    return _by_queue(machines)


def _by_ssh(machines: Machines) -> Any:  # noqa: ANN401 - a cluster of dask
    require("asyncssh", EXTRA)
    from distributed import SSHCluster

    workers = {
        "nthreads": 1,
        "n_workers": machines.settings.cores,
        "memory_limit": 0,
    }
    try:
        return SSHCluster(
            [machines.hosts[0], *machines.hosts],
            worker_options=workers,
            scheduler_options=NO_PAGE,
            remote_python=shlex.join(python_command()),
        )
    except Exception as error:  # what asyncssh and dask raise has no common class
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{machines.address}: no workers there ({reason}); 'ssh {machines.hosts[0]}' must work "
            "without a password, with the same Python at the same path"
        ) from error


def _by_queue(machines: Machines) -> Any:  # noqa: ANN401 - a cluster of dask
    settings = machines.settings
    with _own_interruption():
        require("dask_jobqueue", EXTRA)
        kind = getattr(
            importlib.import_module("dask_jobqueue"),
            QUEUES[machines.address],
        )
    submits = kind.job_cls.submit_command.split()[0]
    if shutil.which(submits) is None:
        raise InputError(
            f"{machines.address}: no {submits} on PATH; run it on a node of the cluster"
        )
    try:
        return kind(
            **_asked_of(machines.address, settings),
            interface=settings.interface or None,
            cores=settings.cores,
            processes=settings.cores,
            memory=f"{settings.memory_gb:g}GB",
            job_name="defocus",
            python=shlex.join(python_command()),
            job_script_prologue=[
                f"export PYTHONPATH={shlex.quote(search_path())}",
                *settings.setup,
            ],
            log_directory=str(make_folder(cache_folder() / "jobs")),
            scheduler_options=NO_PAGE,
        )
    except Exception as error:  # likewise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{machines.address}: the queue takes no jobs ({reason})"
        ) from error


def _asked_of(queue: str, settings: ClusterSettings) -> dict[str, Any]:
    """Resources under the names of a queue's class; all others have the same names everywhere."""
    account = settings.account or None
    if queue == "htcondor":  # it knows neither queues nor times
        lines = {"accounting_group": account} if account else {}
        return {"disk": f"{DISK_GB}GB", "job_extra_directives": lines}
    hours, minutes = divmod(settings.time_minutes, 60)
    time = f"{hours:02d}:{minutes:02d}"
    asked: dict[str, Any] = {"queue": settings.queue or None}
    asked["walltime"] = time if queue == "lsf" else f"{time}:00"
    asked["account" if queue in {"slurm", "pbs"} else "project"] = account
    if queue == "oar":  # each site calls memory otherwise
        asked["memory_per_core_property_name"] = "not_applicable"
    if queue == "slurm":  # dask-jobqueue asks for whole gigabytes, rounded up
        asked["job_mem"] = f"{settings.memory_mib}M"
        further = {"qos": settings.qos, "gpus-per-node": settings.gpus}
        given = {name: value for name, value in further.items() if value}
        directives = [f"--{name}={value}" for name, value in given.items()]
        asked["job_extra_directives"] = directives
    return asked


@contextlib.contextmanager
def _own_interruption() -> Iterator[None]:
    """Keep Ctrl-C as it was: the import of dask-jobqueue changes it."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ask_for_workers(
    client: "Client",
    machines: Machines,
    items: int,
) -> None:
    """Submit as many jobs as the items can use."""
    if machines.address not in QUEUES:
        return
    settings = machines.settings
    jobs = min(settings.at_most, math.ceil(items / settings.cores))
    cluster = client.cluster
    if jobs > len(cluster.worker_spec):
        if not cluster.worker_spec:
            later = cluster.loop.call_later
            cluster.loop.add_callback(
                later,
                AGAIN_SECONDS,
                _submit_lost,
                cluster,
            )
        try:
            client.sync(_submit, cluster, jobs)
        except RuntimeError as error:
            raise InputError(
                f"{machines.address}: the queue takes no job ({_refusal(error)}); change [cluster] "
                "in --settings"
            ) from error
        say(
            f"asked {machines.address} for {counted(jobs, 'job')}; work begins with the first"
        )


async def _submit(cluster: Any, jobs: int) -> None:  # noqa: ANN401 - a cluster of dask
    """Submit jobs until there are ``jobs``; raise the queue's errors, which ``scale`` only logs."""
    cluster.scale(jobs=jobs)
    await cluster._correct_state()  # the task that ``scale`` starts later


def _refusal(error: RuntimeError) -> str:
    """Message of the command that submits jobs, in one line."""
    lines = str(error).partition("stderr:")[2].split("\n") or [str(error)]
    return "; ".join(line.strip() for line in lines if line.strip())


def _submit_lost(cluster: Any) -> None:  # noqa: ANN401 - a cluster of dask
    """Submit lost jobs again, and look for others after a while."""
    cluster.scale(jobs=len(cluster.worker_spec))
    cluster.loop.call_later(AGAIN_SECONDS, _submit_lost, cluster)
