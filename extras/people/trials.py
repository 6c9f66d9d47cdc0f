"""Trials of a blind comparison: which two pictures, which crop, on which side."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from defocus.benchmark.leaderboard.rows import current_entries
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import STORE, read_results
from defocus.benchmark.statistics.comparable import CEILING
from defocus.errors import InputError
from defocus.storage.files import write_json

PLAN = "judging.json"
"""File in the study's folder that says which system was on which side. It is not part of the
page."""

REPEATED = 0.1
CAUGHT = 0.05
SHARP, BLURRY = "sharp", "blurry"
"""Pictures that a catch trial compares: whoever prefers the blurry one does not look."""


@dataclass(frozen=True)
class Trial:
    """One question."""

    # ``plain``, ``repeat`` (an earlier one with sides changed) or ``catch``
    kind: Literal["plain", "repeat", "catch"]
    pair: str
    # left, right: what is on which side: a system, or ``sharp`` and ``blurry``
    left: str
    right: str
    of: int = -1  # index of the trial that is repeated; -1 otherwise


def plan_trials(
    systems: Sequence[str],
    pairs: Sequence[str],
    many: int,
    seed: int = 0,
) -> list[Trial]:
    """Draw trials: every two systems equally often, pictures in turn, repeats and catches."""
    if len(systems) < 2 or not pairs:
        raise InputError(
            "judging needs two systems and a picture that both have restored"
        )
    draws = np.random.default_rng(seed)
    couples = list(combinations(systems, 2))
    repeats = round(REPEATED * many)
    catches = max(1, round(CAUGHT * many))
    trials = _plain_trials(pairs, many, repeats, catches, couples, draws)
    for _ in range(catches):
        catch = _catch(pairs, draws)
        trials.insert(int(draws.integers(len(trials) + 1)), catch)
    plain = [n for n, one in enumerate(trials) if one.kind == "plain"]
    chosen = draws.choice(plain, min(repeats, len(plain)), replace=False)
    # at the end: they are long after their first
    return trials + [_repeat(trials[n], n) for n in sorted(chosen.tolist())]


def _repeat(first: Trial, number: int) -> Trial:
    """A trial once more, with its sides exchanged."""
    return Trial(
        "repeat",
        first.pair,
        first.right,
        first.left,
        number,
    )


def _catch(pairs: Sequence[str], draws: np.random.Generator) -> Trial:
    """A trial whose answer is known: the sharp picture beside the blurry one."""
    sides = (SHARP, BLURRY) if draws.random() < 0.5 else (BLURRY, SHARP)
    return Trial("catch", pairs[int(draws.integers(len(pairs)))], *sides)


def _plain_trials(
    pairs: Sequence[str],
    many: int,
    repeats: int,
    catches: int,
    couples: list[tuple[str, str]],
    draws: np.random.Generator,
) -> list[Trial]:
    """Trials of two systems each, every two equally often."""
    trials: list[Trial] = []
    for number in range(max(1, many - repeats - catches)):
        if number % len(couples) == 0:
            draws.shuffle(couples)
        sides = couples[number % len(couples)]
        left, right = sides if draws.random() < 0.5 else sides[::-1]
        trials.append(
            Trial("plain", pairs[int(draws.integers(len(pairs)))], left, right)
        )
    return trials


def pictures_of(out: Path) -> dict[str, Path]:
    """Folder of the kept pictures of each system of a study."""
    folders = {}
    with read_results(out / STORE) as results:
        for first, *_ in current_entries(results):
            if first.scored:
                folders[first.system] = run_folder(out, first.run) / "images"
    for name in ("input", CEILING):
        folders.pop(name, None)
    by_name = {name: folder for name, folder in folders.items() if folder.is_dir()}
    if not by_name:
        raise InputError(f"{out}: no kept pictures of any system; run the study again")
    return by_name


def write_plan(out: Path, trials: Sequence[Trial]) -> str:
    """Write the plan into the study's folder; returns the hash by which answers name it."""
    write_json(out / PLAN, list(map(asdict, trials)))
    return plan_hash(trials)


def plan_hash(trials: Sequence[Trial]) -> str:
    """SHA-256 hash of a plan."""
    return hashlib.sha256(json.dumps(list(map(asdict, trials))).encode()).hexdigest()


def read_plan(out: Path) -> list[Trial]:
    """The plan of a study."""
    try:
        return TypeAdapter(list[Trial]).validate_json((out / PLAN).read_bytes())
    except OSError as error:
        raise InputError(
            f"{out}: no page was made for it; use 'judge --page FILE'"
        ) from error
    except ValidationError as error:
        raise InputError(f"{out / PLAN}: damaged; make the page again") from error
