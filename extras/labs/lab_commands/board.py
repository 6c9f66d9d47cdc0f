"""``defocus-bench labs board``."""

from pathlib import Path

import click

from defocus.command_line.options import FOLDER


@click.command(name="board")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("board"),
    show_default=True,
    help="Folder of the site; an earlier one is replaced.",
)
def command(folder: Path, out: Path) -> None:
    """Make a site of a repository of bundles.

    The site has the leaderboard over all labs, filters for licence, cost, seen test scenes and
    verification, the history of each system, and a page for each submission. It can be opened
    from a folder, without a network.
    """
    from defocus.extras.labs.repository.board import write_board
    from defocus.progress import counted, say

    say(f"{counted(write_board(folder, out), 'submission')} on the board")
    click.echo(str(out / "index.html"))
