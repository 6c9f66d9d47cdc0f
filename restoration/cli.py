"""The command ``defocus-restore``."""

from defocus.command_line.commands import run_command, single_command
from defocus.datasets.layouts.skip_missing import with_skip_missing
from defocus.restoration.command import command


def main() -> None:
    """Run the command line and exit."""
    run_command(single_command("defocus-restore", command, with_skip_missing))
