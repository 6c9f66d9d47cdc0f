"""Work on many items, each by itself, on this machine or on others."""

import os
import pickle
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, TypeAlias, TypeVar

from defocus.processes.isolation import Killed, LeftOut, attempt_named
from defocus.processes.machines import Machines, Where
from defocus.processes.workers import (
    begin_worker,
    in_processes,
    module_of,
    starting_beside,
    worker_context,
    working_folder,
)
from defocus.progress import holding_once, say_held, telling

T = TypeVar("T")
R = TypeVar("R")


def each(
    work: Callable[[T], R],
    items: Mapping[str, T],
    where: Where,
    *,
    may_crash: bool = False,
) -> Generator[tuple[str, R | LeftOut], None, None]:
    """Yield the name of each item and its result, or why it has none, as they are ready."""
    # Who stops at a result closes the generator, which ends the others.
    # Results do not depend on ``where``. Only what would fail everywhere is raised: a full disk,
    # an interruption, an error of the request. Where ``work`` may crash its process, each item
    # has a process to itself and is left out alone; workers of other machines are replaced anyway.
    attempted = partial(attempt_named, work)
    if isinstance(where, Machines):
        from defocus.cluster.dask_cluster import on_machines

        yield from on_machines(attempted, items, where)
    elif may_crash:
        yield from _in_own_processes(attempted, items, where)
    else:
        yield from in_processes(attempted, list(items.items()), where)


def start_early(module: str, where: Where) -> None:
    """Start what worker processes are forked from; it imports their module beside this process."""
    if isinstance(where, int) and where > 1:
        worker_context(module)


Attempted: TypeAlias = Callable[[tuple[str, T]], tuple[str, R | LeftOut]]


def _in_own_processes(
    work: Attempted[T, R],
    items: Mapping[str, T],
    at_once: int,
) -> Iterator[tuple[str, R | LeftOut]]:
    """Run ``work`` on every item in a process of its own."""
    context = worker_context(module_of(work))
    alone = partial(_in_own_process, context, work)
    with ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(alone, named) for named in items.items()]
        try:
            for future in as_completed(running):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


KILLED = -9
"""Exit code of a process that was ended by SIGKILL, as by a system whose memory runs out."""


def _in_own_process(
    context: ForkServerContext | SpawnContext,
    work: Attempted[T, R],
    named: tuple[str, T],
) -> tuple[str, R | LeftOut]:
    """The result of a process; if it crashes, the reason."""
    result: tuple[str, R | LeftOut]
    task = pickle.dumps((work, named))
    with starting_beside():
        receiving, sending = context.Pipe(duplex=False)
        given = (task, sending, vars(telling), dict(os.environ), working_folder())
        process = context.Process(target=_work_alone, args=given)
        process.start()
    sending.close()
    try:
        result, held, error = receiving.recv()
    except EOFError:
        process.join()
        return named[0], _without_result(named[0], process.exitcode)
    finally:
        process.join()
        receiving.close()
    if error is not None:
        raise error
    say_held(held)
    return result


def _without_result(name: str, exit_code: int | None) -> LeftOut:
    """Why an item whose process has ended has no result."""
    if exit_code == KILLED:
        reason = "its process was killed, perhaps because memory ran out; use fewer processes"
        return Killed(name, reason)
    reason = f"its process crashed (exit code {exit_code}); is its file whole?"
    return LeftOut(name, reason)


def _work_alone(
    task: bytes,
    sending: "Connection[Any, Any]",
    settings: Mapping[str, Any],
    environment: Mapping[str, str],
    folder: str,
) -> None:
    """Send the result of an item, and the error that ends the work on all."""
    begin_worker(settings, environment, folder)
    try:
        work, named = pickle.loads(task)  # noqa: S301 - from the parent process
        with holding_once() as held:
            result = work(named)
        sending.send((result, held, None))
    except Exception as error:  # noqa: BLE001 - it is raised in the parent process
        sending.send((None, [], error))
