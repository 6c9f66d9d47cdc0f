"""Train on one dataset and test on others."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.extras.studies.means import mean_psnr, runs_by_system
from defocus.processes.machines import Where
from defocus.reports.model import Column, Table
from defocus.storage.files import require_writable, write_json_if_changed

PROTOCOLS = ("gt", "input-aligned", "truth")


@dataclass(frozen=True)
class Crossed:
    """Result of one system, trained on one dataset and tested on one."""

    system: str  # its name
    train_dataset: (
        str  # name of the training dataset; empty for a system that does not train
    )
    dataset: str  # name of the dataset it was tested on
    # PSNR by protocol, dB, mean over pictures and seeds; None if there is no target
    psnr: dict[str, float | None]

    def to_json(self) -> dict[str, object]:
        """The fields as JSON values."""
        return asdict(self)


def generalisation_plan(
    out: Path,
    train: str,
    tests: Sequence[str],
    systems: Sequence[Baseline],
    budget: BudgetName,
    seeds: int,
    override: Override,
) -> list[Study]:
    """Studies that train on one dataset and test there and on others, one per dataset."""
    home = open_for_study(train)
    others = list(map(open_for_study, tests))
    for other in others:
        if other.content_hash == home.content_hash:
            raise InputError(
                f"{other.name} is what is trained on; name another one for --test"
            )
    runs = plan_runs(systems, home, budget, seeds=seeds, override=override)
    study = Study(out, home, runs)
    return [study, *(evaluated_on(study, other) for other in others)]


def generalisation_study(
    studies: Sequence[Study],
    train: str,
    where: Where | None = 1,
) -> tuple[list[Crossed], Outcome]:
    """Train on one dataset, test there and on the others; finished work is not repeated."""
    out = studies[0].out
    require_writable(out)
    rows: list[Crossed] = []

    def conclude(results: Results) -> None:
        for part in studies:
            rows.extend(_read(part, results))
        write_json_if_changed(
            out / "generalise.json",
            generalisation_document(train, rows),
        )

    outcome = run_studies(studies, conclude=conclude, where=where)
    outcome.require_complete()
    return rows, outcome


def generalisation_document(train: str, results: Sequence[Crossed]) -> dict[str, Any]:
    """Content of ``generalise.json``, as JSON values."""
    return {"train_dataset": train, "results": [one.to_json() for one in results]}


def evaluated_on(home: Study, dataset: Dataset) -> Study:
    """Runs that evaluate the same trainings on another dataset."""

    def on_dataset(text: str) -> str:
        basis = f"{text} {dataset.content_hash}"
        return hashlib.sha256(basis.encode()).hexdigest()[:16]

    def moved(run: Run) -> Run:
        digest = on_dataset(run.id)[:8]
        return replace(run, id=f"{run.system}-{digest}", group=on_dataset(run.group))

    runs = list(map(moved, home.runs))
    return Study(home.out, dataset, runs, home=home)


def _read(study: Study, results: Results) -> list[Crossed]:
    rows = []
    for name, runs in runs_by_system(study.runs).items():
        psnr = {protocol: mean_psnr(results, runs, protocol) for protocol in PROTOCOLS}
        trained_on = study.trained(runs[0])[0].dataset.name if runs[0].recipe else ""
        rows.append(Crossed(name, trained_on, study.dataset.name, psnr))
    return rows


def generalisation_table(results: Sequence[Crossed]) -> Table:
    """The results as a table."""
    columns: tuple[Column | str, ...] = (
        "System",
        "Trained on",
        "Tested on",
        *(column("psnr", f"PSNR, {protocol}") for protocol in PROTOCOLS),
    )
    rows = tuple(
        (one.system, one.train_dataset or "-", one.dataset, *one.psnr.values())
        for one in results
    )
    note = (
        "mean over the test pictures of each dataset; its own test pictures come first"
    )
    return Table.of("Trained on one dataset, tested on others", columns, rows, note)
