"""``defocus-data audit --fiftyone`` and ``--hub``."""

from typing import TYPE_CHECKING, Any

from defocus.extras.viewers.export import with_exports

if TYPE_CHECKING:  # heavy at run time
    from defocus.extras.viewers.table import AuditedDataset


def _audited(asked: dict[str, Any]) -> "AuditedDataset":
    """The dataset that was just measured, which is read from the cache."""
    from defocus.datasets.api import open_dataset
    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.commands._settings import AuditSettings
    from defocus.extras.viewers.table import AuditedDataset

    settings = AuditSettings(
        **{name: asked[name] for name in AuditSettings.model_fields}
    )
    dataset = open_dataset(asked["dataset"], damaged=True)
    audit = audit_dataset(dataset, settings.flow, settings.where, settings.limits)
    return AuditedDataset(dataset, audit)


ADDED = with_exports(_audited)
