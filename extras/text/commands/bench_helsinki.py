"""``defocus-bench helsinki``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.text.commands._settings import HelsinkiSettings


@help_heading("Restore")
@click.command(cls=SettingsCommand)
def command(settings: "HelsinkiSettings") -> int:
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

    if settings.make_text_free is not None:
        write_text_free(settings.make_text_free)
        click.echo(str(settings.make_text_free))
        return 0
    if settings.restored is None or settings.dataset is None:
        raise click.UsageError("give --restored DIR and --dataset hdc2021:DIR")
    with json_output() as output:
        opened = open_dataset(settings.dataset, damaged=True)
        result = score_steps(settings.restored, opened, settings.text_free)
        say_left_out(result.left_out, opened.total, "picture")
        if settings.as_json:
            output.write(result.to_json())
    if not settings.as_json:
        print_tables([steps_table(result)])
    return int(bool(result.missing or result.left_out) or result.sane is False)
