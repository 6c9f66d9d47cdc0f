"""Takes pairs with planted faults to a release by the commands; says which arrive there."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from defocus.reading import read_json
from defocus.storage.files import make_folder

CARD = """
title = "Pairs with planted faults"
authors = ["Nobody"]
licence = "CC-BY-4.0"
faces = "none"
date = "2026-01-01"
"""


def released_by_session(root: Path) -> set[int]:
    """Numbers of the pairs of a card, imported as a session, that reach a release."""
    if not (root / "imported").exists():
        run("datasets", "import", root / "session", "--out", root / "imported")
    numbers = numbers_of(root / "session")
    names = chain(root / "by-session", f"manifest:{root / 'imported'}")
    return {numbers[name] for name in names}


def released_by_folders(root: Path) -> set[int]:
    """Numbers of the pairs of two folders that reach a release."""
    names = chain(root / "by-pairs", f"pairs:{root / 'pairs'}")
    return {int(name[1:]) for name in names}


def chain(folder: Path, dataset: str) -> set[str]:
    """Names of the pairs that reach a release by four commands, whose seconds go to stdout."""
    card = make_folder(folder) / "card.toml"
    card.write_text(CARD, encoding="utf-8")
    aligned = folder / "aligned"
    curated = folder / "curated"
    release = folder / "release"
    to_folder = ("--to", "folder", "--out", release)
    steps: dict[str, tuple[str | Path, ...]] = {
        "audit": (dataset, "--out", folder / "audit"),
        "compensate": (dataset, "--out", aligned),
        "curate": (f"manifest:{aligned}", "--out", curated),
        "package": (f"manifest:{curated}", *to_folder, "--card", card),
    }
    if not (release / "manifest.json").exists():
        _run_steps(folder, steps)
    pairs = read_json(release / "manifest.json")["pairs"]
    return {str(pair["id"]) for pair in pairs}


def _run_steps(folder: Path, steps: Mapping[str, Sequence[str | Path]]) -> None:
    """Run the commands, and print how long each took."""
    spent = []
    total = 0.0
    for verb, words in steps.items():
        seconds = run("datasets", verb, *words)
        spent.append(f"{verb} {seconds:.0f}")
        total += seconds
    parts = ", ".join(spent)
    click.echo(f"{folder}: {total:.0f} s ({parts})")


def run(program: str, *arguments: str | Path) -> float:
    """Run a command and return its seconds; a damaged file is an exit code, so the others go on."""
    begin = time.monotonic()
    command = [sys.executable, "-m", f"defocus.{program}", *map(str, arguments), "-q"]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def numbers_of(session: Path) -> dict[str, int]:
    """Number of each pair of a session by its name; the minute of its time is the number."""
    files = sorted(session.glob("pairs/*/pair.json"))
    return {path.parent.name: number_of(path) for path in files}


def number_of(pair_json: Path) -> int:
    """Number of a pair, from the minute of its time."""
    roles = read_json(pair_json)["roles"]
    *_, time_of_day = roles["blurry"]["exif"]["taken"].split(" ")
    hours, minutes, _ = map(int, time_of_day.split(":"))
    return 60 * hours + minutes
