"""``defocus-bench report``."""

from pathlib import Path
from typing import Literal

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.options import FOLDER, OneOf
from defocus.command_line.verbs import help_heading


@help_heading("Report")
@click.command()
@out_option
@click.option(
    "--against",
    type=FOLDER,
    help="Folder of another study to compare with; writes comparison.html and comparison.pdf.",
)
@click.option(
    "--with",
    "others",
    type=FOLDER,
    multiple=True,
    help="Folder of another study of the same dataset, whose systems are added; repeatable. The "
    "report is then together.html and together.pdf.",
)
@click.option(
    "--figures",
    type=FOLDER,
    metavar="FOLDER",
    help="Instead of the report, draw figures for a paper into this folder, as vector files: "
    "quality against cost, training curves, and the figures of the report's sections.",
)
@click.option(
    "--format",
    "files",
    type=OneOf(["pdf", "svg"]),
    default="pdf",
    show_default=True,
    help="Format of --figures.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="With --against: print one JSON object.",
)
@click.pass_context
def command(
    context: click.Context,
    out: Path,
    against: Path | None,
    others: tuple[Path, ...],
    figures: Path | None,
    files: Literal["pdf", "svg"],
    *,
    as_json: bool,
) -> None:
    """Write the report of a study again.

    The command writes report.html and report.pdf, compares two studies with --against, shows
    several on one leaderboard with --with, or draws figures with --figures.
    """
    source = context.get_parameter_source("files")
    if figures is None and source is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--format is of the figures; it needs --figures FOLDER")
    if figures is not None:
        if against is not None or as_json:
            raise click.UsageError(
                "--figures cannot be combined with --against or --json"
            )
        _draw_figures(out, others, figures, files)
        return
    if against is not None and others:
        raise click.UsageError("--with cannot be combined with --against; choose one")
    _write(out, others, against, as_json=as_json)


def _write(
    out: Path,
    others: tuple[Path, ...],
    against: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write the report of a study, or its comparison with another one."""
    from defocus.benchmark.documents.write import write_comparison, write_report
    from defocus.benchmark.study.document import load_trusted
    from defocus.benchmark.study.standing import tell_unfinished
    from defocus.command_line.json_output import json_output

    load_trusted(out)
    tell_unfinished(out)
    if against is None:
        if as_json:
            raise click.UsageError("--json needs --against OTHER")
        write_report(out, others)
        return
    with json_output() as output:
        changes = write_comparison(out, against)
        if as_json:
            output.write(changes.to_json())


def _draw_figures(
    out: Path,
    others: tuple[Path, ...],
    folder: Path,
    files: Literal["pdf", "svg"],
) -> None:
    from defocus.benchmark.documents.together import studies_together
    from defocus.benchmark.documents.write import write_figures
    from defocus.benchmark.study.document import load_trusted

    load_trusted(out)
    with studies_together(out, others) as study:
        for path in write_figures(study, folder, files):
            click.echo(path)
