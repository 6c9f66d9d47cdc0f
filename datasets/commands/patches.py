"""defocus-data patches."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    USE_IT,
    counts_line,
    print_made,
    say_member_warnings,
    without,
)
from defocus.progress import say
from defocus.reading import Json

if TYPE_CHECKING:  # it imports pydantic
    from defocus.datasets.commands._settings import PatchSettings


@help_heading("Improve")
@click.command(cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "PatchSettings") -> int:
    """Cut the pictures of DATASET into patches.

    Training and validation pictures are downscaled in linear light without aliasing, then cut. Test
    pictures stay whole. Run the same command again to continue an interrupted run. The exit code is
    1 if a pair is left out because it cannot be read.
    """
    return print_made(
        lambda: _cut(dataset, settings),
        lambda result: (counts_line(result), USE_IT.format(result["root"])),
        as_json=settings.as_json,
    )


def _cut(name: str, settings: "PatchSettings") -> Json:
    from dataclasses import replace

    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=True)

    from defocus.datasets.cutting import SCHEMES, cut_dataset
    from defocus.datasets.pair import split_counts

    chosen = replace(SCHEMES[settings.scheme], **settings.chosen)
    patches = cut_dataset(opened, settings.out, chosen, settings.where)
    say_member_warnings(opened.pairs)
    left_out = without(opened, patches.left_out)
    for pair_id in patches.too_small:
        say(
            f"pair {pair_id} is left out: it is smaller than a patch of {chosen.side_px} px"
        )
    return {
        "root": str(patches.root),
        "counts": split_counts(patches.pairs),
        "too_small": list(patches.too_small),
        "left_out": documents_of(left_out),
    }
