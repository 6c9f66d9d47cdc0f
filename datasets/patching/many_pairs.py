"""Packing of many pairs: read in processes, in their order; and how much disk it takes."""

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import parent_process
from pathlib import Path
from typing import TypeVar

from defocus.cluster.dispatcher import each
from defocus.datasets.pair import Pair, by_id
from defocus.processes.isolation import LeftOut
from defocus.processes.workers import usable_cores
from defocus.progress import say

R = TypeVar("R")

TOGETHER = 32
"""Number of pairs that are read before they are written; those of DPDD take 0.8 GB of memory."""

SPARE_BYTES = 256 * 1024

MANY_BYTES = 10**9
"""Size of what is written, in bytes, from which a message says how much disk it takes."""


def each_in_order(
    work: Callable[[Pair], R], pairs: Sequence[Pair]
) -> Iterator[tuple[str, R | LeftOut]]:
    """The result of each pair; of many pairs several are worked on at once."""
    # Few are done sooner than processes start; a process of others leaves the cores to these.
    alone = len(pairs) <= TOGETHER or parent_process() is not None
    processes = 1 if alone else usable_cores()
    for first in range(0, len(pairs), TOGETHER):
        items = by_id(pairs[first : first + TOGETHER])
        if alone:
            yield from each(work, items, 1)
            continue
        results = dict(each(work, items, processes))
        yield from ((name, results[name]) for name in items)


def require_space(folder: Path, size: int) -> None:
    """Raise OSError for a full disk before HDF5 does, which could not close the file."""
    if shutil.disk_usage(folder).free < size + SPARE_BYTES:
        raise OSError(errno.ENOSPC, "no space left", str(folder))


def say_size(text: str, size: int, folder: Path) -> None:
    """Say what takes the bytes that will be written to a folder, if they are many."""
    if size >= MANY_BYTES:
        free = shutil.disk_usage(folder).free
        say(f"{text} in {folder}, where {free / 1e9:.1f} GB are free")
