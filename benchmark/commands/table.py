"""``defocus-bench table``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option

__all__ = ["command"]


@click.command()
@click.argument("style", type=click.Choice(["methods", "protocols", "datasets", "places", "costs"]))
@out_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV in place of LaTeX.")
def command(style: str, out: Path, *, as_csv: bool) -> None:
    """Print a study's numbers as papers do: LaTeX with booktabs, best bold, second underlined.

    
    methods    a table per dataset and protocol
    protocols  the protocols of a dataset side by side
    datasets   the datasets side by side
    places     PSNR indoors, outdoors and of both
    costs      quality beside parameters, multiply-adds and time

    Nothing is marked where systems may not be ranked.
    """
    from defocus.benchmark.reporting.writing import paper_text

    click.echo(paper_text(out, style, as_csv=as_csv), nl=False)
