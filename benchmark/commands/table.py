"""``defocus-bench table``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import OneOf
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.documents.paper_options import PaperOptions

PAPER = ("methods", "protocols", "datasets", "places", "costs", "ablation")
NUMBERS = ("leaderboard", "pictures")

OF_ALL = {"out", "others", "target"}
"""Options that are not for printed tables alone."""


@help_heading("Report")
@click.command(
    cls=SettingsCommand,
    models="defocus.benchmark.documents.paper_options",
    headings=("Study", "Printed tables", "Files"),
)
@click.argument("style", type=OneOf([*PAPER, *NUMBERS]))
@click.pass_context
def command(
    context: click.Context,
    style: str,
    options: "PaperOptions",
) -> None:
    """Print the tables of a study for a paper.

    Tables are LaTeX with booktabs; the best value is bold, the second underlined.

    \b
    methods    a table per dataset and protocol
    protocols  the protocols of a dataset side by side
    datasets   the datasets side by side
    places     PSNR indoors, outdoors and of both
    costs      quality beside parameters, multiply-adds and time
    ablation   the rows of --rows in their order: check marks of --part, differences to the first

    The best are marked only among ranked systems: those trained with the budget paper, those not
    trained here, and narrow copies of the budget demo among themselves.

    \b
    All numbers are written to the file --to:
    leaderboard  every row, with the versions of its profile, dataset, recipe and scoring code;
                 JSON also holds the tracks: ranks with their stability, paired tests, and the
                 differences each dataset can resolve
    pictures     the scores of every picture
    """  # noqa: D301 - click's mark for a paragraph to leave alone is the backspace character
    from defocus.benchmark.documents.together import studies_together
    from defocus.benchmark.documents.write import paper_text
    from defocus.benchmark.study.document import load_trusted
    from defocus.benchmark.study.standing import tell_unfinished

    _refuse_what_means_nothing(context, style, options)
    load_trusted(options.out)
    tell_unfinished(options.out)
    with studies_together(options.out, options.others) as out:
        if options.target is not None:
            _write_numbers(out, options.target, images=style == "pictures")
        else:
            click.echo(paper_text(out, style, options, as_csv=options.as_csv), nl=False)


def _refuse_what_means_nothing(
    context: click.Context,
    style: str,
    options: "PaperOptions",
) -> None:
    if style in NUMBERS:
        if options.as_csv:
            raise click.UsageError(
                "--csv is for printed tables; --to FILE.csv writes CSV"
            )
        if options.target is None:
            raise click.UsageError(
                f"{style} is written to a file: --to FILE, such as numbers.csv"
            )
        given = set(options.model_dump(exclude_defaults=True)) - OF_ALL
        for one in context.command.params:
            if one.name in given:
                raise click.UsageError(
                    f"{one.opts[0]} is for printed tables; {style} has all rows"
                )
    elif options.target is not None:
        raise click.UsageError(
            f"--to is for {' and '.join(NUMBERS)}; {style} is printed"
        )
    elif style == "places" and options.metrics:
        raise click.UsageError(
            "--metrics cannot be chosen for places, which is of PSNR"
        )
    elif style == "ablation" and options.order:
        raise click.UsageError(
            "--order cannot be chosen for ablation: it is that of --rows"
        )
    elif style != "ablation" and options.parts:
        raise click.UsageError(f"--part is for ablation; {style} has no check marks")


def _write_numbers(out: Path, target: Path, *, images: bool) -> None:
    from defocus.benchmark.documents.publish import export_study
    from defocus.benchmark.results.store import STORE, read_results
    from defocus.progress import counted, say

    with read_results(out / STORE) as results:
        lines = export_study(results, target, images=images)
    say(f"{target}: {counted(lines, 'row')}")
