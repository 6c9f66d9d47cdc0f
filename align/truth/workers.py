"""Worker processes that end with their parent process."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from typing import TypeVar

__all__ = ["in_parallel"]

R = TypeVar("R")


def in_parallel(
    work: Callable[[int], R], numbers: Sequence[int], jobs: int
) -> Iterator[tuple[int, R]]:
    """Yield each number with what ``work`` makes of it, in the order in which it is done.

    Args:
        work: Travels to the processes by pickling.
        numbers: What is to be done.
        jobs: Processes; with 1 this one does it.
    """
    if min(jobs, len(numbers)) <= 1:
        yield from ((number, work(number)) for number in numbers)
        return
    # forked processes would inherit the threads of torch in whatever state they are
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin) as pool:
        running = {pool.submit(work, number): number for number in numbers}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """One thread for each process, since they share the machine; none outlives its parent."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """A worker whose parent was killed waits for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
