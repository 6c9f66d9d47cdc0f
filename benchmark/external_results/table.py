"""Table of external scores: one line per picture, the mean last, with the pictures behind it."""

from pathlib import Path

from defocus.benchmark.external_results.scoring import Scoring
from defocus.benchmark.metric.metric import Metric
from defocus.benchmark.metric.registry import all_metrics
from defocus.progress import counted
from defocus.reports.model import Column, Table

__all__ = ["scoring_table"]


def scoring_table(scoring: Scoring) -> Table:
    """Table of the metrics, with the files' names where they differ from the pictures'."""
    # A metric without any value has no column; its note says why.
    renamed = any(Path(file).stem != Path(name).stem for name, file in scoring.files.items())
    files = {"File": scoring.files} if renamed else {}
    known = ((metric, _pictures(scoring, metric.name)) for metric in all_metrics().values())
    counts = {metric: images for metric, images in known if images}
    metrics, usual = list(counts), next(iter(counts.values()), 0)
    rows = [*scoring.images, {"name": f"mean of {counted(usual, 'picture')}", **scoring.mean}]
    columns = (
        Column(_head(metric, images, usual), metric.unit, metric.better, metric.decimals)
        for metric, images in counts.items()
    )
    return Table(
        f"made elsewhere, profile {scoring.profile}" + (", cropped" if scoring.cropped else ""),
        (Column("Picture"), *map(Column, files), *columns),
        tuple(
            (
                row["name"],
                *(named.get(row["name"], "") for named in files.values()),
                *(row.get(metric.name) for metric in metrics),
            )
            for row in rows
        ),
        "; ".join(scoring.notes),
    )


def _pictures(scoring: Scoring, metric: str) -> int:
    """How many pictures have a value of a metric."""
    return sum(row.get(metric) is not None for row in scoring.images)


def _head(metric: Metric, images: int, usual: int) -> str:
    name = metric.display_name
    return name if images == usual else f"{name}, {counted(images, 'picture')}"
