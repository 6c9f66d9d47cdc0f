"""What several sub-commands share of their command line."""

from pathlib import Path

import click

from defocus.command_line.options import FOLDER

SETTINGS = "defocus.benchmark.study.options"
MODELS = "defocus.benchmark.commands._settings"
"""Settings models of commands, which the list of commands does not import: of those that run
studies, and of the others."""

out_option = click.option(
    "--out",
    type=FOLDER,
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study.",
)
