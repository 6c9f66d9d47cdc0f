"""Batches that processes make ahead of their steps: the same ones, in the same order."""

import contextlib
import os
import pickle
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing import active_children
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from defocus.errors import DefocusError, InterruptedWorkError
from defocus.processes.workers import (
    begin_worker,
    module_of,
    starting_beside,
    starting_workers,
    usable_cores,
    worker_context,
    working_folder,
)
from defocus.progress import telling
from defocus.training.parallel import Ranks
from defocus.training.stopping import SIGNALS, StopAsked

FEW_STEPS = 500
"""Number of steps left below which no processes are started unless asked for, because starting them
takes seconds."""

AHEAD = 2
"""Number of batches that each process makes ahead. More would take more memory."""

KeyT = TypeVar("KeyT")
MadeT = TypeVar("MadeT")


def makers(
    wanted: int | None,
    steps: int,
    mine: Ranks,
) -> int:
    """How many processes make batches: those asked for, else one less than there are cores."""
    # Processes of ``torchrun`` share the cores. Fewer than ``FEW_STEPS`` steps get none.
    if wanted is not None:
        return wanted
    return 0 if steps < FEW_STEPS else max(0, usable_cores() // mine.beside - 1)


class MakerDiedError(InterruptedWorkError):
    """A process that makes batches was killed; the message says how."""


class Feeder:
    """Makes values by key, ahead in ``workers`` processes, or in this one when asked."""

    # ``mine`` is this process among those of the training; memory of copies to a GPU ``device`` is
    # pinned.

    def __init__(
        self,
        workers: int,
        mine: Ranks,
        device: torch.device,
    ) -> None:
        self.workers = workers
        self.mine = mine
        self.device = device
        self.cpu_seconds = 0.0
        self.stop: StopAsked | None = None
        self._closing = contextlib.ExitStack()

    def ahead(
        self,
        make: Callable[[KeyT], MadeT],
        keys: Sequence[KeyT],
    ) -> Iterator[MadeT]:
        """Results of a function for each key, in their order; it can be pickled."""
        # An error of the function is raised where its result would have come.
        if not self.workers or not len(keys):
            yield from map(self.pinned, map(make, keys))
            return
        others = set(active_children())
        with starting_workers(), starting_beside(), warnings.catch_warnings():
            # who asks for more processes than cores has a reason, and who does not gets fewer
            warnings.filterwarnings("ignore", "This DataLoader will create")
            results: Any = iter(self._loader(make, keys))
        processes = set(active_children()) - others
        self._closing.callback(_end, results, processes)
        # is closed first: without processes, what it still waits for would never come
        reader = self._closing.enter_context(ThreadPoolExecutor(1, "batches"))
        # to take over what a process has made needs milliseconds, in which a step can go on
        arriving: Future[_One[MadeT]] = reader.submit(next, results)
        for left in reversed(range(len(keys))):
            one = _arrived(arriving, processes)
            if left:
                arriving = reader.submit(next, results)
            self.cpu_seconds += one.cpu_seconds
            yield one.result()

    def _loader(
        self,
        make: Callable[[KeyT], MadeT],
        keys: Sequence[KeyT],
    ) -> DataLoader[Any]:
        return DataLoader(
            _Made(make),
            batch_size=None,
            sampler=keys,
            num_workers=self.workers,
            prefetch_factor=AHEAD,
            collate_fn=_as_it_is,
            pin_memory=self._pins,
            multiprocessing_context=worker_context(module_of(make)),
            worker_init_fn=partial(
                _begin,
                vars(telling).copy(),
                dict(os.environ),
                working_folder(),
            ),
            generator=torch.Generator(),  # the one of the training is left alone
        )

    def pinned(self, value: MadeT) -> MadeT:
        """A value in memory from which the GPU copies by itself, where it has tensors."""
        return _pinned(value) if self._pins else value

    @property
    def _pins(self) -> bool:
        return self.device.type == "cuda"

    def close(self) -> None:
        """End the processes."""
        self._closing.close()


@contextlib.contextmanager
def feeding(
    workers: int,
    mine: Ranks,
    device: torch.device,
) -> Iterator[Feeder]:
    """A feeder whose processes end with the block, however that ends."""
    feeder = Feeder(workers, mine, device)
    try:
        yield feeder
    finally:
        feeder.close()


class _One(Generic[MadeT]):
    """A value, or the error of making it, as it is sent between processes."""

    def __init__(
        self,
        value: Any,  # noqa: ANN401 - whatever is made
        error: Exception | None,
        cpu_seconds: float,
    ) -> None:
        self.value = value
        self.error = error
        self.cpu_seconds = cpu_seconds

    def pin_memory(self) -> "_One[MadeT]":
        """The value in pinned memory, where it has tensors."""
        return _One(_pinned(self.value), self.error, self.cpu_seconds)

    def result(self) -> MadeT:
        if self.error is not None:
            raise self.error
        value: MadeT = self.value
        return value


class _Made(Dataset[_One[Any]], Generic[KeyT, MadeT]):
    """The results of a function, by key."""

    def __init__(self, make: Callable[[KeyT], MadeT]) -> None:
        self.make = make
        self.sent = False

    def __getitem__(self, key: KeyT) -> _One[Any]:
        begun = time.process_time()
        try:
            value = self.make(key)
            error = None
            # what cannot be sent would be lost, and waited for without end
            if not self.sent:
                pickle.dumps(value)
                self.sent = True
        except Exception as failure:  # noqa: BLE001 - the training raises it at its step
            value = None
            error = _sendable(failure)
        return _One(value, error, time.process_time() - begun)


def _sendable(error: Exception) -> Exception:
    """The error; an unforeseen one gets its traceback as a note, as it is lost on the way."""
    if not isinstance(error, DefocusError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own object
    except Exception:  # noqa: BLE001 - an exception may refuse to be made again in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _pinned(value: Any) -> Any:  # noqa: ANN401 - whatever is made
    pin = getattr(value, "pin_memory", None)
    return value if pin is None else pin()


def _as_it_is(one: Any) -> Any:  # noqa: ANN401 - a thing, not a list that is to be stacked
    return one


def _begin(
    settings: dict[str, Any],
    environment: dict[str, str],
    folder: str,
    worker: int,
) -> None:
    """Prepare a worker process; only the first one's messages are shown."""
    # Signals to a group of processes, as of Ctrl-C, are for the training, which ends its workers.
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    quiet = settings["quiet"] or worker > 0
    begin_worker({**settings, "quiet": quiet}, environment, folder)
    # a thread sends what is made; by itself it would drop what it cannot, which is waited for
    Queue._on_queue_feeder_error = staticmethod(_end_unsent)  # type: ignore[attr-defined]


CANNOT_SEND = 74
"""Exit code of a worker that cannot send what it has made; a system's own are below it."""


def _end_unsent(_error: Exception, _unsent: object) -> None:
    os._exit(CANNOT_SEND)


def _arrived(one: "Future[_One[MadeT]]", processes: set[BaseProcess]) -> _One[MadeT]:
    try:
        return one.result()
    except (
        RuntimeError,
        OSError,
        EOFError,
    ) as error:  # as a dead worker shows in a DataLoader
        wait([one.sentinel for one in processes], timeout=1.0)
        died = [one.exitcode for one in processes if one.exitcode is not None]
        if not died:
            raise
        raise MakerDiedError(_how(died[0])) from error


SHARED_IS_SMALL = ", because the shared memory (/dev/shm) is too small"
WHY_ENDED = {
    "SIGKILL": ", perhaps because memory ran out",
    "SIGBUS": SHARED_IS_SMALL,
}
"""Reasons why the system ends a process, by the name of the signal."""


def _how(code: int) -> str:
    """Words on an exit code, and what to do."""
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    why = SHARED_IS_SMALL if code == CANNOT_SEND else WHY_ENDED.get(name, "")
    return (
        f"a process that makes batches has ended ({name}){why}; run the same command again, with "
        "fewer --workers if it happens again"
    )


def _end(results: Any, processes: set[BaseProcess]) -> None:  # noqa: ANN401 - torch's iterator is private
    """Let workers finish what they make, and end those that do not."""
    results._shutdown_workers()  # what its __del__ does, at a time that nothing else decides
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()
