"""``defocus-bench serve``."""

from pathlib import Path

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Run")
@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this computer; by default any free one.",
)
def command(folder: Path, port: int) -> None:
    """Show studies live in the browser.

    The page shows all studies in FOLDER. The command prints the address, which can be reached from
    this computer only; Ctrl-C ends it. Nothing is written.
    """
    from defocus.benchmark.serving.serve import serve_studies
    from defocus.benchmark.serving.studies import find_studies
    from defocus.benchmark.study.plugin_files import tell_missing

    for study in find_studies(folder).studies:
        tell_missing(study.path)
    serve_studies(folder, port=port)
