"""CPU time and peak memory of several implementations, each in a fresh process.

Seconds on a busy machine are unreliable; ratios of CPU time within one run, on one thread, are
better. Each implementation runs in its own process with clean memory, because memory freed by the
first would hide what the second needs.
"""

import multiprocessing
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

__all__ = ["MeasuredWay", "Way", "Work", "compared", "cpu_seconds", "table"]

Work: TypeAlias = Callable[[], object]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
RETURNED_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
"""Lets glibc give freed memory back, so that the peak is what the work holds, not what it held."""
HIGH_WATER = "5"
"""What resets the peak in Linux's /proc/self/clear_refs."""


@dataclass(frozen=True)
class Way:
    """One implementation to be measured.

    Attributes:
        name: Name in the table.
        prepare: A module's function that makes the inputs and returns the work to be measured.
    """

    name: str
    prepare: Callable[[], Work]


@dataclass(frozen=True)
class MeasuredWay:
    """Time and memory of an implementation.

    Attributes:
        name: Name of the implementation.
        cpu_seconds: CPU seconds, the minimum of the repeats.
        peak_mib: Increase of memory during the second run; None if the system does not report it.
    """

    name: str
    cpu_seconds: float
    peak_mib: float | None


def compared(ways: Sequence[Way], *, threads: int = 1, repeats: int = 3) -> list[MeasuredWay]:
    """Measure each implementation in separate processes, one after the other.

    Args:
        ways: The implementations to compare.
        threads: Number of threads of each process.
        repeats: Number of timed runs after a warm-up.
    """
    environment = dict.fromkeys(THREAD_VARIABLES, str(threads))
    results = []
    for way in ways:
        seconds = cpu_seconds(way, threads=threads, repeats=repeats)
        peak = _in_fresh_process(partial(_peak_mib, way), environment | RETURNED_AT_ONCE)
        results.append(MeasuredWay(way.name, seconds, peak))
    return results


def cpu_seconds(way: Way, *, threads: int = 1, repeats: int = 3) -> float:
    """CPU time of one implementation in a fresh process: the minimum after a warm-up."""
    environment = dict.fromkeys(THREAD_VARIABLES, str(threads))
    seconds = _in_fresh_process(partial(_cpu_seconds, way, repeats), environment)
    assert seconds is not None
    return seconds


def _in_fresh_process(
    work: Callable[[], float | None], environment: Mapping[str, str]
) -> float | None:
    kept = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(work).result()
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _cpu_seconds(way: Way, repeats: int) -> float:
    work = way.prepare()
    work()
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _peak_mib(way: Way) -> float | None:
    work = way.prepare()
    work()  # loads libraries and compiles kernels
    before = _memory_mib("VmRSS")
    _reset_peak()
    work()
    peak = _memory_mib("VmHWM")
    return None if before is None or peak is None else peak - before


def _reset_peak() -> None:
    file = Path("/proc/self/clear_refs")
    if file.exists():
        file.write_text(HIGH_WATER)


def _memory_mib(entry: str) -> float | None:
    """An entry of this process's status, MiB."""
    file = Path("/proc/self/status")
    if not file.exists():
        return None
    found = re.search(rf"^{entry}:\s+(\d+) kB", file.read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else None


def table(results: Sequence[MeasuredWay]) -> str:
    """A Markdown table; ratios are to the first result."""
    first = results[0].cpu_seconds
    lines = ["| way | CPU s | times faster | peak MiB |", "| --- | ---: | ---: | ---: |"]
    for result in results:
        peak = "unknown" if result.peak_mib is None else f"{result.peak_mib:.0f}"
        ratio = first / result.cpu_seconds
        lines.append(f"| {result.name} | {result.cpu_seconds:.3f} | {ratio:.2f} | {peak} |")
    return "\n".join(lines)
