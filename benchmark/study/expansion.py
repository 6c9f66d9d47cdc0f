"""Request and expansion of a study to its runs: datasets × systems × objectives × seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.objective_registry import objectives
from defocus.baselines.registry import all_baselines, baseline, with_objective
from defocus.baselines.scales import at_scales, with_scales
from defocus.baselines.weights.store import find_weights, shipped_weights
from defocus.baselines.wrapping import retrained
from defocus.benchmark.results.lock import require_study_folder
from defocus.benchmark.study.attempt import require_test_pairs
from defocus.benchmark.study.document import ObjectiveChoice, Request, StudyDocument
from defocus.benchmark.study.options import TestedStudy
from defocus.benchmark.study.plan import (
    Run,
    Study,
    plan_runs,
    plan_weights,
    runs_of,
    select,
)
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset, ids_of
from defocus.datasets.seen_pairs import require_unseen, without_seen
from defocus.errors import DatasetError, InputError, SettingsError
from defocus.near_names import meant
from defocus.progress import warn_once

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

JDRL = "jdrl-"
REGISTERED = "registered-"
"""Prefix of the names of systems that train on registered pairs; the name of the network
follows."""
OWN = "own"
"""The objective of a system's own recipe."""


@dataclass(frozen=True)
class Expanded:
    """The studies of the datasets that could be opened, and the problems of the others."""

    studies: Sequence[Study]
    problems: Sequence[InputError] = ()

    @property
    def runs(self) -> list[tuple[Study, Run]]:
        """All runs in their order, each with its study."""
        return runs_of(self.studies)

    def moved(self, out: Path) -> "Expanded":
        """The same runs in another folder; a training that they only evaluate stays where it is."""
        return Expanded([_moved(study, out) for study in self.studies], self.problems)

    def only(self, ids: set[str]) -> "Expanded":
        """The same study with only these runs."""
        kept = []
        for study in self.studies:
            runs = [run for run in study.runs if run.id in ids]
            if runs:
                kept.append(replace(study, runs=runs))
        return Expanded(kept, self.problems)


def _moved(study: Study, out: Path) -> Study:
    evaluates_others = all(run.training is not None for run in study.runs)
    return replace(study, out=out, home=study if evaluates_others else study.home)


def expand(document: StudyDocument, out: Path, options: Sequence[str] = ()) -> Expanded:
    """The runs of a document; ``options`` are for the commands that messages name."""
    chosen = select(all_baselines(), document.systems, variants=document.variants)
    systems = with_objectives(chosen, document.objectives)
    opened, problems = open_several(
        (*document.datasets, *document.misaligned),
        leave_out_seen=document.leave_out_seen,
    )
    if not opened:
        raise problems[0]
    studies: list[Study] = []
    taken: set[str] = set()
    for text, dataset in opened:
        if text in document.misaligned:
            dataset = replace(dataset, misaligned=True)
        compared = _compared(systems, text, document)
        runs = _planned(compared, dataset, document)
        if not taken.isdisjoint(ids_of(runs)):
            dataset = replace(dataset, learnt_hash="")  # another has its training pairs
            runs = _planned(compared, dataset, document)
        taken |= ids_of(runs)
        words = ["--dataset", text, *options] if options else []
        study = Study(out, dataset, runs, words, keep_outputs=document.keep_outputs)
        studies.append(study)
    return Expanded(studies, problems)


def _compared(
    systems: Sequence[Baseline],
    text: str,
    document: StudyDocument,
) -> Sequence[Baseline]:
    """The systems that are compared on a dataset of a document."""
    if text not in document.datasets:
        return around_jdrl(systems, add=not document.systems)
    return with_scales(systems) if document.scales else systems


def open_several(
    texts: Sequence[str],
    *,
    leave_out_seen: bool = False,
) -> tuple[list[tuple[str, Dataset]], list[InputError]]:
    """The datasets of a study, each with its address, and why others cannot be opened."""
    opened: list[tuple[str, Dataset]] = []
    problems: list[InputError] = []
    for text in texts:
        try:
            dataset = open_for_study(text, leave_out_seen=leave_out_seen)
            require_test_pairs(dataset)
            _require_own_name(dataset, [other for _, other in opened])
        except InputError as error:  # the other datasets can still be had
            problems.append(error)
        else:
            opened.append((text, dataset))
    return opened, problems


def open_for_study(text: str, *, leave_out_seen: bool = False) -> Dataset:
    """Open a dataset to train and test on; damaged pairs are left out where they are read."""
    # Test pairs that are in training or validation are refused, or left out where that is asked.
    dataset = open_dataset(text, damaged=True)
    if not leave_out_seen:
        require_unseen(dataset, dataset)
        return dataset
    dataset = without_seen(dataset)
    for one in dataset.seen_left_out:
        warn_once(f"{dataset.name}: test pair {one.id} is left out: {one.reason}")
    return dataset


def around_jdrl(systems: Sequence[Baseline], *, add: bool) -> list[Baseline]:
    """The blurry input, the systems with JDRL, their networks without; ``add`` registered ones."""
    names = {"input"}
    registered = set()
    for system in systems:
        name = system.card.name
        if name.startswith(JDRL):
            network = name.removeprefix(JDRL)
            registered.add(REGISTERED + network)
            names |= {name, network, REGISTERED + network}
    kept = [one for one in systems if one.card.name in names]
    if add:
        every = all_baselines()
        for name in sorted(registered & every.keys()):
            if every[name] not in kept:
                kept.append(every[name])
    return kept


def _planned(
    systems: Sequence[Baseline],
    dataset: Dataset,
    document: StudyDocument,
) -> list[Run]:
    """The runs on one dataset, with the package's weights where it has them."""
    # Systems with weights are trained as well where they are named and there is data to train on.
    named = document.systems and dataset.split("train")
    with_weights = [(system, shipped_weights(system)) for system in systems]
    trained = [system for system, weights in with_weights if named or weights is None]
    runs = plan_runs(
        trained,
        dataset,
        document.budget,
        seeds=document.seeds,
        override=document,
    )
    for system, weights in with_weights:
        if weights is not None:
            runs.append(plan_weights(system, weights, dataset))
    order = [system.card.name for system in systems]
    return sorted(runs, key=lambda run: order.index(run.system))


def expand_all(requests: Sequence[Request], out: Path) -> Expanded:
    """The runs of all requests of a folder, the latest first, each run once."""
    # An earlier request that cannot be expanded becomes a problem of the result.
    latest, *earlier = requests
    expansions = [expand(latest, out)]
    refused: list[InputError] = []
    for request in earlier:
        try:
            expansions.append(expand(request, out))
        except InputError as error:
            refused.append(error)
    seen: set[str] = set()
    studies = []
    problems: list[InputError] = []
    for expanded in expansions:
        problems += expanded.problems
        for study in expanded.studies:
            new = [run for run in study.runs if run.id not in seen]
            seen |= ids_of(new)
            if new:
                studies.append(replace(study, runs=new))
    return Expanded(studies, problems + refused)


def _require_own_name(dataset: Dataset, others: Sequence[Dataset]) -> None:
    """Refuse two datasets with the same name, because tables would mix up their rows."""
    if any(other.name == dataset.name for other in others):
        raise DatasetError(
            f"{dataset.root}: another dataset of the study is called {dataset.name!r} too; rename "
            "its folder, or run it into another --out"
        )


def with_objectives(
    systems: Sequence[Baseline],
    choices: Mapping[str, ObjectiveChoice],
) -> list[Baseline]:
    """Combine each system with each objective; systems without training stay as they are."""
    # An empty table ``[objectives.jdrl]`` gives ``jdrl-NAME``; one with settings is a separate
    # experiment and gives ``NAME-with-LABEL``.
    for label, choice in choices.items():
        name, known = choice.objective or label, (OWN, *objectives())
        if name not in known:
            where = "" if label == name.replace("_", "-") else f"[objectives.{label}]: "
            raise SettingsError(f"{where}no objective {name!r}; {meant(name, known)}")
    combined = []
    for system in systems:
        if system.recipe is None or not choices:
            combined.append(system)
        else:
            combined += [
                _retrained(system, label, choice) for label, choice in choices.items()
            ]
    return list({system.card.name: system for system in combined}.values())


def _retrained(system: Baseline, label: str, choice: ObjectiveChoice) -> Baseline:
    """The system with another objective and a name that shows it."""
    name = choice.objective or label
    if name == OWN or system.recipe is None:
        return system
    if system.trained_as is not None:
        return at_scales(_retrained(system.plain, label, choice))
    if label == name.replace("_", "-") and not (
        choice.settings or choice.warmup_epochs
    ):
        return with_objective(system, name)
    card = replace(
        system.card,
        name=f"{system.card.name}-with-{label}",
        display_name=f"{system.card.display_name}, {label}",
        kind="objective",
        variant_of=system.card.name,
        published_as=None,
    )
    recipe = partial(_with_objective, system.recipe, name, choice)
    return replace(system, card=card, recipe=recipe)


def _with_objective(
    own: "Callable[[], Recipe]",
    name: str,
    choice: ObjectiveChoice,
) -> "Recipe":
    return retrained(own(), name, choice.settings, choice.warmup_epochs)


def one_run(expanded: Expanded, run: str) -> Expanded:
    """The study restricted to one run."""
    single = expanded.only({run})
    if not single.studies:
        raise InputError(
            f"the study has no run {run!r}; data, settings or a revision have changed since it was "
            "started, or it is misspelt: 'defocus-bench status' has the names"
        )
    return single


def study_of(
    options: TestedStudy,
    names: Sequence[str],
    seeds: int,
    start: str | None,
    *,
    weights: str | None = None,
    workers: int | None = None,
    scales: bool = False,
) -> Study:
    """Make the study of a command line that names its systems, with their rows at scales."""
    require_study_folder(options.out)
    override = options.override
    if workers is not None:
        override = override.with_workers(workers)
    systems = list(map(baseline, sorted(set(names))))
    if scales:
        systems = with_scales(systems)
    opened = open_for_study(options.dataset, leave_out_seen=options.leave_out_seen)
    words = ["--dataset", options.dataset]
    if weights is not None:
        stored = find_weights(systems[0], weights)
        runs = [plan_weights(system, stored, opened) for system in systems]
        return Study(options.out, opened, runs, [*words, "--weights", stored.label])
    words += options.words
    begun = None
    if start is not None:
        begun = find_weights(systems[0], start)
        words += ["--from", begun.label]
    runs = plan_runs(
        systems,
        opened,
        options.budget,
        seeds=seeds,
        override=override,
        start=begun,
    )
    return Study(options.out, opened, runs, words)
