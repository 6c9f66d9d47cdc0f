"""defocus-data sidecar."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made, say_member_warnings, without
from defocus.progress import counted, say
from defocus.reading import Json

if TYPE_CHECKING:
    from defocus.datasets.commands._settings import SidecarSettings
    from defocus.datasets.pair import Dataset
    from defocus.processes.machines import Where


@help_heading("Improve")
@click.command(cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "SidecarSettings") -> int:
    """Write or apply corrections without pictures.

    With --out every pair of DATASET is measured; the sidecar holds transform or flow, exposure,
    masks and the best score that noise allows. With --apply a sidecar corrects your own copy of the
    dataset; open the result as --dataset READER@NAME. A copy with different pictures is refused.
    The exit code is 1 if a pair is left out because it cannot be read.
    """

    def lines(document: Json) -> tuple[str, ...]:
        pairs = f"{counted(document['pairs'], 'pair')} of {document['dataset']}"
        use = (
            ()
            if settings.folder is None
            else (f"use it with --dataset {document['dataset']}",)
        )
        return f"{document['sidecar']}: {pairs}", *use

    return print_made(lambda: _made(dataset, settings), lines, as_json=settings.as_json)


def _made(name: str, settings: "SidecarSettings") -> Json:
    """The result of writing or applying, in the keys of ``--json``."""
    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=settings.folder is None)
    if settings.folder is not None:
        return _applied(name, opened, settings.folder, settings.where)
    assert settings.out is not None  # noqa: S101 - one of the two is given

    from defocus.align.compensation.compensate import Release
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.pair import remaining
    from defocus.datasets.sidecar_writing import write_sidecar

    say_member_warnings(opened.pairs)
    sidecar, failed = write_sidecar(
        opened,
        settings.out,
        settings.name or "aligned-v1",
        Release(**settings.release),
        settings.estimator or DEFAULT_ESTIMATOR,
        settings.where,
    )
    left_out = without(opened, failed)
    unknown = [entry for entry in sidecar.pairs if entry.status == "unknown"]
    for entry in remaining(unknown, left_out):
        say(f"pair {entry.id} has no correction: {entry.reason}")
    return {
        "sidecar": str(settings.out),
        "dataset": f"{sidecar.reader}@{sidecar.name}",
        "pairs": len(sidecar.pairs) - len(unknown),
        "left_out": documents_of(left_out),
    }


def _applied(name: str, opened: "Dataset", folder: Path, where: "Where") -> Json:
    """The result of applying, in the keys of ``--json``."""
    from defocus.datasets.sidecar import apply_sidecar

    applied = apply_sidecar(name, opened, folder, where)
    return {
        "sidecar": str(folder),
        "dataset": applied.name,
        "pairs": len(applied.pairs),
        "left_out": documents_of(applied.without()),
    }
