"""Options that several sub-commands share."""

from pathlib import Path

import click

from defocus.command_line.options import FOLDER

SETTINGS = "defocus.benchmark.study.options"
"""Settings models of commands, which the list of commands does not import."""

out_option = click.option(
    "--out",
    type=FOLDER,
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study.",
)
