"""Columns by name: metrics, gain and costs know their head, unit, direction and decimals."""

from dataclasses import replace
from typing import Any

from defocus.benchmark.metric.metric import all_metrics
from defocus.reports.model import Column

GAIN = Column("Gain", "dB", "higher", 2)

COST_COLUMNS = {
    "params_m": Column("Parameters", "M", None, 2),
    "macs_g": Column("MACs", "G", None, 2),
    "peak_mib": Column("Memory", "MiB", None, 0),
    "seconds": Column("Time", "s", None, 3),
    "seconds_mp": Column("Time per MP", "s", None, 2),
}


def column(key: str, name: str = "", **more: Any) -> Column:  # noqa: ANN401 - fields of Column
    """The column of a metric, a cost or ``gain``, with another head where one is given."""
    known = GAIN if key == "gain" else COST_COLUMNS.get(key)
    if known is None:
        metric = all_metrics()[key]
        known = Column(metric.display_name, metric.unit, metric.better, metric.decimals)
    return replace(known, name=name or known.name, **more)


def unit_of(key: str) -> str:
    """The unit of a metric or a cost; empty for none, and for what is neither."""
    known = key in COST_COLUMNS or key in all_metrics()
    return column(key).unit if known else ""
