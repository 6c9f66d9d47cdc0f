"""Table of external scores: one line per picture, the mean last."""

from pathlib import Path

from defocus.benchmark.external_results.scoring import Scoring
from defocus.benchmark.metric.registry import all_metrics
from defocus.reports.model import Column, Table

__all__ = ["scoring_table"]


def scoring_table(scoring: Scoring) -> Table:
    """Table of the metrics, with the files' names where they differ from the pictures'.

    A metric without any value has no column; its note says why. Further information is in the JSON
    document.
    """
    renamed = any(Path(file).stem != Path(name).stem for name, file in scoring.files.items())
    files = {"File": scoring.files} if renamed else {}
    rows = [*scoring.images, {"name": "mean", **scoring.mean}]
    metrics = [
        metric
        for name, metric in all_metrics().items()
        if any(row.get(name) is not None for row in rows)
    ]
    columns = (Column(m.display_name, m.unit, m.better, m.decimals) for m in metrics)
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
