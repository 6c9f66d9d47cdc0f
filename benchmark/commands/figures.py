"""``defocus-bench figures``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Report")
@click.command()
@out_option
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("figures"),
    show_default=True,
    help="Folder for the figures.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["pdf", "svg"]),
    default="pdf",
    show_default=True,
    help="Vector format of the files.",
)
def command(out: Path, folder: Path, kind: str) -> None:
    """Draw the figures of a study for a paper.

    The figures show quality against cost, training curves, and the gain by dose of misalignment in
    a study of it.
    """
    from defocus.benchmark.reporting.write import write_figures

    for path in write_figures(out, folder, "pdf" if kind == "pdf" else "svg"):
        click.echo(path)
