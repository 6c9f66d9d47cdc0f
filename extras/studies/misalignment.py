"""Effect of misalignment: scores as a function of injected shift and zoom."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from defocus.baselines.card import Baseline
from defocus.baselines.recipe import BudgetName
from defocus.benchmark.leaderboard.columns import column
from defocus.benchmark.results.store import Results
from defocus.benchmark.study.expansion import open_for_study
from defocus.benchmark.study.outcome import Outcome
from defocus.benchmark.study.plan import Override, Run, Study, plan_runs
from defocus.benchmark.study.run import run_studies
from defocus.datasets.opening import readable
from defocus.datasets.pair import SPLITS
from defocus.extras.studies.displaced import displaced
from defocus.extras.studies.means import mean_psnr, runs_by_system
from defocus.extras.studies.sections.misalignment import MISALIGNMENT
from defocus.processes.machines import Where
from defocus.reports.model import Column, Table
from defocus.storage.files import require_writable, write_json_if_changed


@dataclass(frozen=True)
class Condition:
    """One amount of misalignment and the results of training with it."""

    shift_px: float  # injected shift, px
    zoom: float  # injected zoom, as a difference from 1
    # PSNR by system against the truth, dB, mean over pictures and seeds; None if a system does not
    # train with it
    psnr: dict[str, float | None]

    def to_json(self) -> dict[str, object]:
        """The fields as JSON values."""
        return asdict(self)


def conditions(
    shifts: Sequence[float],
    zooms: Sequence[float],
) -> list[tuple[float, float]]:
    """Each shift without zoom, then each zoom without shift; each only once."""
    wanted = [*product(shifts, [0.0]), *product([0.0], zooms)]
    return list(dict.fromkeys(wanted))


def misalignment_plan(
    out: Path,
    dataset: str,
    systems: Sequence[Baseline],
    budget: BudgetName,
    seeds: int,
    override: Override,
    amounts: Sequence[tuple[float, float]],
) -> list[Study]:
    """Studies of systems that are trained with each shift (px) and zoom, one per amount."""
    opened = readable(open_for_study(dataset), *SPLITS)
    studies = []
    for shift_px, zoom in amounts:
        moved = displaced(opened, shift_px, zoom)
        runs = plan_runs(systems, moved, budget, seeds=seeds, override=override)
        studies.append(Study(out, moved, runs))
    return studies


def misalignment_study(
    studies: Sequence[Study],
    dataset: str,
    amounts: Sequence[tuple[float, float]],
    where: Where | None = 1,
) -> tuple[list[Condition], Outcome]:
    """Train and evaluate the planned studies, one per amount; finished work is not repeated."""
    out = studies[0].out
    require_writable(out)
    rows: list[Condition] = []

    def conclude(results: Results) -> None:
        for (shift_px, zoom), study in zip(amounts, studies, strict=True):
            psnr = _by_system(results, study.runs)
            rows.append(Condition(shift_px, zoom, psnr))
        write_json_if_changed(out / MISALIGNMENT, misalignment_document(dataset, rows))

    outcome = run_studies(studies, conclude=conclude, where=where)
    outcome.require_complete()
    return rows, outcome


def misalignment_document(dataset: str, rows: Sequence[Condition]) -> dict[str, Any]:
    """Content of ``misalignment.json``, as JSON values."""
    return {"dataset": dataset, "conditions": [one.to_json() for one in rows]}


def _by_system(results: Results, runs: Sequence[Run]) -> dict[str, float | None]:
    psnr = {}
    for name, own in runs_by_system(runs).items():
        psnr[name] = mean_psnr(results, own, "truth")
    return psnr


def misalignment_table(all_conditions: Sequence[Condition]) -> Table:
    """The results as a table: a row per condition, a column per system."""
    systems = tuple(all_conditions[0].psnr)
    columns = (
        Column("Shift", "px", None, 2),
        Column("Zoom", "%", None, 2),
        *(column("psnr", name) for name in systems),
    )
    rows = []
    for one in all_conditions:
        scores = [one.psnr[name] for name in systems]
        rows.append((one.shift_px, 100 * one.zoom, *scores))
    note = "PSNR against the truth; every line restores the same pictures"
    return Table.of("Score against injected misalignment", columns, rows, note)
