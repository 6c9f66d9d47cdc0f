"""The numbers of a system on a simulated chart, for ``tests/golden``."""

from dataclasses import asdict
from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.extras.charts.systems.of_study import CHART_REVISION, measure_chart
from defocus.extras.charts.systems.photographs import simulated_cases
from defocus.extras.charts.systems.restorers import restorers
from tests.golden.numbers import Numbers, of_value

REVISIONS = {"chart": [CHART_REVISION]}


def _chart(_dataset: Dataset, _out: Path) -> Numbers:
    for score in measure_chart(restorers([]), simulated_cases([4.0])):
        numbers = {
            key: value for key, value in asdict(score).items() if key != "characters"
        }
        # characters are read where tesseract is
        yield from of_value(score.system, numbers)


MAKERS = {"chart": _chart}
