"""Time and memory of a dataset's way from its audit to its report.

``python -m tests.speed.programs.curation --pairs 500 --jobs 2`` prints a Markdown
table. It makes pairs of 1680 × 1120 px, each of its own noise, shifted and blurred by other
amounts, and starts the five commands one after the other with an empty cache folder, each as a
process, imports included.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from defocus.errors import DefocusError
from defocus.files import make_folder
from defocus.images import Image, write_image
from defocus.optics.psf import disc_psf

__all__ = ["CommandCost", "chain", "main", "table", "write_pairs"]

SIZE = (1120, 1680)
OCTAVES = 6
BORDER_PX = 8
LOOK_S = 0.1
"""Time between two looks at the processes of a command; what they take after the last is missed."""


@dataclass(frozen=True)
class CommandCost:
    """What a command took.

    Attributes:
        command: Its name.
        seconds: From its start to its end.
        cpu_seconds: Of all its processes.
        peak_mib: Resident memory of the largest one.
    """

    command: str
    seconds: float
    cpu_seconds: float
    peak_mib: float


def write_pairs(root: Path, pairs: int, size: tuple[int, int] = SIZE) -> None:
    """Write pairs of 8 bits of a height and width, for ``pairs:ROOT``."""
    folders = [make_folder(root / role) for role in ("blurry", "sharp")]
    for number in range(pairs):
        draws = np.random.default_rng(number)
        scene = _scene(draws, (size[0] + 2 * BORDER_PX, size[1] + 2 * BORDER_PX))
        blurred = cv2.filter2D(scene, -1, disc_psf(float(draws.uniform(3, 9))))
        top, left = (int(one) for one in draws.integers(0, 2 * BORDER_PX, 2))
        members = (blurred, top, left), (scene, BORDER_PX, BORDER_PX)
        for folder, (picture, y, x) in zip(folders, members, strict=True):
            cut = np.asarray(picture[y : y + size[0], x : x + size[1]], np.uint8)
            write_image(folder / f"{number:04}.png", np.ascontiguousarray(cut))


def _scene(draws: np.random.Generator, size: tuple[int, int]) -> Image:
    """Noise of several sizes."""
    total = np.zeros((*size, 3), np.float32)
    for octave in range(OCTAVES):
        side = tuple(-(-one // 2**octave) for one in size)
        noise = draws.normal(0.0, 1.0, (*side, 3)).astype(np.float32)
        total += 2**octave * np.asarray(cv2.resize(noise, size[::-1]))
    return np.asarray(np.clip(128 + total * (40 / total.std()), 0, 255), np.uint8)


def chain(dataset: str, out: Path, jobs: int, cache: Path) -> list[CommandCost]:
    """Audit, compensate, curate, split and report a dataset.

    Raises:
        DefocusError: A command failed.
    """
    steps = {
        "audit": dataset,
        "compensate": dataset,
        "curate": f"manifest:{out / 'compensate'}",
        "split": f"manifest:{out / 'curate'}",
        "report": f"manifest:{out / 'split'}",
    }
    environment = {**os.environ, "DEFOCUS_CACHE": str(cache)}
    done = []
    for command, given in steps.items():
        words = [command, given, "--out", str(out / command), "--jobs", str(jobs)]
        done.append(_started(command, words, environment))
    return done


def _started(command: str, words: Sequence[str], environment: dict[str, str]) -> CommandCost:
    began = time.monotonic()
    taken: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "defocus.datasets", *words],
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        while process.poll() is None:
            taken |= _taken_below(str(process.pid))
            time.sleep(LOOK_S)
        seconds = time.monotonic() - began
        if process.returncode:
            said.seek(0)
            told = said.read().decode(errors="replace")[-300:]
            raise DefocusError(f"defocus-data {' '.join(words)}: {told}")
    cpu_s, peaks_mib = zip(*taken.values(), strict=True)
    return CommandCost(command, seconds, sum(cpu_s), max(peaks_mib))


def _taken_below(number: str) -> dict[str, tuple[float, float]]:
    """CPU seconds and peak memory in MiB of a process and all below it, by number.

    Workers are no children of the command, so the system does not add what they take to it.
    """
    found = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        folder = Path("/proc", number)
        ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        status = (folder / "status").read_text().partition("VmHWM:")[2].split()
        children = (folder / "task" / number / "children").read_text().split()
        if status:  # else it is ending
            cpu_s = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            found[number] = cpu_s, int(status[0]) / 1024
        for child in children:
            found |= _taken_below(child)
    return found


def table(steps: Sequence[CommandCost], pairs: int) -> str:
    """A Markdown table of the steps and their sum."""
    whole = CommandCost(
        "all",
        sum(one.seconds for one in steps),
        sum(one.cpu_seconds for one in steps),
        max(one.peak_mib for one in steps),
    )
    lines = [
        "| command | s | CPU s | CPU s per pair | largest process, MiB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {one.command} | {one.seconds:.1f} | {one.cpu_seconds:.1f} "
        f"| {one.cpu_seconds / pairs:.2f} | {one.peak_mib:.0f} |"
        for one in (*steps, whole)
    ]
    return "\n".join(lines)


@click.command()
@click.option("--pairs", default=30, show_default=True, type=click.IntRange(1), help="Pairs.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Processes.")
def main(pairs: int, jobs: int) -> None:
    """Measure the five commands, print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pairs(folder / "pairs", pairs)
        steps = chain(f"pairs:{folder / 'pairs'}", folder / "out", jobs, folder / "cache")
    click.echo(table(steps, pairs))


if __name__ == "__main__":
    main()
