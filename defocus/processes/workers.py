"""Worker processes that end with their parent process."""

import contextlib
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import (
    active_children,
    get_all_start_methods,
    get_context,
    parent_process,
)
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any, TypeVar

from defocus.errors import (
    DefocusError,
    InterruptedWorkError,
    KilledError,
    StorageError,
    what_program_lacks,
)
from defocus.processes.children import SAFE_PATH, start_servers, starting_python
from defocus.processes.freed_memory import keep_freed_memory
from defocus.processes.interruption import ENDING, lost_interrupts_again
from defocus.progress import (
    MessageSettings,
    SaidOnce,
    holding_once,
    say,
    say_held,
    telling,
)

T = TypeVar("T")
R = TypeVar("R")

INTERRUPTS = ("SIGINT", *ENDING)
"""Signals that a program answers by ending its work."""


def in_processes(
    work: Callable[[T], R],
    items: Sequence[T],
    processes: int,
) -> Iterator[R]:
    """Run ``work`` on every item and yield the results as they are ready."""
    # Each process uses one thread, because they share the machine; none outlives the caller. What a
    # ``partial`` of ``work`` holds is sent to each once; a single item or process stays in this
    # one.
    if min(processes, len(items)) <= 1:
        yield from map(work, items)
        return
    given = (pickle.dumps(work), telling, dict(os.environ), working_folder())
    context = worker_context(module_of(work))
    at_once = min(processes, len(items))
    with starting_beside():
        made = ProcessPoolExecutor(at_once, context, _started, given)
    with made as pool:
        others = set(active_children())
        mine = set[BaseProcess]()
        try:
            with starting_workers(), starting_beside():
                running = [pool.submit(_done, item) for item in items]
                mine = set(active_children()) - others
            for future in as_completed(running):
                result, held = future.result()
                say_held(held)
                yield result
        except BrokenProcessPool as error:
            raise KilledError(
                "a process was killed, perhaps because memory ran out; run the same command again "
                "with fewer processes"
            ) from error
        except BaseException:
            for process in mine:  # nobody waits for what is thrown away
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def usable_cores() -> int:
    """Number of cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # Windows and macOS have none
    if allowed is not None:
        return len(allowed(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def starting_beside() -> Iterator[None]:
    """What keeps processes from being started side by side is an error that names another way."""
    # The system has no name for it: a full /dev/shm, or none, and a limit of processes.
    try:
        yield
    except OSError as error:
        if what_program_lacks(error):
            raise
        raise StorageError(
            f"no processes can be started side by side ({error.strerror or error}); "
            "look at /dev/shm and 'ulimit -u', or use one: --on 1, --workers 0"
        ) from error


def worker_context(module: str) -> ForkServerContext | SpawnContext:
    """How processes are started: as forks of a clean process that has imported ``module``."""
    # Forks of the caller would inherit the threads of torch in whatever state they are. New
    # interpreters would each import for seconds; Windows has only these.
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["cv2", module])
    with starting_workers():
        start_servers()
    return context


def module_of(work: Callable[[T], R]) -> str:
    """Name of the module of a function, or of what a ``partial`` of it calls in the end."""
    if not isinstance(work, partial):
        return work.__module__
    given = (*work.args, *work.keywords.values())
    inner = (one for one in given if isinstance(one, (partial, FunctionType)))
    return module_of(next(inner, work.func))


SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    "1",
)
"""Numerical libraries read these once, when they are loaded."""


@contextlib.contextmanager
def starting_workers() -> Iterator[None]:
    """Processes that are started here ignore Ctrl-C and the like; numpy has one thread in each."""
    # Their parent ends them. What loads numpy for all of them is started here too, at the first
    # time; with a thread for every core in each, they would wait for each other all the time.
    before = {name: os.environ.get(name) for name in SINGLE_THREADED}
    os.environ.update(SINGLE_THREADED)
    try:
        with _blocked_signals(), _interrupted_afterwards(), starting_python():
            yield
    finally:
        os.environ.update(
            {name: value for name, value in before.items() if value is not None}
        )
        for name in (name for name, value in before.items() if value is None):
            os.environ.pop(name, None)


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Block signals while processes start, which inherit that; held-back signals come later."""
    # Ctrl-C, the end of the terminal, and what SLURM sends to all processes of a job near its time
    # limit: that would end what starts the others, and their parent with "unexpected EOF".
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    held_back = {signal.SIGINT, signal.SIGHUP, signal.SIGUSR2}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held_back)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _interrupted_afterwards() -> Iterator[None]:
    """Let interrupts wait until all processes are started, so that all of them can be ended."""
    # A mask is of one thread: a signal that another thread gets interrupts the main one all the
    # same. Processes that nobody knows print tracebacks when what they wait for is gone. What is
    # ignored or ends this process at once stays so.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    numbers = [getattr(signal, name) for name in INTERRUPTS if hasattr(signal, name)]
    heard = [one for one in numbers if callable(signal.getsignal(one))]

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        signal.raise_signal(arrived[0])


_WORK: list[Callable[[Any], Any]] = []
"""The function that this worker process applies to each item."""


def _started(
    work: bytes,
    settings: MessageSettings,
    environment: Mapping[str, str],
    folder: str,
) -> None:
    begin_worker(vars(settings), environment, folder)
    # the environment names the plug-in files, which are loaded with what they define
    try:
        _WORK.append(pickle.loads(work))  # noqa: S301 - from the parent process
    except DefocusError as error:  # told as the result of an item, not as a crash
        _WORK.append(partial(_refused, error))


def _refused(error: DefocusError, _item: object) -> None:
    raise error


def working_folder() -> str:
    """The folder to which paths are relative; empty if it was removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""


def begin_worker(
    settings: Mapping[str, Any], environment: Mapping[str, str], folder: str
) -> None:
    """Prepare a worker process: it computes in one thread, and ends with its parent process."""
    # ``multiprocessing`` begins in the folder that its parent had when it was imported.
    if folder:
        os.chdir(folder)
    vars(telling).update(settings, bars=False)
    os.environ.clear()
    os.environ.update(environment)
    compute_in_one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def compute_in_one_thread() -> None:
    """Let this process compute in one thread, because others share its machine."""
    import cv2

    keep_freed_memory()
    cv2.setNumThreads(1)
    # torch takes two seconds to import, and not all work needs it: it reads these when it is
    os.environ.update({**SINGLE_THREADED, SAFE_PATH: "1"})
    if "torch" in sys.modules:  # by the caller's own program or by earlier work
        import torch

        torch.set_num_threads(1)


def _done(item: Any) -> tuple[Any, list[SaidOnce]]:  # noqa: ANN401 - whatever the work takes
    """The work on an item; at a signal the process ends as soon as the item is left tidily."""

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the tidying is not cut short
        raise KeyboardInterrupt

    def hear() -> None:
        signal.signal(signal.SIGTERM, end)

    try:
        before = signal.signal(signal.SIGTERM, end)
        try:
            with lost_interrupts_again(hear), holding_once() as held:
                return _WORK[0](item), held
        finally:
            signal.signal(signal.SIGTERM, before)
    except KeyboardInterrupt:
        os._exit(1)
    except InterruptedWorkError as error:  # told to end, it has saved its state
        say(str(error))
        os._exit(1)


def _end_with_parent() -> None:
    """End with the parent process; otherwise the pool would outlive a killed parent."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
