"""``defocus-data curate --fiftyone`` and ``--hub``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from defocus.command_line.options import AddedOptions
from defocus.extras.viewers.export import export, export_options, require_ready


def _run(
    own: Callable[..., object],
    *,
    fiftyone: Path | None,
    hub: Path | None,
    **asked: Any,  # noqa: ANN401 - click's
) -> object:
    if fiftyone is None and hub is None:
        return own(**asked)
    require_ready(fiftyone, hub)
    code = own(**asked)
    return max(int(str(code)), _export(asked, fiftyone, hub))


def _export(asked: dict[str, Any], fiftyone: Path | None, hub: Path | None) -> int:
    """Write the folders of what was just judged; the measurements are read from the cache."""
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.api import open_dataset
    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.curation import read_decisions
    from defocus.datasets.curation_rules import judged, read_rules
    from defocus.extras.viewers.table import AuditedDataset

    dataset = open_dataset(asked["dataset"], damaged=True)
    audit = audit_dataset(dataset, asked["estimator"] or DEFAULT_ESTIMATOR, asked["where"])
    decisions = read_decisions(asked["out"])
    by_rule = judged(audit, read_rules(asked["rules"]))
    judgements = [decisions.get(one.id, one) for one in by_rule]
    return export(AuditedDataset(dataset, audit, judgements), fiftyone, hub)


ADDED = AddedOptions(export_options(), _run, heading="Output")
