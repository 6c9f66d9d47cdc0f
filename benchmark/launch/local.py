"""Several runs at once on one machine: one process per GPU."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from defocus.benchmark.launch.jobs import LOG, job_command, prepare_job
from defocus.benchmark.lock import is_locked
from defocus.progress import say

__all__ = ["run_in_slots", "slots"]

VISIBLE = "CUDA_VISIBLE_DEVICES"
GRACE_SECONDS = 60.0
"""What processes get to save their state when the study is interrupted."""


def slots() -> list[str]:
    """The GPUs that may be used, as ``CUDA_VISIBLE_DEVICES`` names them; one slot without any."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [one.strip() for one in named.split(",") if one.strip()] or [""]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())] or [""]


def run_in_slots(out: Path, runs: Sequence[str], places: Sequence[str]) -> Iterator[str]:
    """Carry runs out, one process per slot, and give the id of each when it has ended.

    An interruption ends the processes; each saves its state first.

    Args:
        out: Folder of the study.
        runs: Ids.
        places: What ``CUDA_VISIBLE_DEVICES`` is in each slot.
    """
    waiting, free = list(runs), list(places)
    working: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
    try:
        while waiting or working:
            while waiting and free:
                place, run = free.pop(0), waiting.pop(0)
                working[run] = (place, _started(out, run, place))
            ended = [run for run, (_, process) in working.items() if process.poll() is not None]
            for run in ended:
                free.append(working.pop(run)[0])
                yield run
            if not ended:
                time.sleep(0.1)
    finally:
        _end([process for _, process in working.values()])


def _started(out: Path, run: str, place: str) -> "subprocess.Popen[bytes]":
    folder = prepare_job(out, run)
    if is_locked(folder):
        say(f"{run}: a process of an earlier start still works on it")
    say(f"{run} begins{f' on GPU {place}' if place else ''}; {folder / LOG}")
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            job_command(out, run),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, VISIBLE: place},
        )


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
