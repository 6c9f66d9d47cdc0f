"""``defocus-bench table``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.options import FILE, OneOf
from defocus.command_line.verbs import help_heading

PAPER = ("methods", "protocols", "datasets", "places", "costs")
NUMBERS = ("leaderboard", "pictures")


@help_heading("Report")
@click.command()
@click.argument("style", type=OneOf([*PAPER, *NUMBERS]))
@out_option
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print CSV instead of LaTeX, a table below the other; leaderboard.csv in the study's "
    "folder is one table of all means.",
)
@click.option(
    "--to",
    "target",
    type=FILE,
    help="File of leaderboard or pictures; it ends in .csv, .parquet, .tex or .json.",
)
def command(style: str, out: Path, target: Path | None, *, as_csv: bool) -> None:
    """Print the tables of a study for a paper.

    Tables are LaTeX with booktabs; the best value is bold, the second underlined.

    
    methods    a table per dataset and protocol
    protocols  the protocols of a dataset side by side
    datasets   the datasets side by side
    places     PSNR indoors, outdoors and of both
    costs      quality beside parameters, multiply-adds and time

    The best are marked only among ranked systems: those trained with the budget paper, those not
    trained here, and narrow copies of the budget demo among themselves.

    \b
    All numbers are written to the file --to:
    leaderboard  every row, with the versions of its profile, dataset, recipe and scoring code;
                 JSON also holds the tracks: ranks with their stability, paired tests, and the
                 differences each dataset can resolve
    pictures     the scores of every picture
    """  # noqa: D301 - click's mark for a paragraph to leave alone is the backspace character
    from defocus.benchmark.study.standing import tell_unfinished

    if style in NUMBERS:
        if as_csv:
            raise click.UsageError("--csv is for printed tables; --to FILE.csv writes CSV")
        if target is None:
            raise click.UsageError(f"{style} is written to a file: --to FILE, such as numbers.csv")
        tell_unfinished(out)
        _write_numbers(out, target, images=style == "pictures")
        return
    if target is not None:
        raise click.UsageError(f"--to is for {' and '.join(NUMBERS)}; {style} is printed")
    from defocus.benchmark.documents.write import paper_text

    tell_unfinished(out)
    click.echo(paper_text(out, style, as_csv=as_csv), nl=False)


def _write_numbers(out: Path, target: Path, *, images: bool) -> None:
    from defocus.benchmark.leaderboard.publish import export_study
    from defocus.benchmark.results.store import STORE, read_results
    from defocus.progress import counted, say

    with read_results(out / STORE) as results:
        lines = export_study(results, target, images=images)
    say(f"{target}: {counted(lines, 'row')}")
