"""Local launcher: one process per GPU of this computer."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from defocus.benchmark.launch.jobs import LOG, job_command, job_folder, prepare_job
from defocus.benchmark.results.lock import is_locked
from defocus.progress import say
from defocus.training.stopping import stop_asked

__all__ = ["run_in_slots", "slots"]

VISIBLE = "CUDA_VISIBLE_DEVICES"
GRACE_SECONDS = 60.0
"""What processes get to save their state when the study is interrupted."""

STOPPING = f"the runs are told to save their state; after {GRACE_SECONDS:g} s they are killed"


def slots() -> list[str]:
    """The usable GPUs as ``CUDA_VISIBLE_DEVICES`` names them; one slot if there is none."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [one.strip() for one in named.split(",") if one.strip()] or [""]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())] or [""]


def run_in_slots(
    out: Path, runs: Sequence[str], places: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Run a process per slot (``CUDA_VISIBLE_DEVICES``); yield id and exit code of each."""
    # Stop signals end the processes, and each saves its state first. A process of an earlier start
    # that still works on a run is left alone until it ends.
    waiting, free = list(runs), list(places)
    working: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
    for run in waiting:
        if is_locked(job_folder(out, run)):
            say(
                f"{run}: a process of an earlier start still works on it; its result follows when "
                "that ends"
            )
    with stop_asked(STOPPING) as stop:
        try:
            while (waiting or working) and not stop:
                ready = [run for run in waiting if not is_locked(job_folder(out, run))]
                for run in ready[: len(free)]:
                    waiting.remove(run)
                    place = free.pop(0)
                    working[run] = (place, _started(out, run, place))
                ended = {run: one.returncode for run, (_, one) in working.items() if _ended(one)}
                for run, code in ended.items():
                    free.append(working.pop(run)[0])
                    yield run, code
                if not ended:
                    time.sleep(0.1)
        finally:
            _end([process for _, process in working.values()])


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is not None


def _started(out: Path, run: str, place: str) -> "subprocess.Popen[bytes]":
    """Start a process in its own session: Ctrl-C reaches only us, and it can save its state."""
    folder = prepare_job(out, run)
    say(f"{run} begins{f' on GPU {place}' if place else ''}; {folder / LOG}")
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            job_command(out, run),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, VISIBLE: place},
            start_new_session=True,
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
