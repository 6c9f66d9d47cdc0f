"""``defocus-bench helsinki``."""

from pathlib import Path

import click

from defocus.command_line.options import FOLDER, json_option
from defocus.command_line.verbs import help_heading


@help_heading("Restore")
@click.command()
@click.option("--restored", type=FOLDER, help="Folder of the restored pictures.")
@click.option(
    "--dataset",
    metavar="hdc2021:DIR",
    help="The challenge's pictures and texts.",
)
@click.option(
    "--text-free",
    type=FOLDER,
    help="Folder of the restored pictures of --make-text-free.",
)
@click.option(
    "--make-text-free",
    type=FOLDER,
    help="Write blurry pictures without text, to be restored, then exit.",
)
@json_option()
def command(
    restored: Path | None,
    dataset: str | None,
    text_free: Path | None,
    make_text_free: Path | None,
    *,
    as_json: bool,
) -> int:
    """Score text as the Helsinki challenge does.

    The middle of three lines is read by tesseract at each of the 20 steps of blur. A step is passed
    if 70 % or more is read correctly. A method must not write text into pictures that have none.
    The exit code is 1 if it does, or if pictures are missing or cannot be read.
    """
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.json_output import json_output
    from defocus.datasets.api import open_dataset
    from defocus.extras.text.helsinki import score_steps, steps_table, write_text_free
    from defocus.processes.isolation import say_left_out

    if make_text_free is not None:
        write_text_free(make_text_free)
        click.echo(str(make_text_free))
        return 0
    if restored is None or dataset is None:
        raise click.UsageError("give --restored DIR and --dataset hdc2021:DIR")
    with json_output() as output:
        opened = open_dataset(dataset, damaged=True)
        result = score_steps(restored, opened, text_free)
        say_left_out(result.left_out, opened.total, "picture")
        if as_json:
            output.write(result.to_json())
    if not as_json:
        print_tables([steps_table(result)])
    return int(bool(result.missing or result.left_out) or result.sane is False)
