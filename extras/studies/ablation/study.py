"""Run an ablation as a study and read its results."""

import csv
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.recipe import BudgetName
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import STORE, Results, read_results
from defocus.benchmark.study.attempt import load_run
from defocus.benchmark.study.outcome import Outcome
from defocus.benchmark.study.plan import (
    Override,
    Run,
    ScheduleOverride,
    Study,
    override_of,
    plan_runs,
)
from defocus.benchmark.study.run import run_studies
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.extras.studies.ablation.ablation import Ablation, AblationLine
from defocus.extras.studies.ablation.crops import require_crops
from defocus.extras.studies.ablation.lines import chosen, labels_of, paper_psnr
from defocus.extras.studies.means import known_numbers, mean_psnrs, require_scores
from defocus.processes.machines import Where
from defocus.progress import say
from defocus.storage.files import require_writable
from defocus.training.record.folder import CURVE

NARROW_SCHEDULE = ScheduleOverride(steps=2000, crop_px=64, batch=4, learning_rate=1e-3)
"""Schedule of the small U-Net; a line takes minutes on a CPU."""

PROTOCOLS = ("truth", "gt", "deformed-gt")


@dataclass(frozen=True)
class LineResult:
    """Result of one row."""

    label: str
    system: str  # the system that was trained
    steps: int  # number of steps of each training
    seconds: float  # mean seconds of a training over the seeds
    # PSNR by protocol, one value per seed, dB; empty if a protocol has no target
    psnr: dict[str, list[float]]
    # PSNR against the truth by bin of the circle of confusion, mean over the seeds
    by_blur: list[float | None]
    # share of pixels that the flow's mask keeps after the warm-up; None without a mask
    kept_share: float | None
    paper_psnr: float | None  # PSNR printed in the paper, dB

    def to_json(self) -> dict[str, object]:
        """The fields as JSON values."""
        return asdict(self)


def ablate(
    asked: "AskedAblation",
    *,
    equal_time: bool,
    where: Where | None = 1,
) -> tuple[list[LineResult], Outcome]:
    """Train and evaluate all rows; finished work in its folder is not repeated.

    ``equal_time``: plain loss and controls also train for as long as the whole objective takes."""
    require_writable(asked.out)
    lines = asked.lines()
    measured, outcome = asked.measure(lines, where=where)
    if not equal_time:
        return measured, outcome
    longer, later = asked.measure(
        *_as_long(asked.ablation, measured, lines),
        where=where,
    )
    lacking = list(dict.fromkeys((*outcome.left_out, *later.left_out)))
    return [*measured, *longer], replace(later, left_out=lacking)


def narrow_override(settings: Path | None, *, narrow: bool) -> Override:
    """Schedule and training values of a settings file; without one, those of the small U-Net."""
    return override_of(
        settings,
        Override(schedule=NARROW_SCHEDULE) if narrow else Override(),
    )


@dataclass(frozen=True)
class AskedAblation:
    """An ablation on a dataset, with the budget and the schedule of its trainings."""

    ablation: Ablation
    out: Path  # folder of the study
    dataset: Dataset
    budget: BudgetName
    seeds: int
    override: Override
    narrow: bool  # whether the small U-Net is trained

    @classmethod
    def of(
        cls,
        ablation: Ablation,
        out: Path,
        dataset: str,
        budget: BudgetName,
        seeds: int,
        settings: Path | None,
        *,
        narrow: bool,
    ) -> "AskedAblation":
        """The study on a dataset given as text, with the schedule of a settings file."""
        override = narrow_override(settings, narrow=narrow)
        opened = replace(open_dataset(dataset, damaged=True), misaligned=True)
        return cls(ablation, out, opened, budget, seeds, override, narrow)

    def first_study(self) -> Study:
        """The study of all rows, before those that train for as long as the objective."""
        lines = self.lines()
        return self.study(lines, self.systems(lines))

    def lines(self) -> Sequence[AblationLine]:
        """All rows for which this dataset has targets."""
        return self.ablation.all_lines(rendered=self.dataset.rendered)

    def systems(self, lines: Sequence[AblationLine]) -> list[Baseline]:
        """The system of each row."""
        return [chosen(self.ablation, line, narrow=self.narrow) for line in lines]

    def study(
        self,
        lines: Sequence[AblationLine],
        systems: Sequence[Baseline],
        steps: int | None = None,
    ) -> Study:
        """A study of these rows' systems, with another number of steps if one is given."""
        override = self.override
        if steps is not None:
            schedule = override.schedule.model_copy(update={"steps": steps})
            override = override.model_copy(update={"schedule": schedule})
        runs = plan_runs(
            systems,
            self.dataset,
            self.budget,
            seeds=self.seeds,
            override=override,
        )
        require_crops(runs, self.dataset)
        return Study(self.out, self.dataset, runs, labels=labels_of(lines, systems))

    def measure(
        self,
        lines: Sequence[AblationLine],
        steps: int | None = None,
        *,
        where: Where | None = 1,
    ) -> tuple[list[LineResult], Outcome]:
        """Run these rows, with another number of steps if one is given."""
        systems = self.systems(lines)
        study = self.study(lines, systems, steps)
        outcome = run_studies([study], where=where)
        require_scores(outcome)
        with read_results(self.out / STORE) as results:
            measured = []
            for line, system in zip(lines, systems, strict=True):
                runs = _runs_of(study, system)
                result = _measured(self.ablation, study, results, line, runs)
                measured.append(result)
        return measured, outcome


def _runs_of(study: Study, system: Baseline) -> list[Run]:
    return [run for run in study.runs if run.baseline is system]


def _as_long(
    ablation: Ablation,
    measured: Sequence[LineResult],
    lines: Sequence[AblationLine],
) -> tuple[list[AblationLine], int]:
    """Plain loss and controls, with the steps that fit into the time of the whole objective."""
    by_line = dict(zip(lines, measured, strict=True))
    plain = by_line[ablation.lines[0]]
    whole = by_line[ablation.lines[-1]]
    longer = whole.seconds / plain.seconds
    say(f"{ablation.name} took {longer:.2f} times as long as the plain loss")
    again = []
    for line in lines:
        if line in (ablation.lines[0], *ablation.controls):
            label = f"{line.label}, equal time"
            again.append(AblationLine(label, line.system))
    return again, max(1, round(plain.steps * longer))


def _measured(
    ablation: Ablation,
    study: Study,
    results: Results,
    line: AblationLine,
    runs: Sequence[Run],
) -> LineResult:
    psnr = {}
    for protocol in PROTOCOLS:
        means = mean_psnrs(results, runs, protocol)
        if means:
            psnr[protocol] = means
    seconds = []
    kept = []
    for run in runs:
        seconds.append(load_run(study, run).seconds)
        kept.append(_kept_share(run_folder(study.out, run.id) / CURVE))
    shares = known_numbers(kept)
    return LineResult(
        label=line.label,
        system=runs[0].system,
        steps=(runs[0].schedule.steps or 0) if runs[0].recipe else 0,
        seconds=statistics.fmean(seconds),
        psnr=psnr,
        by_blur=_by_blur(study, runs),
        kept_share=statistics.fmean(shares) if shares else None,
        paper_psnr=paper_psnr(ablation, line),
    )


def _kept_share(curve: Path) -> float | None:
    """Mean of the logged mask shares, from the step where both directions count."""
    if not curve.exists():  # nothing was trained
        return None
    with curve.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    shares = [
        float(row["mask_kept_share"]) for row in rows if row.get("deblur_reverse")
    ]
    return statistics.fmean(shares) if shares else None


def _by_blur(study: Study, runs: Sequence[Run]) -> list[float | None]:
    from defocus.extras.studies.ablation.gains import EDGES_PX, psnr_by_blur
    from defocus.training.devices import best_device

    if not study.dataset.rendered:
        return [None] * (len(EDGES_PX) - 1)
    pairs = study.dataset.split("test")
    rows = []
    for run in runs:
        network = load_run(study, run).network
        rows.append(psnr_by_blur(network, run.baseline.card, pairs, best_device()))
    means: list[float | None] = []
    for values in zip(*rows, strict=True):
        known = known_numbers(values)
        whole = len(known) == len(values)
        means.append(statistics.fmean(known) if whole else None)
    return means
