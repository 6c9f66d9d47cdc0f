"""Where a study stands, run by run; nothing is computed and no dataset is opened."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from defocus.benchmark.launch.jobs import job_folder
from defocus.benchmark.lock import is_locked
from defocus.benchmark.results import Entry, read_results
from defocus.benchmark.run_folder import run_folder, steps_done
from defocus.errors import InputError
from defocus.progress import counted
from defocus.reports.model import Column, Table

__all__ = ["Standing", "standing_of", "standing_table"]

State = Literal["finished", "not-applicable", "failed", "at work", "begun", "waiting"]


@dataclass(frozen=True)
class Standing:
    """Where one run stands.

    Attributes:
        run: Its id.
        system, dataset, seed: Of the run.
        state: ``at work`` where a process has the run's own folder; ``begun`` where a checkpoint
            lies and nobody works on it alone.
        step, steps: Of the training; None where there is none, or it has not begun.
        reason: Why it failed or does not apply, else empty.
    """

    run: str
    system: str
    dataset: str
    seed: int
    state: State
    step: int | None = None
    steps: int | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def standing_of(out: Path) -> list[Standing]:
    """Where each run stands that was asked for the last time.

    Raises:
        InputError: There is no study in the folder.
    """
    path = out / "study.json"
    if not path.is_file():
        raise InputError(f"{out}: no study there; check --out")
    runs: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"]
    entries = _entries(out)
    return [_standing(out, run, facts, entries.get(run)) for run, facts in runs.items()]


def _entries(out: Path) -> dict[str, Entry]:
    store = out / "results.sqlite"
    if not store.is_file():
        return {}
    with read_results(store) as results:
        return {entry.run: entry for entry in results.entries()}


def _standing(out: Path, run: str, facts: dict[str, Any], entry: Entry | None) -> Standing:
    folder = job_folder(out, run)
    place = run_folder(folder if folder.is_dir() else out, run)
    step, steps = steps_done(place) or (None, (facts.get("schedule") or {}).get("steps"))
    state, reason = _state(entry, begun=step is not None, working=is_locked(folder))
    return Standing(
        run, facts["system"], facts["dataset"], facts["seed"], state, step, steps, reason
    )


def _state(entry: Entry | None, *, begun: bool, working: bool) -> tuple[State, str]:
    if working:
        return "at work", ""
    if entry is None:
        return ("begun" if begun else "waiting"), ""
    if entry.scored:
        return "finished", ""
    kind, _, reason = entry.status.partition(": ")
    return ("failed" if kind == "failed" else "not-applicable"), reason


def standing_table(standings: list[Standing], *, working: bool) -> Table:
    """The same as a table.

    Args:
        standings: Of all runs.
        working: Whether a process works in the study's folder.
    """
    columns = (
        Column("Run"), Column("Dataset"), Column("State"), Column("Step"), Column("Reason")
    )  # fmt: skip
    rows = tuple(
        (one.run, one.dataset, one.state, _steps(one), one.reason or "-") for one in standings
    )
    found = Counter(one.state for one in standings)
    note = ", ".join(f"{number} {state}" for state, number in found.items())
    busy = "a process works in this folder" if working else "no process works in this folder"
    return Table(counted(len(standings), "run"), columns, rows, f"{note}; {busy}")


def _steps(one: Standing) -> str:
    if one.steps is None:
        return "-"
    return f"{one.step or 0} of {one.steps}"
