"""defocus-data sidecar."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.commands import SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import json_option, without
from defocus.datasets.commands.align import KERNEL_HELP, MODEL_HELP, PHOTOMETRIC_HELP
from defocus.progress import counted, say

FOLDER = click.Path(path_type=Path, file_okay=False)

SECTIONS = {
    "Sidecar": ("--out", "--apply", "--name"),
    "Corrections": ("--model", "--kernel", "--photometric", "--estimator"),
    "Output": ("--jobs", "--json"),
}


@help_heading("Improve")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("dataset")
@click.option("--out", type=FOLDER, help="Folder of the new sidecar: new or empty.")
@click.option("--apply", "folder", type=FOLDER, help="Sidecar to apply to DATASET, your own copy.")
@click.option("--name", help="Name of the new sidecar (default aligned-v1).")
@click.option("--model", type=click.Choice(["none", "global", "flow"]), help=MODEL_HELP)
@click.option("--kernel", type=click.Choice(["lanczos", "bicubic"]), help=KERNEL_HELP)
@click.option("--photometric", type=click.Choice(["match", "none"]), help=PHOTOMETRIC_HELP)
@click.option("--estimator", help="Flow estimator: dis or pwcnet.")
@jobs_option("Number of pairs measured or corrected at once.")
@json_option
def command(
    *,
    dataset: str,
    out: Path | None,
    folder: Path | None,
    jobs: int,
    as_json: bool,
    **settings: Any,  # noqa: ANN401 - what click parsed
) -> int:
    """Write or apply corrections without pictures.

    With --out every pair of DATASET is measured; the sidecar holds transform or flow, exposure,
    masks and the best score that noise allows. With --apply a sidecar corrects your own copy of the
    dataset; open the result as --dataset READER@NAME. A copy with different pictures is refused.
    The exit code is 1 if a pair is left out because it cannot be read.
    """
    if (out is None) == (folder is None):
        raise click.UsageError("give --out for a new sidecar, or --apply for an existing one")
    if folder is not None and any(value is not None for value in settings.values()):
        raise click.UsageError(
            "--apply can be combined with --jobs and --json only; the sidecar holds its settings"
        )
    if as_json:
        with json_output() as output:
            done = _done(dataset, out, folder, jobs, **settings)
            output.write(done)
        return int(bool(done["left_out"]))
    done = _done(dataset, out, folder, jobs, **settings)
    click.echo(f"{done['sidecar']}: {counted(done['pairs'], 'pair')} of {done['dataset']}")
    if folder is not None:
        click.echo(f"use it with --dataset {done['dataset']}")
    return int(bool(done["left_out"]))


def _done(
    dataset: str,
    out: Path | None,
    folder: Path | None,
    jobs: int,
    *,
    name: str | None,
    estimator: str | None,
    **wanted: str | None,
) -> dict[str, Any]:
    from defocus.datasets.api import open_dataset

    opened = open_dataset(dataset, damaged=folder is None)
    if folder is not None:
        from defocus.datasets.sidecar import apply_sidecar

        applied = apply_sidecar(dataset, opened, folder, jobs)
        return {
            "sidecar": str(folder),
            "dataset": applied.name,
            "pairs": len(applied.pairs),
            "left_out": [one.to_json() for one in applied.without()],
        }
    assert out is not None  # noqa: S101 - one of the two is given

    from defocus.align.compensation.compensate import Release
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.commands._derived import say_member_warnings
    from defocus.datasets.sidecar_writing import write_sidecar

    # names of fields are no types
    given: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
    say_member_warnings(opened.pairs)
    sidecar, failed = write_sidecar(
        opened, out, name or "aligned-v1", Release(**given), estimator or DEFAULT_ESTIMATOR, jobs
    )
    left_out = without(opened, failed)
    unknown = [entry for entry in sidecar.pairs if entry.status == "unknown"]
    unread = {one.id for one in left_out}
    for entry in (one for one in unknown if one.id not in unread):
        say(f"pair {entry.id} has no correction: {entry.reason}")
    aligned = len(sidecar.pairs) - len(unknown)
    return {
        "sidecar": str(out),
        "dataset": f"{sidecar.reader}@{sidecar.name}",
        "pairs": aligned,
        "left_out": [one.to_json() for one in left_out],
    }
