"""Plan of a study, and its runs, identified by everything that decides their results."""

import fnmatch
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field
from pydantic.main import IncEx

from defocus.baselines.card import Baseline, Card
from defocus.baselines.objective_registry import flow_of, source_hashes
from defocus.baselines.recipe import BudgetName, Recipe, Schedule, misaligned
from defocus.baselines.scales import (
    ENDING,
    at_scales,
    names_like,
    plain_name,
    why_not_at_scales,
)
from defocus.baselines.weights.own import find_narrow_weights, narrow_card
from defocus.baselines.weights.store import StoredWeights
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import CUSTOM, NARROW, NOT_TRAINED, SCRATCH
from defocus.benchmark.revisions import SCALES_REVISION, TRAINING_REVISION
from defocus.datasets.pair import Dataset
from defocus.errors import InputError, RegistryError
from defocus.near_names import did_you_mean
from defocus.plugins.extensions import plugin_arguments
from defocus.processes.machines import ClusterSettings
from defocus.progress import counted
from defocus.reading import Json, parse_json
from defocus.settings import Settings, load_settings, parse_settings
from defocus.storage.files import sha256_json
from defocus.training.devices import has_gpu
from defocus.training.method import UNDECIDING, Training

NARROW_BUDGET: BudgetName = "demo"
"""The budget that trains narrow copies: whole networks show nothing after seconds."""

MOST_SEEDS = 1000
"""Largest number of seeds of a study; a larger one is a slip of the keys."""
Seeds = Annotated[int, Field(ge=1, le=MOST_SEEDS)]
"""Number of seeds, which begin with 0."""


class ScheduleOverride(Settings):
    """Schedule values that the user sets for all trained systems; None keeps the recipe's."""

    steps: int | None = Field(default=None, ge=1)
    crop_px: int | None = Field(default=None, ge=16)
    batch: int | None = Field(default=None, ge=1)
    learning_rate: float | None = Field(default=None, gt=0)


class Override(Settings):
    """A settings file of a study: values that replace those of every recipe and schedule."""

    schedule: ScheduleOverride = ScheduleOverride()
    training: Training = Training()
    estimator: Literal["dis", "pwcnet"] | None = None

    @property
    def deciding(self) -> bool:
        """Whether any of its values changes the result of a training."""
        trained = self.training.model_fields_set - UNDECIDING
        return bool(trained or self.schedule.model_dump(exclude_none=True))

    def for_this_device(self) -> Self:
        """The settings with the estimator of the trainings' device: PWC-Net on a GPU."""
        if self.estimator is not None or not has_gpu():
            return self
        return self.model_copy(update={"estimator": "pwcnet"})

    def with_workers(self, workers: int) -> Self:
        """The settings with another number of processes that make batches."""
        return self.model_copy(
            update={"training": self.training.model_copy(update={"workers": workers})}
        )


class StudyFile(Override):
    """Tables that a settings file of a study may hold, with resources of jobs elsewhere."""

    cluster: ClusterSettings = ClusterSettings()


def cluster_of(settings: Path) -> ClusterSettings:
    """The table of a study's settings file on workers of other machines."""
    return load_settings(StudyFile, settings).cluster


def override_of(settings: Path | None, otherwise: Override) -> Override:
    """The values of a settings file, or others without one, and the estimator of this device."""
    if settings is None:
        return otherwise.for_this_device()
    file = load_settings(StudyFile, settings)
    return Override(
        **file.model_dump(exclude={"cluster"}, exclude_unset=True)
    ).for_this_device()


_NOT_IN_FACTS: Mapping[str, bool | IncEx] = {
    **dict.fromkeys(("paper", "quick", "demo", "own"), True),
    "training": dict.fromkeys(UNDECIDING, True),
}

LONG_STEPS = 1000
"""Steps from which on a training is timed before it begins: more than ``demo`` has."""

SCALES = "scales"
"""The fact of a run that its pictures are restored at scales, which its training does not use."""
TRAINING_OF = "training"
"""The fact of a run that names another run, whose training it evaluates."""

_LATER_SETTINGS = (
    ("optimiser", "decayed"),
    ("training", "average_warmup"),
    ("training", "compile"),
    ("training", "cudnn"),
    ("training", "reuse"),
    ("training", "lenses"),
    ("training", "tf32"),
)
"""Settings that were added after trainings were identified by their settings; with the default, a
training keeps its id."""


@dataclass(frozen=True)
class Run:
    """One system to train (if it can be trained) and evaluate on one dataset."""

    # ``id`` is the system's name and a hash of all that determines its training; ``group`` is a
    # hash without the seed, but with the way in which pictures are restored. ``weights`` are
    # evaluated instead of a training; ``training`` is the run whose training is evaluated, as that
    # of ``NAME`` for ``NAME@scales``, None for its own.

    id: str
    group: str
    baseline: Baseline
    recipe: Recipe | None
    budget: BudgetName
    seed: int
    custom: bool = False
    weights: StoredWeights | None = None
    start: StoredWeights | None = None
    training: "Run | None" = None

    @property
    def system(self) -> str:
        """Name of the system."""
        return self.baseline.card.name

    @property
    def own_recipe(self) -> Recipe:
        """The recipe of a system that trains."""
        if self.recipe is None:
            raise ValueError(f"{self.system} has no recipe")
        return self.recipe

    @property
    def schedule(self) -> Schedule:
        """The schedule of the budget; only for systems that train."""
        return self.own_recipe.schedule(self.budget)

    @property
    def reported_budget(self) -> str:
        """The budget reported with its results: ``custom`` if schedule or start were changed."""
        if self.recipe is None:
            return NOT_TRAINED
        return CUSTOM if self.custom or self.start else self.budget

    @property
    def trained_weights(self) -> str:
        """Name that results give to the weights of its training."""
        if self.baseline.is_narrow:
            return NARROW
        if self.budget != NARROW_BUDGET or self.start or self.schedule.start:
            return "trained"
        steps = self.schedule.steps
        return f"{SCRATCH}, {counted(steps, 'step')}" if steps else SCRATCH

    def facts(self) -> Json:
        """Everything besides the dataset that determines the result, as JSON values."""
        # The source code is not included: developers raise revisions when numbers change.
        facts: Json = {**self.baseline.identity(), "budget": self.reported_budget}
        if self.reported_budget == CUSTOM:
            facts["started_from"] = self.budget
        facts |= self._training_facts()
        facts["seed"] = self.seed
        if self.weights:
            facts["weights"] = self.weights.facts()
        if self.start:
            facts["start"] = self.start.facts()
        copy = find_narrow_weights(self.baseline) if self.baseline.is_narrow else None
        if copy:
            facts["narrow_start"] = narrow_card(copy).sha256
        if self.training:
            facts[TRAINING_OF] = self.training.id
        if self.baseline.card.at_scales:
            facts[SCALES] = _scales_facts(self.baseline.card)
        return facts

    def _training_facts(self) -> Json:
        """What a training does; a system without one has no recipe."""
        if self.recipe is None:
            return {"recipe": None, "schedule": None}
        facts: Json = {
            "recipe": _recipe_facts(self.recipe),
            "schedule": self.schedule.model_dump(),
            "training_revision": TRAINING_REVISION,
        }
        if brought := source_hashes(self.recipe):
            facts["plugins"] = brought
        if flow := _flow_weights(self.recipe):
            facts["flow_weights"] = flow
        return facts

    def identified(self, dataset: Dataset) -> "Run":
        """The same run with its id and group on a dataset."""
        # A training is known by what it sees; the group by the test pairs too, so that these are
        # restored and scored again where they change, without training.
        learnt = self._learnt(dataset)
        facts = self.facts() | {"dataset": learnt}
        of_group = dict(facts)
        if learnt not in {dataset.content_hash, dataset.endless_hash}:
            of_group["tested"] = dataset.content_hash
        group = _digest(_without(of_group, "seed", TRAINING_OF))
        # the way of restoring leaves a training as it is
        digest = _digest(_without(facts, SCALES))
        return replace(self, id=f"{self.system}-{digest[:8]}", group=group)

    def _learnt(self, dataset: Dataset) -> str:
        """Hash of the files that decide the network, or of all files where the test does too."""
        if self.recipe is None or self.recipe.training.select == "official":
            return dataset.content_hash
        return dataset.training_hash


@dataclass(frozen=True)
class Study:
    """A study of one dataset."""

    # ``home`` is another study whose trainings are evaluated here, run by run in the same order;
    # None if this study trains.

    out: Path
    dataset: Dataset
    runs: Sequence[Run]
    options: Sequence[str] = ()
    home: "Study | None" = None
    keep_outputs: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> str:
        """A ``defocus-bench`` command about this study, quoted for a shell."""
        options = [*self.options, *plugin_arguments()]
        return shlex.join(["defocus-bench", *words, "--out", str(self.out), *options])

    def trained(self, run: Run) -> "tuple[Study, Run]":
        """The study and run that train the network of one of these runs."""
        home = self
        if self.home is not None:
            place = self.runs.index(run)
            home = self.home
            run = home.runs[place]
        return home, run.training or run

    def checkpoint_folder(self, run: Run) -> Path:
        """Folder of the checkpoint that belongs to the results of a run, if it has any."""
        if run.training is None:
            return run_folder(self.out, run.id)
        home, trained = self.trained(run)
        return run_folder(home.out, trained.id)

    def only_seed(self, seed: int) -> "Study":
        """The same study with the runs of one seed only, and its home's."""
        home = self.home.only_seed(seed) if self.home else None
        return replace(
            self,
            runs=[run for run in self.runs if run.seed == seed],
            home=home,
        )


def runs_of(studies: Sequence[Study]) -> list[tuple[Study, Run]]:
    """All runs of some studies in their order, each with its study."""
    pairs: list[tuple[Study, Run]] = []
    for study in studies:
        for run in study.runs:
            pair = (study, run)
            pairs.append(pair)
    return pairs


def run_ids(studies: Sequence[Study]) -> list[str]:
    """The ids of all runs of some studies, in their order."""
    return [run.id for _, run in runs_of(studies)]


def _recipe_facts(recipe: Recipe) -> Json:
    """A recipe's settings; those added later only if used, so that older ids stay valid."""
    facts = recipe.model_dump(mode="json", exclude=_NOT_IN_FACTS)
    for part, setting in _LATER_SETTINGS:
        if (
            facts[part][setting]
            == type(getattr(recipe, part)).model_fields[setting].default
        ):
            del facts[part][setting]
    return facts


def select(
    baselines: Mapping[str, Baseline],
    only: Sequence[str] = (),
    *,
    variants: bool = False,
) -> list[Baseline]:
    """The systems of a study, sorted by name; patterns are for whole names, including variants."""
    # A pattern that ends in ``@scales`` gives the systems at scales beside the plain ones, which
    # they are compared with and whose training they share.
    if not only:
        every = [baselines[name] for name in sorted(baselines)]
        return every if variants else [b for b in every if not b.card.variant_of]
    chosen: dict[str, Baseline] = {}
    for pattern in only:
        names = fnmatch.filter(baselines, plain_name(pattern))
        matched = [baselines[name] for name in names]
        if not matched:
            similar = did_you_mean(plain_name(pattern), names_like(pattern, baselines))
            hint = similar or "see defocus-bench list"
            raise RegistryError(f"no system matches {pattern!r}; {hint}")
        if pattern.endswith(ENDING):
            matched = _with_rows_at_scales(matched, pattern)
        chosen |= {system.card.name: system for system in matched}
    return [chosen[name] for name in sorted(chosen)]


def _with_rows_at_scales(matched: Sequence[Baseline], pattern: str) -> list[Baseline]:
    """The matched systems that have a row at scales, and these rows."""
    if len(matched) == 1:
        return [*matched, at_scales(matched[0])]  # or its error says why there is none
    plain = [system for system in matched if not why_not_at_scales(system)]
    if not plain:
        raise RegistryError(
            f"none of the systems that {pattern!r} matches has a row at scales"
        )
    return [*plain, *map(at_scales, plain)]


def plan_runs(
    baselines: Sequence[Baseline],
    dataset: Dataset,
    budget: BudgetName,
    *,
    seeds: int = 1,
    override: Override | None = None,
    start: StoredWeights | None = None,
) -> list[Run]:
    """The runs of a study, by system and seed; a system without training has one run."""
    # ``demo`` trains narrow copies, unless weights to start from are given. An override that
    # changes results makes all trainings custom.
    _require_budget(baselines, budget)
    runs = []
    custom = override is not None and override.deciding
    if budget == NARROW_BUDGET and start is None:
        baselines = [_copy_for(dataset, one) for one in baselines]
    for baseline in baselines:
        recipe = _recipe_for(baseline, dataset, budget, override)
        for seed in range(seeds if recipe else 1):
            begun = start if recipe else None
            draft = Run("", "", baseline, recipe, budget, seed, custom, start=begun)
            if recipe and baseline.trained_as:
                training = replace(draft, baseline=baseline.plain).identified(dataset)
                draft = replace(draft, training=training)
            runs.append(draft.identified(dataset))
    return runs


def _recipe_for(
    baseline: Baseline,
    dataset: Dataset,
    budget: BudgetName,
    override: Override | None,
) -> Recipe | None:
    """How a baseline is trained on a dataset; None if it is not trained."""
    if not baseline.recipe:
        return None
    recipe = _overridden(baseline.recipe(), budget, override)
    if dataset.endless is None:
        recipe = recipe.model_copy(update={"training": recipe.training.of_pairs})
    return recipe


def _copy_for(dataset: Dataset, system: Baseline) -> Baseline:
    """The narrow copy; for misaligned pairs it trains on them as captured, until that shows."""
    copy = system.narrowed()
    if not (dataset.misaligned and copy.is_narrow and copy.recipe):
        return copy
    return replace(copy, recipe=partial(misaligned, copy.recipe))


def _require_budget(baselines: Sequence[Baseline], budget: BudgetName) -> None:
    if budget != "own":
        return
    without = []
    for system in baselines:
        recipe = system.recipe and system.recipe()
        if recipe and recipe.own is None:
            without.append(system.card.name)
    if without:
        names = ", ".join(without[:3])
        others = " and others" if without[3:] else ""
        raise InputError(
            f"budget own: {names}{others} cannot train on it, only networks designed here; "
            "name them, such as defocus-m"
        )


def plan_weights(baseline: Baseline, weights: StoredWeights, dataset: Dataset) -> Run:
    """The run that evaluates added or shipped weights, without training."""
    draft = Run("", "", baseline, None, "paper", 0, weights=weights)
    facts = draft.facts() | {"dataset": dataset.content_hash}
    identified = draft.identified(dataset)
    return replace(identified, group=_digest(facts))


def _scales_facts(card: Card) -> Json:
    """Facts that decide how a network's pictures are restored at scales."""
    return {"reach_px": card.reach_px, "revision": SCALES_REVISION}


def _flow_weights(recipe: Recipe) -> str:
    """SHA-256 hash of the shipped flow network if an objective uses it; else empty."""
    settings = recipe.objective_settings
    official = "pwcnet" if settings.get("reading") == "official" else ""
    if settings.get("estimator", official) != "pwcnet" or settings.get("weights"):
        return ""
    card = files("defocus.align.flow.pwcnet") / "weights" / "pwcnet-own.json"
    return str(parse_json(card.read_bytes())["sha256"])


def _without(facts: Json, *names: str) -> Json:
    kept = dict(facts)
    for name in names:
        kept.pop(name, None)
    return kept


def _digest(facts: Json) -> str:
    return sha256_json(facts)[:16]


def _overridden(
    recipe: Recipe,
    budget: BudgetName,
    override: Override | None,
) -> Recipe:
    if override is None:
        return recipe
    changed = override.schedule.model_dump(exclude_none=True)
    values = recipe.schedule(budget).model_dump() | changed
    if changed.keys() & {"crop_px", "batch"}:
        values["growth"] = ()  # one size was asked for
    schedule = parse_settings(Schedule, values, origin=f"schedule of budget {budget}")
    chosen = {
        name: getattr(override.training, name)
        for name in override.training.model_fields_set
    }
    training = recipe.training.model_copy(update=chosen)
    recipe = recipe.model_copy(update={budget: schedule, "training": training})
    return (
        recipe
        if override.estimator is None
        else _measured_by(recipe, override.estimator)
    )


def _measured_by(recipe: Recipe, estimator: str) -> Recipe:
    """The recipe with an estimator in its settings, where it measures flow and names none."""
    settings = recipe.objective_settings
    named = "estimator" in settings or settings.get("reading") == "official"
    unused = settings.get("flow") == "true" or settings.get("deformation") == "none"
    if named or unused or flow_of(recipe) in {"", estimator}:
        return recipe
    return recipe.model_copy(
        update={"objective_settings": {**settings, "estimator": estimator}}
    )
