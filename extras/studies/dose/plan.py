"""Plan of a study by dose: which lines are trained with which dose of misalignment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.recipe import BudgetName, Further
from defocus.baselines.registry import baseline, plain_baseline
from defocus.baselines.weights.store import StoredWeights, find_weights
from defocus.benchmark.study.plan import NARROW_BUDGET, Override, Study, plan_runs
from defocus.datasets.pair import Dataset
from defocus.datasets.patching.packing import require_further
from defocus.errors import InputError, NotApplicableError
from defocus.extras.studies.ablation.ablation import Ablation, AblationLine
from defocus.extras.studies.ablation.crops import require_crops
from defocus.extras.studies.ablation.lines import chosen, labels_of
from defocus.extras.studies.ablation.study import narrow_override
from defocus.extras.studies.dose.claims import without_number
from defocus.extras.studies.dose.pairs import at_dose, doses_of, open_dosed
from defocus.extras.studies.generalisation import evaluated_on
from defocus.extras.studies.options import AblatedRows, AblationStudy
from defocus.near_names import did_you_mean

MEASURED: frozenset[Further] = frozenset({"valid_mask", "measured_blur"})
"""Supervision that is measured: a line that asks for anything else may know more than pairs
show."""


@dataclass(frozen=True)
class DoseStudy:
    """A study by dose."""

    ablation: Ablation  # the ablation whose lines are trained
    out: Path  # folder of the study
    dataset: Dataset  # a dataset with doses
    doses: tuple[float, ...]  # doses, px, in the order in which they are trained
    budget: BudgetName  # the budget whose schedule is used
    seeds: int
    settings: Path | None  # TOML file of schedule and training values
    narrow: bool  # whether to use a small network instead of the paper's
    # system whose network is trained, with ``narrow`` its narrow copy; empty for the paper's, with
    # ``narrow`` a small U-Net. One of a plug-in file is trained as it is, with what goes with a
    # small network (reblurring network, schedule of ``demo``)
    network: str
    # weights of that network from which all lines start; None for random ones
    start: StoredWeights | None
    # whether only the plain loss, the whole objective, its rivals and the controls are trained
    central: bool
    # labels of the only lines that are trained, beside the plain loss, the whole objective and the
    # control on true pairs; empty for all
    chosen: tuple[str, ...] = ()

    @property
    def own_network(self) -> bool:
        """Whether the network of a plug-in file is trained as it is."""
        return bool(self.network) and not self.narrow and self.start is None

    def systems(self, lines: Sequence[AblationLine]) -> list[Baseline]:
        """The system of each line; an edited plug-in file makes other ones."""
        file = baseline(self.network).source_hash if self.network else ""
        systems = []
        for line in lines:
            system = chosen(
                self.ablation,
                line,
                narrow=self.narrow,
                network=self.network,
            )
            if file and system.recipe:
                system = replace(system, source_hash=file)
            systems.append(system)
        return systems

    def lines(self) -> tuple[AblationLine, ...]:
        """The lines, with the blurry input and the control on true pairs."""
        if self.central:
            return self.ablation.central_lines()
        every = self.ablation.every_line()
        if not self.chosen:
            return every
        plain, *_, whole = self.ablation.lines
        always = {plain.label, whole.label, self.ablation.controls[-1].label}
        shown = always.union(self.chosen)
        return tuple(
            one for one in every if one.label in shown or one.system == "input"
        )

    def blurry(self) -> AblationLine:
        """The line of the blurry input."""
        (line,) = (one for one in self.lines() if one.system == "input")
        return line

    def rivals(self) -> tuple[AblationLine, ...]:
        """The trained lines that could be better than the whole objective."""
        every = (*self.ablation.rivals, *self.ablation.candidates)
        trained = self.lines()
        return tuple(line for line in every if line in trained)

    def controls(self) -> tuple[AblationLine, ...]:
        """The trained lines that know more than captured pairs show: nobody can train so.

        Pre-aligned pairs are one: ``defocus-data compensate`` writes them."""
        truth = self.ablation.controls[-1]
        lines = self.lines()
        controls = []
        for line, system in zip(lines, self.systems(lines), strict=True):
            supervision = system.recipe().supervision if system.recipe else ()
            if line == truth or not MEASURED.issuperset(supervision):
                controls.append(line)
        return tuple(controls)

    def studies(self) -> list[Study]:
        """One study per dose, then the control on true pairs, trained once, tested at all doses."""
        small = self.narrow or (self.own_network and self.budget == NARROW_BUDGET)
        override = narrow_override(self.settings, narrow=small)
        truth = self.ablation.controls[-1]
        lines = [one for one in self.lines() if one != truth]

        # the same training, whichever doses are asked for
        least = doses_of(self.dataset)[0]
        home = self._planned([truth], least, override)
        studies = [home]
        for dose in self.doses:
            if dose != least:
                abroad = evaluated_on(home, at_dose(self.dataset, dose))
                studies.append(replace(abroad, labels=home.labels))
        studies += [self._planned(lines, dose, override) for dose in self.doses]
        return studies

    def _planned(
        self,
        lines: Sequence[AblationLine],
        dose: float,
        override: Override,
    ) -> Study:
        """The trainings of some lines at a dose."""
        dataset = at_dose(self.dataset, dose)
        systems = self.systems(lines)
        for line, system in zip(lines, systems, strict=True):
            _require_supervision(line, system, dataset)
        runs = plan_runs(
            systems,
            dataset,
            self.budget,
            seeds=self.seeds,
            override=override,
            start=self.start,
        )
        require_crops(runs, dataset)
        return Study(self.out, dataset, runs, labels=labels_of(lines, systems))


def _require_supervision(
    line: AblationLine,
    system: Baseline,
    dataset: Dataset,
) -> None:
    """Refuse missing supervision before other lines are trained for hours."""
    if system.recipe is None:
        return
    recipe = system.recipe()
    try:
        require_further(dataset.split("train"), recipe.supervision, recipe.target)
    except NotApplicableError as error:
        raise NotApplicableError(f"line {line.label!r}: {error}") from error


def dose_study(
    ablation: Ablation,
    study: AblationStudy,
    rows: AblatedRows,
) -> DoseStudy:
    """A study by dose of these rows; without doses, of all that the dataset has."""
    if rows.network:
        system = plain_baseline(rows.network)
        _require_small_or_begun(system, narrow=rows.narrow, start=rows.source)
    if rows.source and (rows.narrow or not rows.network):
        raise InputError(
            "--from needs --network, and no --narrow: it has a whole network's weights"
        )
    if len(ablation.controls) < 2:
        raise InputError(
            f"{ablation.name}: a study by dose needs a control on true pairs"
        )
    lines = _known_lines(ablation, rows.lines)
    opened = open_dosed(study.dataset)
    return DoseStudy(
        ablation,
        study.out,
        opened,
        tuple(dict.fromkeys(rows.doses or ())) or doses_of(opened),
        study.budget,
        study.seeds,
        study.settings,
        narrow=rows.narrow,
        network=rows.network,
        start=find_weights(baseline(rows.network), rows.source)
        if rows.source
        else None,
        central=rows.central,
        chosen=lines,
    )


def _require_small_or_begun(
    system: Baseline,
    *,
    narrow: bool,
    start: str | None,
) -> None:
    """Refuse a whole network of a paper with random weights: a study is too short for it."""
    own = bool(system.source_hash)
    if own and narrow and system.narrow is None:
        raise InputError(
            f"{system.card.name} has no narrow copy; leave --narrow out: a network of --plugin is "
            "trained as it is"
        )
    if not (own or narrow or start):
        raise InputError(
            "--network needs --narrow, or --from with weights to start from; only a network of "
            "--plugin is trained as it is"
        )


def _known_lines(ablation: Ablation, chosen: Sequence[str]) -> tuple[str, ...]:
    """The labels of the lines that are named, each once."""
    labels = [line.label for line in ablation.every_line()]
    by_name = {without_number(label).lower(): label for label in labels}
    by_name |= {label.lower(): label for label in labels}
    for name in chosen:
        if name.lower() not in by_name:
            hint = did_you_mean(name, labels, most=1)
            hint += " " if hint else ""
            raise InputError(f"no line {name!r}; {hint}there are: {'; '.join(labels)}")
    return tuple(dict.fromkeys(by_name[name.lower()] for name in chosen))
