"""``defocus-data audit --fiftyone`` and ``--hub``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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
    if asked["shard"] is not None or asked["launcher"] == "slurm":
        raise click.UsageError("--fiftyone and --hub need the whole audit: give them with --merge")
    require_ready(fiftyone, hub)
    code = own(**asked)
    return max(int(str(code)), _export(asked, fiftyone, hub))


def _export(asked: dict[str, Any], fiftyone: Path | None, hub: Path | None) -> int:
    """Write the folders of what was just measured, which is read from the cache."""
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.api import open_dataset
    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.measuring.kept import MotionLimits
    from defocus.extras.viewers.table import AuditedDataset

    dataset = open_dataset(asked["dataset"], damaged=True)
    limits = MotionLimits.of(asked["at_most"], asked["largest_px"])
    estimator = asked["estimator"] or DEFAULT_ESTIMATOR
    audit = audit_dataset(dataset, estimator, asked["jobs"] or 1, limits)
    return export(AuditedDataset(dataset, audit), fiftyone, hub)


ADDED = AddedOptions(export_options(), _run)
