"""What several sub-commands share of their command line."""

from pathlib import Path

import click

SETTINGS = "defocus.benchmark.study.options"
"""Settings models of commands, which the list of commands does not import."""

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study.",
)
