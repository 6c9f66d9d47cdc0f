"""From what a person types to a study: names and paths become objects here."""

from collections.abc import Sequence
from pathlib import Path

from defocus.baselines.recipe import BudgetName
from defocus.baselines.registry import all_baselines, baseline
from defocus.benchmark.attempt import Study
from defocus.benchmark.plan import Override, plan_runs, plan_weights, select
from defocus.benchmark.weights.store import find_weights
from defocus.datasets.api import open_dataset
from defocus.settings import load_settings

__all__ = ["study_of"]


def study_of(
    out: Path,
    dataset: str,
    budget: BudgetName,
    *,
    names: Sequence[str] = (),
    only: Sequence[str] = (),
    variants: bool = False,
    seeds: int = 1,
    settings: Path | None = None,
    weights: str | None = None,
) -> Study:
    """The study that a command line asks for.

    Args:
        out: Folder of the study.
        dataset: ``READER:PATH``, ``sample`` or ``sample:strong``.
        budget: How long to train.
        names: Exact names of systems; empty to choose by the next two.
        only: Shell patterns against names; empty for all.
        variants: Whether all includes variants.
        seeds: How many seeds to train.
        settings: TOML file of schedule values.
        weights: Label or file of weights of the one system that is named, to be evaluated.

    Raises:
        InputError: An unknown system, dataset or key, or a wrong value.
    """
    override = load_settings(Override, settings) if settings else None
    if names:
        systems = [baseline(name) for name in sorted(set(names))]
    else:
        systems = select(all_baselines(), only, variants=variants)
    opened = open_dataset(dataset)
    if weights is not None:
        found = find_weights(systems[0], weights)
        run = plan_weights(systems[0], found, opened)
        return Study(out, opened, [run], ["--dataset", dataset, "--weights", found.label])
    runs = plan_runs(systems, opened, budget, seeds=seeds, override=override)
    options = ["--dataset", dataset, "--budget", budget]
    options += ["--settings", str(settings)] if settings else []
    return Study(out, opened, runs, options)
