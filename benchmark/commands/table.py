"""``defocus-bench table``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Report")
@click.command()
@click.argument("style", type=click.Choice(["methods", "protocols", "datasets", "places", "costs"]))
@out_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of LaTeX.")
def command(style: str, out: Path, *, as_csv: bool) -> None:
    """Print the tables of a study for a paper.

    Tables are LaTeX with booktabs; the best value is bold, the second underlined.

    
    methods    a table per dataset and protocol
    protocols  the protocols of a dataset side by side
    datasets   the datasets side by side
    places     PSNR indoors, outdoors and of both
    costs      quality beside parameters, multiply-adds and time

    Nothing is marked if systems may not be ranked.
    """
    from defocus.benchmark.reporting.write import paper_text

    click.echo(paper_text(out, style, as_csv=as_csv), nl=False)
