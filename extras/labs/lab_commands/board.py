"""``defocus-bench labs board``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import FOLDER
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.labs.lab_commands._settings import BoardSettings


@click.command(name="board", cls=SettingsCommand)
@click.argument("folder", metavar="DIR", type=FOLDER)
def command(folder: Path, settings: "BoardSettings") -> None:
    """Make a site of a repository of bundles.

    The site has the leaderboard over all labs, filters for licence, cost, seen test scenes and
    verification, the history of each system, and a page for each submission. It can be opened
    from a folder, without a network.
    """
    from defocus.extras.labs.repository.board import write_board
    from defocus.progress import counted, say

    submissions = write_board(folder, settings.out)
    say(f"{counted(submissions, 'submission')} on the board")
    click.echo(str(settings.out / "index.html"))
