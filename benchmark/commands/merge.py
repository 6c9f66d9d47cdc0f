"""``defocus-bench merge``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.verbs import help_heading


@help_heading("Run")
@click.command()
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER…",
)
@out_option
def command(folders: tuple[Path, ...], out: Path) -> int:
    """Copy finished runs of other studies to --out.

    Use it to join the parts made with 'run --shard'. The other folders are not changed; runs that
    --out already has are kept.
    """
    from defocus.benchmark.results.merging import merge_studies
    from defocus.progress import counted, say

    merged = merge_studies(out, folders)
    say(f"{counted(len(merged.taken), 'run')} copied, {len(merged.kept)} already there")
    say(str(out / "leaderboard.csv"))
    return 0
