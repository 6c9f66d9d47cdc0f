"""The chart restored by the systems of a study, with the networks that it trained."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from defocus.benchmark.documents.write import write_report
from defocus.benchmark.results.run_folder import CRASHES, one_line, run_folder
from defocus.benchmark.study.attempt import load_run
from defocus.benchmark.study.document import load_noted, read_request
from defocus.benchmark.study.expansion import expand_all
from defocus.benchmark.study.plan import Run
from defocus.cluster.dispatcher import each
from defocus.errors import InterruptedWorkError, StorageError
from defocus.extras.charts.systems.kept import ChartScore, Finished, keep_chart
from defocus.extras.charts.systems.photographs import ChartCase
from defocus.extras.charts.systems.restorers import SystemRestorer, restorers, restoring
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.training.record.folder import training_finished

CHART_REVISION = 1
"""Revision of the chart's photographs, of their restoration and of what is read off them."""
"""What the scores depend on, besides the systems and the photographs."""


def study_restorers(out: Path) -> dict[str, SystemRestorer]:
    """The blurry picture, and the finished systems of a study's first dataset."""
    request = read_request(out)
    requests = (request, *request.earlier)
    load_noted(list(chain.from_iterable(one.plugins for one in requests)))
    by_name = restorers([])
    for study in expand_all(requests, out).studies[:1]:
        for run in study.runs:
            card = run.baseline.card
            # a chart is restored at scales in any case
            if run.baseline.trained_as is not None:
                continue
            finished = run.recipe is None or training_finished(run_folder(out, run.id))
            if (
                card.kind == "reference"
                or card.input != "single"
                or card.needs
                or not finished
            ):
                continue
            if run.system not in by_name:
                network = load_run(study, run).network.eval()
                by_name[run.system] = restoring(network, _weights(run), card.reach_px)
    return by_name


def _weights(run: Run) -> str:
    """Whose weights a run has, as the leaderboard calls them."""
    if run.weights is not None:
        return run.weights.origin
    if run.recipe is None:
        return ""
    return run.trained_weights


def measure_chart(
    by_name: Mapping[str, SystemRestorer],
    cases: Sequence[ChartCase],
    out: Path | None = None,
    where: Where = 1,
) -> list[ChartScore]:
    """Restore photographs of the chart; a system that fails is reported and left out.

    Each system's scores are kept in ``out``, so that an interrupted command goes on there."""
    if out is not None:
        read_request(out)
    finished = Finished(out)
    keys, left = {}, {}
    for name, restorer in by_name.items():
        keys[name] = _key(name, restorer, cases)
        if keys[name] not in finished:
            left[name] = (name, restorer)
    for name, measured in _measured(left, cases, where):
        finished.add(keys[name], measured)
        say(f"chart: {name}{_gains(measured)}")
    scores = []
    for key in keys.values():
        scores += finished[key]
    if out is not None:
        keep_chart(out, scores)
        write_report(out)
    finished.end()
    return scores


def _measured(
    left: Mapping[str, tuple[str, SystemRestorer]],
    cases: Sequence[ChartCase],
    where: Where,
) -> Iterator[tuple[str, list[ChartScore]]]:
    """The scores of each system as they are ready; what was left out is reported."""
    with closing(each(partial(_of_system, tuple(cases)), left, where)) as done:
        for name, result in track(done, "restoring charts", len(left)):
            scores, problem = (
                ([], result.reason) if isinstance(result, LeftOut) else result
            )
            if problem:
                say(f"{name}: left out of the chart {problem}", error=True)
            yield name, scores


def _key(name: str, restorer: SystemRestorer, cases: Sequence[ChartCase]) -> str:
    """A name for the scores of a system that changes with whatever they depend on."""
    parts = [
        name,
        restorer.weights,
        restorer.fingerprint(),
        str(CHART_REVISION),
        *(case.identity for case in cases),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _of_system(
    cases: Sequence[ChartCase],
    named: tuple[str, SystemRestorer],
) -> tuple[list[ChartScore], str]:
    """The scores of a system up to the photograph at which it fails, and why it does."""
    name, restorer = named
    scores: list[ChartScore] = []
    for case in cases:
        try:
            mine = case.scores(name, restorer)
        except (StorageError, InterruptedWorkError):
            raise
        except CRASHES as error:
            return scores, f"at {case.name} ({one_line(error)})"
        scores += [replace(score, weights=restorer.weights) for score in mine]
    return scores, ""


def _gains(scores: Sequence[ChartScore]) -> str:
    """A system's gains in words."""
    if not scores:
        return ""
    gains = []
    blurs_px = []
    for one in scores:
        gains.append(f"{one.gain:.2f}")
        blurs_px.append(f"{one.blur_px:.3g}")
    return f" MTF50 × {', '.join(gains)} at {', '.join(blurs_px)} px"
