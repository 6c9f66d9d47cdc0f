"""The command ``defocus-data``."""

from defocus.command_line.commands import command_group, run_command
from defocus.datasets.layouts.skip_missing import with_skip_missing


def main() -> None:
    """Run the command line and exit."""
    run_command(
        command_group(
            "defocus-data",
            "defocus.datasets.commands",
            "Measure and compensate misalignment; make and inspect datasets.",
            headings=("Open", "Measure", "Improve", "Keep"),
            further=with_skip_missing,
        )
    )
