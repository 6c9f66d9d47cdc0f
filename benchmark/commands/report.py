"""``defocus-bench report``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.commands._settings import StudyReportSettings


@help_heading("Report")
@click.command(cls=SettingsCommand)
def command(settings: "StudyReportSettings") -> None:
    """Write the report of a study again.

    The command writes report.html and report.pdf, compares two studies with --against, shows
    several on one leaderboard with --with, or draws figures with --figures.
    """
    source = click.get_current_context().get_parameter_source("files")
    if settings.figures is None:
        if source is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(
                "--format is of the figures; it needs --figures FOLDER"
            )
        _write(settings)
        return
    if settings.against is not None or settings.as_json:
        raise click.UsageError("--figures cannot be combined with --against or --json")
    _draw_figures(settings, settings.figures)


def _write(settings: "StudyReportSettings") -> None:
    """Write the report of a study, or its comparison with another one."""
    from defocus.benchmark.documents.write import write_comparison, write_report
    from defocus.benchmark.study.document import load_trusted
    from defocus.benchmark.study.standing import tell_unfinished
    from defocus.command_line.json_output import json_output

    if settings.against is not None and settings.others:
        raise click.UsageError("--with cannot be combined with --against; choose one")
    load_trusted(settings.out)
    tell_unfinished(settings.out)
    if settings.against is None:
        if settings.as_json:
            raise click.UsageError("--json needs --against OTHER")
        write_report(settings.out, settings.others)
        return
    with json_output() as output:
        changes = write_comparison(settings.out, settings.against)
        if settings.as_json:
            output.write(changes.to_json())


def _draw_figures(settings: "StudyReportSettings", folder: Path) -> None:
    from defocus.benchmark.documents.together import studies_together
    from defocus.benchmark.documents.write import write_figures
    from defocus.benchmark.study.document import load_trusted

    load_trusted(settings.out)
    with studies_together(settings.out, settings.others) as study:
        for path in write_figures(study, folder, settings.files):
            click.echo(path)
