"""defocus-data audit."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.commands import SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.options import ShardOption, jobs_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import at_most_option, largest_shift_option
from defocus.isolation import say_left_out
from defocus.progress import counted, grouped, say

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.audit.run import Audit
    from defocus.datasets.curation_rules import Usable
    from defocus.datasets.measuring.kept import MotionLimits

FOLDER = click.Path(path_type=Path, file_okay=False)
MOST_PARTS = 100_000
SECTIONS = {
    "Measuring": ("--estimator", "--at-most", "--largest-shift", "--jobs"),
    "Output": ("--out", "--fail-above", "--json"),
    "Several computers": ("--shard", "--merge", "--launcher", "--parts", "--settings"),
}


def _pixels(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """A length in pixels, written ``1.0px`` or ``1.0``."""
    if value is None:
        return None
    try:
        length = float(value.strip().removesuffix("px"))
    except ValueError as error:
        raise click.BadParameter(f"'{value}' is not a length; give pixels such as 1.0px") from error
    if not 0 <= length < float("inf"):
        raise click.BadParameter(f"'{value}' is not a length; give 0px or more")
    return length


@help_heading("Measure")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("dataset")
@click.argument("folders", metavar="[PART]…", nargs=-1, type=FOLDER)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("audit"),
    show_default=True,
    help="Folder for audit.csv, audit.json and audit.html.",
)
@click.option(
    "--fail-above",
    "limit_px",
    metavar="LENGTH",
    callback=_pixels,
    help="Exit with 1 if a pair's misalignment is unknown or larger than this, such as 1.0px. The "
    "standard error (misalignment_sigma_px) is not subtracted.",
)
@click.option("--estimator", help="Estimator of the residual flow.")
@at_most_option
@largest_shift_option
@jobs_option("Number of pairs measured at once.", 2)
@click.option(
    "--shard",
    type=ShardOption(),
    help="Measure the I-th of N parts only, such as 2/8; --merge puts them together.",
)
@click.option("--merge", is_flag=True, help="Put the folders PART of --shard together.")
@click.option(
    "--launcher",
    type=click.Choice(["here", "slurm"]),
    default="here",
    show_default=True,
    help="Where to measure: here, or as cluster jobs that --merge puts together.",
)
@click.option(
    "--parts",
    type=click.IntRange(min=1, max=MOST_PARTS),
    default=8,
    show_default=True,
    help="Number of cluster jobs.",
)
@click.option(
    "--settings",
    "resources",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="TOML file with the table [slurm]: resources of a cluster job.",
)
@click.option("--json", "as_json", is_flag=True, help="Also print audit.json on stdout.")
def command(
    *,
    dataset: str,
    folders: tuple[Path, ...],
    out: Path,
    limit_px: float | None,
    estimator: str | None,
    at_most: str | None,
    largest_px: float | None,
    jobs: int,
    shard: tuple[int, int] | None,
    merge: bool,
    launcher: str,
    parts: int,
    resources: Path | None,
    as_json: bool,
) -> int:
    """Measure the quality of every pair.

    The audit measures misalignment, exposure, blur, sharpness and leaks between splits.

    A pair's misalignment is the mean distance between the same points in its two pictures, by the
    transform of the whole frame, and by the local flow where that explains more. It leaves out the
    noise of the flow. It includes the error of the transform, which is shown beside it and not
    subtracted. The residual flow is what is left of the flow after that transform, with its noise:
    for a perfect pair it is about two of its standard errors, which are shown too.

    Pairs that cannot be measured reliably are listed with the reason. The exit code is 1 if a pair
    cannot be read; with --fail-above also if one is misaligned or unknown, or a picture is in two
    splits. Run the same command again to continue an interrupted audit.

    With --merge the result equals that of one audit without --shard, and the measurements of the
    parts go into this computer's cache: 'curate', 'compensate', 'split' and 'report' use them.
    """
    if merge != bool(folders):
        raise click.UsageError("--merge and the folders of parts go together: --merge PART…")
    if merge and (shard is not None or launcher == "slurm"):
        raise click.UsageError("--merge puts parts together; leave --shard and --launcher out")
    if shard is not None or launcher == "slurm":
        if as_json or limit_px is not None:
            raise click.UsageError("a part cannot be combined with --json or --fail-above")
        if shard is not None and launcher == "slurm":
            raise click.UsageError("--launcher slurm makes all parts; leave --shard out")
    from defocus.datasets.measuring.kept import MotionLimits

    flow, limits = _flow_estimator(estimator), MotionLimits.of(at_most, largest_px)
    if launcher == "slurm":
        _submit(dataset, out, flow, parts, resources, limits)
        return 0
    if shard is not None:
        return _audit_shard(dataset, out, flow, jobs, shard, limits)
    if not as_json:
        audit, usable = _audit(dataset, folders, out, limit_px, flow, jobs, limits)
        _say_outcome(audit)
    else:
        with json_output() as output:
            audit, usable = _audit(dataset, folders, out, limit_px, flow, jobs, limits)
            from defocus.datasets.audit.table import document

            output.write(document(audit, limit_px))
    _say_usable(dataset, audit, usable)
    fails = limit_px is not None and _fails(audit, limit_px)
    return int(fails or bool(audit.left_out))


def _command(name: str, folders: Sequence[Path] = ()) -> str:
    merging = ["--merge", *map(str, folders)] if folders else []
    return f"defocus-data audit {shlex.join([name, *merging])}"


def _flow_estimator(name: str | None) -> str:
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, ESTIMATORS
    from defocus.errors import InputError

    if name is not None and name not in ESTIMATORS:
        known = ", ".join(ESTIMATORS)
        raise InputError(f"no flow estimator is called '{name}'; choose one of {known}")
    return name or DEFAULT_ESTIMATOR


def _audit_shard(
    name: str, out: Path, estimator: str, jobs: int, shard: tuple[int, int], limits: "MotionLimits"
) -> int:
    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=True)

    from defocus.datasets.audit.output import claim_audit_folder
    from defocus.datasets.audit.shards import audit_shard

    claim_audit_folder(out, opened, _command(name))
    given = " ".join(["", *limits.arguments])
    part = audit_shard(opened, estimator, jobs, shard, out, limits)
    say_left_out(part.left_out, opened.found, "pair")
    click.echo(
        f"{part.written}: put the parts together with "
        f"'defocus-data audit {name} --merge {out} …{given}'"
    )
    return int(bool(part.left_out))


def _submit(
    name: str, out: Path, estimator: str, parts: int, resources: Path | None, limits: "MotionLimits"
) -> None:
    from defocus.datasets.api import open_dataset
    from defocus.settings import load_settings
    from defocus.slurm import ClusterFile

    asked = ClusterFile() if resources is None else load_settings(ClusterFile, resources)
    opened = open_dataset(name, damaged=True)

    from defocus.datasets.audit.output import claim_audit_folder
    from defocus.datasets.audit.shards import submit_shards

    claim_audit_folder(out, opened, _command(name))
    given = " ".join(["", *limits.arguments])
    merging = f"'defocus-data audit {name} --merge {out / 'jobs'}/*-of-* --out {out}{given}'"
    if submit_shards(opened, name, estimator, parts, out, asked.slurm, limits):
        click.echo(f"all parts are there; put them together with {merging}")
    else:
        click.echo(
            "'squeue --me' shows the jobs; this command again submits what was lost; when all have "
            f"ended: {merging}"
        )


def _audit(
    name: str,
    folders: Sequence[Path],
    out: Path,
    limit_px: float | None,
    estimator: str,
    jobs: int,
    limits: "MotionLimits",
) -> "tuple[Audit, Usable]":
    from defocus.datasets.api import check_dataset, open_dataset
    from defocus.datasets.audit.output import claim_audit_folder, write_audit
    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.audit.shards import merge_shards
    from defocus.datasets.curation_rules import usable_pairs

    dataset = open_dataset(name, damaged=True)
    claim_audit_folder(out, dataset, _command(name, folders))
    complete = check_dataset(name)
    if complete is not None and not complete.ok:
        say(f"{name} is not the complete dataset; 'defocus-data list {name}' says what differs")
    if folders:
        audit = merge_shards(dataset, estimator, folders, jobs, limits)
    else:
        audit = audit_dataset(dataset, estimator, jobs, limits)
    usable = usable_pairs(audit, dataset.steps)
    written = write_audit(out, dataset, audit, limit_px, usable)
    say(f"wrote {', '.join(written)} to {out}")
    say_left_out(audit.left_out, audit.found, "pair")
    return audit, usable


def _say_usable(name: str, audit: "Audit", usable: "Usable") -> None:
    """Say how many pairs can be used, behind all that is listed, and what comes next."""
    from defocus.datasets.audit.page_outcome import compensation

    say(usable.words)
    if usable.compensated:
        command = compensation(name, *audit.limits.arguments)
        say(f"compensate first, then curate: {command}")


def _say_outcome(audit: "Audit") -> None:
    import numpy as np

    from defocus.datasets.audit.table import QUANTITIES, summary, values
    from defocus.datasets.commands._derived import say_warnings

    status = [pair.status for pair in audit.pairs]
    counts = ", ".join(f"{status.count(name)} {name}" for name in sorted(set(status)))
    click.echo(f"{audit.dataset}: {counted(len(status), 'pair')} ({counts})")
    numbers, floor = summary(audit.pairs), 2 * values(audit.pairs, "residual_sigma_px")
    for quantity in QUANTITIES:
        found = numbers[quantity.name]
        if found["count"]:
            click.echo(
                f"{quantity.title:<34} median {found['median']:z8.3f}   p95 {found['p95']:8.3f}"
                f"   max {found['max']:8.3f} {quantity.unit}".rstrip()
            )
        if quantity.name == "residual_p95_px" and len(floor):
            click.echo(
                f"{'  of a perfect pair, two errors':<34} median {np.median(floor):8.3f}   "
                f"p95 {np.quantile(floor, 0.95):8.3f}   max {floor.max():8.3f} px"
            )
    unknown = ((pair.id, pair.reason) for pair in audit.pairs if pair.status == "unknown")
    for line in grouped(unknown, len(status), "pair"):
        say(f"unknown: {line}")
    if "unknown" in status:
        say("audit.html says beside each unknown pair what helps")
    click.echo(f"pictures found in two splits: {len(audit.duplicates)}")
    say_warnings(audit.warnings, audit.pairs)


def _fails(audit: "Audit", limit_px: float) -> bool:
    from defocus.datasets.audit.table import failures

    found = failures(audit, limit_px)
    worst, leaks, same, unknown = found.misaligned, found.leaks, found.same, found.unknown
    if worst:
        say(
            f"{counted(len(worst), 'pair')} misaligned by more than {limit_px:g} px, the worst is "
            f"{worst[0].id} (mean {worst[0].misalignment_px:.2f} ± "
            f"{worst[0].misalignment_sigma_px or 0.0:.2f} px)"
        )
    if leaks:
        say(
            f"{counted(len(leaks), 'picture')} in two splits, such as {leaks[0].first} "
            f"({leaks[0].splits[0]}) and {leaks[0].second} ({leaks[0].splits[1]})"
        )
    if same:
        say(f"{counted(len(same), 'pair')} with the same picture twice, such as {same[0].id}")
    if found.unreadable:
        say(f"{counted(len(found.unreadable), 'pair')} that cannot be read")
    if unknown:
        say(
            f"{counted(len(unknown), 'pair')} not shown to be aligned, misalignment unknown, "
            f"such as {unknown[0].id}: {unknown[0].reason}"
        )
    if not found.measured:
        say("no pair could be measured, so none is shown to be aligned")
    return found.any
