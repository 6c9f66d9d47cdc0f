"""defocus-data merge."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.jobs_option import jobs_option
from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._limit_options import at_most_option, largest_shift_option
from defocus.datasets.measuring.motion_limits import MotionLimits
from defocus.isolation import say_left_out
from defocus.progress import counted, say

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.audit.run import Audit

__all__ = ["command"]

FOLDER = click.Path(path_type=Path, file_okay=False)


@help_heading("Measure")
@click.command()
@click.argument("dataset")
@click.argument("folders", metavar="FOLDER…", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("audit"),
    show_default=True,
    help="Folder for audit.csv, audit.json and audit.html.",
)
@click.option("--estimator", help="Estimator of the residual flow of all parts.")
@at_most_option
@largest_shift_option
@jobs_option("Number of pairs measured at once, with what their session shares.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as 'audit' does.")
def command(
    dataset: str,
    folders: tuple[Path, ...],
    out: Path,
    estimator: str | None,
    at_most: str | None,
    largest_px: float | None,
    jobs: int,
    *,
    as_json: bool,
) -> int:
    """Combine the parts of an audit.

    Each FOLDER was written by 'audit DATASET --shard I/N'. The result equals that of one audit
    without --shard. The measurements go into this computer's cache, so that 'curate', 'compensate',
    'split' and 'report' do not measure again. The exit code is 1 if a pair cannot be read.
    """
    limits = MotionLimits.of(at_most, largest_px)
    if as_json:
        with json_output() as output:
            audit = _merged(dataset, folders, out, estimator, limits, jobs)
            from defocus.datasets.audit.table import document

            output.write(document(audit, None))
    else:
        audit = _merged(dataset, folders, out, estimator, limits, jobs)
        click.echo(f"{audit.dataset}: {counted(len(audit.pairs), 'pair')}")
    return int(bool(audit.left_out))


def _merged(
    dataset: str,
    folders: tuple[Path, ...],
    out: Path,
    estimator: str | None,
    limits: MotionLimits,
    jobs: int,
) -> "Audit":
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.api import open_dataset

    opened = open_dataset(dataset, damaged=True)

    from defocus.datasets.audit.output import claim_audit_folder, write_audit
    from defocus.datasets.audit.shards import merge_shards
    from defocus.datasets.curation.usable import usable_pairs

    given = shlex.join([dataset, *map(str, folders)])
    claim_audit_folder(out, opened, f"defocus-data merge {given}")
    audit = merge_shards(opened, estimator or DEFAULT_ESTIMATOR, folders, jobs, limits)
    written = write_audit(out, opened, audit, None, usable_pairs(audit, opened.steps))
    say(f"wrote {', '.join(written)} to {out}")
    say_left_out(audit.left_out, audit.found, "pair")
    return audit
