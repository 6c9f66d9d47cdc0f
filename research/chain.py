"""Seconds, memory and disk of each command from the list of a dataset to the table of a paper.

``python -m research.chain READER:PATH OUT`` prints a line a command and writes ``chain.json``. With
``--scenes``, the first argument is the address of a camera, such as that of ``lab_shots``, and the
commands go from ``shoot`` to ``verify``."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from defocus.storage.files import make_folder, write_json, write_text

SETTINGS = "[schedule]\nsteps = 8\ncrop_px = 256\nbatch = 2\nlearning_rate = 1e-4\n"
"""Settings of a training that only shows what comes before and after it."""

SYSTEMS = [
    "--only",
    "input",
    "--only",
    "wiener",
    "--only",
    "defocus-s",
    "--only",
    "nafnet",
]
CARD = """title = "Pairs of a lab"
authors = [{given = "Jane", family = "Doe"}]
licence = "CC-BY-4.0"
faces = "none"
date = "2026-11-30"
"""
"""Card of a release."""


@dataclass(frozen=True)
class Measured:
    """Cost of a command; ``memory_mb`` is of its largest process, ``disk_mb`` was added."""

    command: str
    code: int
    seconds: float
    cpu_seconds: float
    memory_mb: float
    disk_mb: float


def commands_of(dataset: str, processes: int) -> list[str]:
    """The commands in their order, in words."""
    on = f"--on {processes}"
    study = "--out study"
    trained = f"--dataset {dataset} --budget quick --settings settings.toml"
    return [
        f"defocus-data list {dataset}",
        f"defocus-data audit {dataset} --out audit {on}",
        f"defocus-data compensate {dataset} --out aligned {on}",
        f"defocus-bench run {' '.join(SYSTEMS)} {trained} {study}",
        f"defocus-restore --dataset {dataset} --out restored {on}",
        f"defocus-bench score --restored restored --dataset {dataset} {study} --name mine {on}",
        f"defocus-bench report {study}",
        f"defocus-bench table methods {study}",
    ]


def commands_from_shoot(
    camera: str,
    scenes: int,
    takes: int,
    processes: int,
) -> list[str]:
    """The commands from the first shot to the verified release, in words."""
    on = f"--on {processes}"
    exposure = "--blurry f/2.8 --sharp f/11 --shutter 1/1000 --iso 100 --settle 0"
    number = f"--scenes {scenes} --repeat {takes} --retake never --yes"
    divided = "manifest:divided"
    contents = "--card card.toml --audit divided-audit/audit.json"
    return [
        f"defocus-capture shoot session --camera {camera} {exposure} {number}",
        "defocus-capture check session",
        f"defocus-data import session --out dataset {on}",
        f"defocus-data audit manifest:dataset --out audit {on}",
        f"defocus-data compensate manifest:dataset --out aligned --size common {on}",
        f"defocus-data split manifest:aligned --out divided {on}",
        f"defocus-data patches {divided} --out patches --overlap 0 {on}",
        f"defocus-data audit {divided} --out divided-audit {on}",
        f"defocus-data package {divided} --to folder --out release {contents} {on}",
        f"defocus-data verify release {on}",
        "defocus-data list release:release",
    ]


def measured(
    command: str,
    folder: Path,
    cores: Sequence[int] = (),
) -> Measured:
    """Run a command in a folder, whose cache is there too, on some cores or on all."""
    name, *words = command.split()
    program = Path(sys.executable).with_name(name)
    before = size_of(folder)
    started = time.monotonic()
    with (folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(
            [program, *words],
            cwd=folder,
            env=os.environ
            | {"DEFOCUS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        command,
        process.returncode,
        round(time.monotonic() - started, 1),
        round(usage.ru_utime + usage.ru_stime, 1),
        round(usage.ru_maxrss / 1e3, 1),
        round((size_of(folder) - before) / 1e6, 1),
    )


def from_anywhere(dataset: str) -> str:
    """An address ``READER:PATH`` with its whole path, for commands that run in another folder."""
    reader, _, path = dataset.partition(":")
    return f"{reader}:{Path(path).resolve()}" if path else reader


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    files = [one for one in folder.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def main() -> int:
    """Run the commands one after the other; the exit code is 1 if one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("out", type=Path)
    parser.add_argument("--on", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=0)
    parser.add_argument("--takes", type=int, default=5, help="pairs of each scene")
    asked = parser.parse_args()
    dataset = from_anywhere(asked.dataset)
    folder = make_folder(asked.out)
    write_text(folder / "settings.toml", SETTINGS)
    write_text(folder / "card.toml", CARD)
    commands = commands_of(dataset, asked.on)
    if asked.scenes:
        commands = commands_from_shoot(dataset, asked.scenes, asked.takes, asked.on)
    done = []
    for command in commands:
        done.append(measured(command, folder))
        print(json.dumps(asdict(done[-1])), flush=True)  # noqa: T201 - what the script is for
    write_json(folder / "chain.json", list(map(asdict, done)))
    return int(any(one.code for one in done))


if __name__ == "__main__":
    raise SystemExit(main())
