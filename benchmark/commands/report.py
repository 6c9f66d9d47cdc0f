"""``defocus-bench report``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Report")
@click.command()
@out_option
@click.option(
    "--against",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of another study to compare with; writes comparison.html and comparison.pdf.",
)
@click.option("--json", "as_json", is_flag=True, help="With --against: print one JSON object.")
def command(out: Path, against: Path | None, *, as_json: bool) -> None:
    """Write the report of a study again.

    The command writes report.html and report.pdf, or compares two studies with --against.
    """
    from defocus.benchmark.reporting.write import write_comparison, write_report
    from defocus.benchmark.study.plugin_files import tell_missing
    from defocus.command_line.json_output import json_output

    tell_missing(out)
    if against is None:
        if as_json:
            raise click.UsageError("--json needs --against OTHER")
        write_report(out)
        return
    with json_output() as output:
        changes = write_comparison(out, against)
        if as_json:
            output.write(changes.to_json())
