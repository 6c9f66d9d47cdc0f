"""``defocus-data audit --fiftyone`` and ``--hub``."""

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
    """Write the folders of what was just measured, which is read from the cache."""
    from defocus.datasets.api import open_dataset
    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.commands._settings import AuditSettings
    from defocus.extras.viewers.table import AuditedDataset

    settings = AuditSettings(**{name: asked[name] for name in AuditSettings.model_fields})
    dataset = open_dataset(asked["dataset"], damaged=True)
    audit = audit_dataset(dataset, settings.flow, settings.where, settings.limits)
    return export(AuditedDataset(dataset, audit), fiftyone, hub)


ADDED = AddedOptions(export_options(), _run, heading="Output")
