"""``defocus-data curate --fiftyone`` and ``--hub``."""

from typing import TYPE_CHECKING, Any

from defocus.extras.viewers.export import with_exports

if TYPE_CHECKING:  # heavy at run time
    from defocus.extras.viewers.table import AuditedDataset


def _audited(asked: dict[str, Any]) -> "AuditedDataset":
    """The dataset that was just judged; the measurements are read from the cache."""
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.api import open_dataset
    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.curation import read_decisions
    from defocus.datasets.curation_rules import judged, read_rules
    from defocus.extras.viewers.table import AuditedDataset

    dataset = open_dataset(asked["dataset"], damaged=True)
    audit = audit_dataset(
        dataset,
        asked["estimator"] or DEFAULT_ESTIMATOR,
        asked["where"],
    )
    decisions = read_decisions(asked["out"])
    by_rule = judged(audit, read_rules(asked["rules"]))
    judgements = [decisions.get(one.id, one) for one in by_rule]
    return AuditedDataset(dataset, audit, judgements)


ADDED = with_exports(_audited)
