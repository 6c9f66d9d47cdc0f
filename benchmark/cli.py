"""The command ``defocus-bench``."""

from defocus.command_line.commands import command_group, run_command
from defocus.datasets.layouts.skip_missing import with_skip_missing


def main() -> None:
    """Run the command line and exit."""
    run_command(
        command_group(
            "defocus-bench",
            "defocus.benchmark.commands",
            "Train, evaluate and compare defocus deblurring systems.",
            headings=("Restore", "Systems", "Run", "Report", "Study", "Share"),
            further=with_skip_missing,
        )
    )
