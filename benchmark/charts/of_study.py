"""The chart restored by the systems of a study, with the networks that it trained."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from defocus.benchmark.charts.kept import ChartScore, keep_chart
from defocus.benchmark.charts.restorers import Restore, restorers, restoring
from defocus.benchmark.charts.scores import ChartPhotographs
from defocus.benchmark.reporting.write import write_report
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.document import read_request
from defocus.benchmark.study.expansion import expand_all
from defocus.benchmark.study.plugin_files import load_noted
from defocus.benchmark.study.running.attempt import CRASHES, OURS, load_run, one_line
from defocus.progress import say
from defocus.training.record.folder import training_finished

__all__ = ["BLURS_PX", "add_chart", "measure_chart", "study_restorers"]

BLURS_PX = (2.0, 4.0, 8.0, 16.0)


def study_restorers(out: Path) -> dict[str, Restore]:
    """The blurry picture, and the finished systems of a study's first dataset.

    Args:
        out: Folder of the study.

    Raises:
        SettingsError: There is no study, or its request is damaged.
        WeightsError: A checkpoint is damaged.
    """
    request = read_request(out)
    load_noted([noted for one in (request, *request.earlier) for noted in one.plugins])
    made = restorers([])
    for study in expand_all((request, *request.earlier), out).studies[:1]:
        for run in study.runs:
            card = run.baseline.card
            finished = run.recipe is None or training_finished(run_folder(out, run.id))
            if card.kind == "reference" or card.input != "single" or card.needs or not finished:
                continue
            if run.system not in made:
                made[run.system] = restoring(load_run(study, run).network.eval())
    return made


def measure_chart(made: Mapping[str, Restore], diameters: Sequence[float]) -> Iterator[ChartScore]:
    """Restore the chart at each circle of confusion; a system that fails is told and left out.

    Args:
        made: Systems.
        diameters: Circles of confusion, px.
    """
    photographs = ChartPhotographs()
    for name, restore in made.items():
        for diameter in diameters:
            say(f"chart at {diameter:g} px: {name}")
            try:
                yield photographs.scores(name, restore, diameter)
            except OURS:
                raise
            except CRASHES as error:
                say(f"{name}: left out of the chart ({one_line(error)})", error=True)
                break


def add_chart(out: Path, scores: Sequence[ChartScore]) -> None:
    """Keep scores in a study and show them in its report.

    Raises:
        InputError: The folder is not a study, or the kept scores are damaged.
        StorageError: The folder cannot be written.
    """
    keep_chart(out, scores)
    write_report(out)
