"""Request of a study: names and paths from the command line become objects."""

from collections.abc import Sequence
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.recipe import BudgetName
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.weights.store import StoredWeights, find_weights, shipped_weights
from defocus.benchmark.study.document import ObjectiveChoice, StudyDocument
from defocus.benchmark.study.expansion import open_for_study
from defocus.benchmark.study.plan import Override, Study, plan_runs, plan_weights, select
from defocus.files import require_writable
from defocus.settings import load_settings

__all__ = ["document_of", "study_of", "weighted_systems"]


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
    start: str | None = None,
    workers: int | None = None,
) -> Study:
    """Make the study of a command line; exact ``names`` go before the patterns in ``only``."""
    require_writable(out)
    override = (load_settings(Override, settings) if settings else Override()).for_this_device()
    if workers is not None:
        override = override.with_workers(workers)
    if names:
        systems = [baseline(name) for name in sorted(set(names))]
    else:
        systems = select(all_baselines(), only, variants=variants)
    opened = open_for_study(dataset)
    if weights is not None:
        found = find_weights(systems[0], weights)
        run = plan_weights(systems[0], found, opened)
        return Study(out, opened, [run], ["--dataset", dataset, "--weights", found.label])
    begun = find_weights(systems[0], start) if start is not None else None
    runs = plan_runs(systems, opened, budget, seeds=seeds, override=override, start=begun)
    options = ["--dataset", dataset, "--budget", budget]
    options += ["--settings", str(settings)] if settings else []
    options += ["--from", begun.label] if begun else []
    return Study(out, opened, runs, options)


def weighted_systems(names: Sequence[str], weights: str) -> list[tuple[Baseline, StoredWeights]]:
    """Systems with the weights (``own``, a label or file) that they are evaluated with."""
    if names:
        systems = [baseline(name) for name in dict.fromkeys(names)]
        return [(system, find_weights(system, weights)) for system in systems]
    shipped = [(system, shipped_weights(system)) for _, system in sorted(all_baselines().items())]
    return [(system, found) for system, found in shipped if found is not None]


def document_of(
    datasets: Sequence[str],
    budget: BudgetName,
    only: Sequence[str],
    seeds: int,
    settings: Path | None,
    *,
    variants: bool,
    objectives: Sequence[str] = (),
) -> tuple[StudyDocument, list[str]]:
    """Make the document of a study from the options of ``run``."""
    # Returns the options too that other commands need to name its runs.
    override = load_settings(Override, settings) if settings else Override()
    document = StudyDocument(
        datasets=tuple(datasets),
        systems=tuple(only),
        variants=variants,
        seeds=seeds,
        budget=budget,
        schedule=override.schedule,
        training=override.training,
        objectives=_tables(objectives),
    )
    if override.estimator is not None:
        document = document.model_copy(update={"estimator": override.estimator})
    options = ["--budget", budget]
    return document, [*options, "--settings", str(settings)] if settings else options


def _tables(objectives: Sequence[str]) -> dict[str, ObjectiveChoice]:
    """The tables of a study's file for objectives without settings."""
    labels = {name: name.replace("_", "-") for name in objectives}
    return {
        label: ObjectiveChoice(objective=None if label == name else name)
        for name, label in labels.items()
    }
