"""The command ``defocus-capture``."""

from defocus.command_line.commands import command_group, run_command


def main() -> None:
    """Run the command line and exit."""
    run_command(
        command_group(
            "defocus-capture",
            "defocus.capture.commands",
            "Shoot blurry/sharp pairs with real or simulated cameras.",
            headings=("Prepare", "Shoot", "Check", "Keep"),
        )
    )
