"""Plan of a study with its estimated cost."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defocus.benchmark.evaluation.remaining import Left, left_of, tell_finished
from defocus.benchmark.leaderboard.terminal import print_tables
from defocus.benchmark.results.run_folder import CRASHES, run_folder
from defocus.benchmark.results.store import STORE, read_results
from defocus.benchmark.study.changed_sources import tell_changes
from defocus.benchmark.study.plan import LONG_STEPS, Run, Study
from defocus.datasets.pair import Split
from defocus.errors import InputError, TrainingError
from defocus.pictures.headers import readable_size
from defocus.progress import counted, say, span, track
from defocus.reports.model import Cell, Column, Table
from defocus.training.devices import has_gpu
from defocus.training.record.curve_files import seconds_per_step
from defocus.training.record.folder import CURVE

if TYPE_CHECKING:
    import torch
    from torch import nn

HOUR_S = 3600

FEW_SYSTEMS = 2
"""Number of systems that are named as a study that takes less time."""

TRIED_PX = 64
"""Side of the crop of the trial step, and of the picture that is restored, px."""


@dataclass(frozen=True)
class Estimate:
    """Estimated cost of one run on this machine; scoring is not included."""

    steps: int
    training_seconds: float | None
    restoring_seconds: float | None
    basis: str
    problem: str = ""

    @property
    def seconds(self) -> float | None:
        """Seconds of training and restoring together."""
        if self.training_seconds is None or self.restoring_seconds is None:
            return None
        return self.training_seconds + self.restoring_seconds


def show_plan(studies: Sequence[Study], problems: Sequence[InputError] = ()) -> int:
    """Print every system with its runs and an estimate; return the exit code."""
    tell_changes(studies)
    planned = _planned(studies)
    rows = []
    total = 0.0
    failing = False
    remains: list[Left] = []
    for study, group, left in track(planned, "estimating"):
        forecast = estimate(study, group[0])
        rows.append(_row(study, group, left, forecast))
        total += _seconds_left(left, forecast) or 0.0
        remains += left
        if forecast.problem:
            say(forecast.problem, error=True)
            failing = True
    print_tables([_table(_progress(studies, len(remains)), rows, total)])
    tell_finished(studies, remains)
    for problem in problems:
        say(f"left out: {problem}")
    return problems[0].exit_code if problems else int(failing)


def _planned(
    studies: Sequence[Study],
) -> list[tuple[Study, list[Run], list[Left]]]:
    """The runs of each system of each study, and what is left of them."""
    planned = []
    for study in studies:
        left = _left(study)
        for group in _groups(study):
            waiting = [one for one in left if one.run in group]
            planned.append((study, group, waiting))
    return planned


def _progress(studies: Sequence[Study], waiting: int) -> str:
    runs = sum(len(study.runs) for study in studies)
    words = counted(runs, "run")
    if waiting < runs:
        words += f": {runs - waiting} finished, {waiting} left"
    return words


def tell_hours(pending: Sequence[tuple[Study, Sequence[Left]]]) -> None:
    """Before long trainings of several systems, print their hours on a CPU and the fastest's."""
    seconds = {} if has_gpu() else _long_trainings(pending)
    total = math.fsum(seconds.values())
    if total < HOUR_S or len(seconds) <= FEW_SYSTEMS:
        return
    fastest = sorted(seconds, key=seconds.__getitem__)[:FEW_SYSTEMS]
    only = " ".join(f"--only {name}" for name in fastest)
    of_fastest = math.fsum(seconds[name] for name in fastest)
    say(
        f"{counted(len(seconds), 'system')} will take about {span(total)} on this processor, one "
        f"after another; two systems, with '{only}': {span(of_fastest)}"
    )


def _long_trainings(
    pending: Sequence[tuple[Study, Sequence[Left]]],
) -> dict[str, float]:
    """Estimated seconds of the systems with long trainings.

    With one or two systems nothing is tried, and the result is empty."""
    trials: dict[str, tuple[Study, Run]] = {}
    runs: Counter[str] = Counter()
    for study, left in pending:
        for one in left:
            if one.metrics is None:
                trials.setdefault(one.run.group, (study, one.run))
                runs[one.run.group] += 1
    if _few_systems(trials.values()):
        return {}  # where a schedule counts epochs, their steps would need the size of each picture
    long = [one for one in trials.values() if _steps(*one) >= LONG_STEPS]
    if _few_systems(long):
        return {}
    seconds: dict[str, float] = defaultdict(float)
    for study, run in track(long, "estimating"):
        each = estimate(study, run).seconds
        if each is not None:
            seconds[run.system] += each * runs[run.group]
    return seconds


def _few_systems(trials: Iterable[tuple[Study, Run]]) -> bool:
    return len({run.system for _, run in trials}) <= FEW_SYSTEMS


def _row(
    study: Study,
    group: Sequence[Run],
    left: Sequence[Left],
    estimate: Estimate,
) -> tuple[Cell, ...]:
    minutes = None if estimate.seconds is None else estimate.seconds / 60
    seconds = _seconds_left(left, estimate)
    everything = None if seconds is None else seconds / 60
    runs = f"{len(left)} of {len(group)}"
    steps = str(estimate.steps)
    return (
        group[0].system,
        study.dataset.name,
        runs,
        steps,
        minutes,
        everything,
        estimate.basis,
    )


def _seconds_left(left: Sequence[Left], estimate: Estimate) -> float | None:
    """Remaining seconds of one system's runs; one that lacks only metrics is not trained again."""
    known = []
    for run in left:
        trained = run.metrics is None
        seconds = estimate.seconds if trained else estimate.restoring_seconds
        if seconds is None:
            return None
        known.append(seconds)
    return math.fsum(known)


def _table(caption: str, rows: Sequence[tuple[Cell, ...]], seconds: float) -> Table:
    columns = (
        "System",
        "Dataset",
        "Runs left",
        "Steps",
        Column("Each", "min", None, 1),
        Column("All", "min", None, 1),
        "Basis",
    )
    note = (
        f"about {span(seconds)} on this machine, one run after another; scoring, registering "
        "and reading pictures come on top; nothing was run"
    )
    return Table.of(caption, columns, rows, note)


def _groups(study: Study) -> list[list[Run]]:
    """The runs by system; the runs of one system differ in their seed."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in study.runs:
        groups[run.group].append(run)
    return list(groups.values())


def _left(study: Study) -> list[Left]:
    store = study.out / STORE
    if not store.is_file():
        return [Left(run, None) for run in study.runs]
    with read_results(store) as results:
        return left_of(study, results)


def estimate(study: Study, run: Run) -> Estimate:
    """Estimate the cost of a run from an earlier training of it, else from one trial step."""
    steps = _steps(study, run)
    try:
        per_step, restoring = _tried(study, run)
    except TrainingError as error:
        return Estimate(steps, None, None, "fails, see above", problem=str(error))
    except CRASHES as error:  # whatever a faulty system raises
        reason = " ".join(str(error).split())[:80]
        return Estimate(steps, None, None, f"cannot be tried: {reason}")
    measured = seconds_per_step(run_folder(study.out, run.id) / CURVE)
    basis = "earlier steps" if measured else f"one step of {TRIED_PX} px"
    training = steps * (measured or per_step)
    return Estimate(
        steps,
        training,
        restoring,
        basis if steps else f"one pass of {TRIED_PX} px",
    )


def _steps(study: Study, run: Run) -> int:
    if run.recipe is None or _is_trained_elsewhere(study, run):
        return 0
    schedule = run.schedule
    if schedule.steps is not None:
        return schedule.steps
    crops = max(1, _epoch_pixels(study) // schedule.crop_px**2)
    return run.recipe.epochs * math.ceil(crops / schedule.batch)


def _is_trained_elsewhere(study: Study, run: Run) -> bool:
    """Whether another study or another run trains the network of a run."""
    return run.training is not None or study.home is not None


def _epoch_pixels(study: Study) -> int:
    endless = study.dataset.endless
    if endless is None:
        return _pixels(study, "train")
    return endless.epoch_pixels


def _pixels(study: Study, split: Split) -> int:
    pixels = 0
    for pair in study.dataset.split(split):
        size = readable_size(pair.blurry)
        if size is not None:
            pixels += math.prod(size)
    return pixels


def _tried(study: Study, run: Run) -> tuple[float, float]:
    """Seconds of one step, and of restoring the test pictures; the first try only warms up."""
    import torch

    from defocus.benchmark.cost.trial_step import require_sizes, sizes_of
    from defocus.benchmark.study.changed_sources import tell_uncounted
    from defocus.training.devices import best_device

    torch.manual_seed(0)
    device = best_device()
    network = run.baseline.build().to(device)
    if study.home is None:
        require_sizes(run.baseline, network, sizes_of(study, run), device)
        tell_uncounted(run)
    passes = [_pass_seconds(network.eval(), run, device) for _ in range(2)]
    restoring = min(passes) * _pixels(study, "test") / TRIED_PX**2
    if run.recipe is None or _is_trained_elsewhere(study, run):
        return 0.0, restoring
    return _step_seconds(network.train(), run, device), restoring


def _pass_seconds(network: "nn.Module", run: Run, device: "torch.device") -> float:
    import torch

    from defocus.benchmark.cost.trial_step import random_batch

    batch = random_batch(run.baseline.card, (), 1, TRIED_PX).to(device)
    with torch.no_grad():
        started = time.perf_counter()
        network(batch.blurry, **batch.extra)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started


def _step_seconds(network: "nn.Module", run: Run, device: "torch.device") -> float:
    from defocus.baselines.objective_registry import objective
    from defocus.benchmark.cost.trial_step import TRIED_CROPS, try_run

    recipe = run.own_recipe
    loss = objective(recipe.objective, **recipe.objective_settings)
    loss = loss.to(device).train()
    crops = min(TRIED_CROPS, max(1, run.schedule.batch))
    trials = []
    for _ in range(2):  # of step 1, in which every part of the loss counts
        trial = try_run(run, network, loss, (crops, TRIED_PX), device, step=1)
        trials.append(trial.seconds)
    tried_pixels = crops * TRIED_PX**2
    return min(trials) * _pixels_per_step(run) / tried_pixels


def _pixels_per_step(run: Run) -> float:
    """Mean number of pixels per step over the training; number and size of crops may grow."""
    epochs = run.recipe.epochs if run.recipe else 0
    pixels = []
    for percent in range(100):
        crop_px, batch = run.schedule.size_at(percent * epochs / 100)
        pixels.append(crop_px**2 * batch)
    return math.fsum(pixels) / len(pixels)
