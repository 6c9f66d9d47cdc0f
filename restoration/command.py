"""``defocus-restore``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.progress import counted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from defocus.restoration.journal import Restored
    from defocus.restoration.listing import ListedPicture
    from defocus.restoration.settings import ListSettings, RestoreSettings

HEADINGS = (
    "Network",
    "Instead of IMAGES",
    "Strength and region",
    "Output",
    "Which are in focus",
)
MODELS = "defocus.restoration.settings"

_HARDLY = 0.01

_UNLIMITED = 10_000
"""Width of a line of the list, in characters, where stdout is not a terminal: its cells are never
wrapped there."""

_NUMBERS = (1, 2, 3, 4)
"""Columns of the list that are aligned at their right end."""

_OF_LISTING = frozenset(
    {
        "images",
        "white",
        "as_json",
        "listing",
        "as_csv",
        "rate",
    }
)
"""Parameters that apply with --list."""


@help_heading("Restore")
@click.command(cls=SettingsCommand, models=MODELS, headings=HEADINGS)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path, readable=False))
def command(
    images: tuple[Path, ...],
    settings: "RestoreSettings",
    listing: "ListSettings",
) -> int:
    """Restore your own pictures.

    IMAGES are JPEG, PNG, TIFF (8 or 16 bits, or floats), WebP, BMP, HEIC, AVIF, JPEG XL or RAW
    files of any size, or folders of them. They keep format, bit depth, colour profile, transparency
    and metadata, and what a file cannot keep is named; RAW, HEIC, AVIF and JPEG XL become PNG. A
    guard puts back parts whose restoration, blurred again, does not agree with the picture. The
    exit code is 2 if a picture is left out, whatever the reason; the others are restored, and the
    same command tries it again. It is 5 if the disk is full or not writable.
    """
    if listing.listing:
        return _list(images, settings, listing)
    if not images and settings.dataset is None:
        raise click.UsageError("Missing argument 'IMAGES...'.")
    if images and settings.dataset is not None:
        raise click.UsageError("--dataset gives the pictures; omit IMAGES")
    from defocus.cluster.dispatcher import start_early

    start_early("defocus.restoration.run", settings.where)

    from defocus.baselines.registry import plain_baseline
    from defocus.command_line.json_output import json_output
    from defocus.restoration.restorer import restoring_weights
    from defocus.restoration.run import CPU, restore_pictures
    from defocus.training.devices import best_device

    system = plain_baseline(settings.baseline)
    with json_output() as output:
        weights = restoring_weights(system, settings.weights)
        device = best_device() if settings.where == 1 else CPU
        restored = restore_pictures(
            settings.dataset or images,
            system,
            weights,
            device,
            settings,
        )
        if settings.as_json:
            output.write([each.to_json() for each in restored])
    return _say_restored(settings, restored)


def _say_restored(settings: "RestoreSettings", restored: "Sequence[Restored]") -> int:
    """Say what was restored, and how many were left out; return the exit code."""
    for each in restored:
        if not settings.as_json and not each.reason:  # a reason is said already
            click.echo(f"{printable(each.restored)}: {'; '.join(_facts(each))}")
    left_out = sum(bool(each.reason) for each in restored)
    if not settings.as_json and len(restored) > 1:
        kept = f"{counted(len(restored) - left_out, 'picture')} restored"
        lacking = f", {left_out} left out" if left_out else ""
        click.echo(f"{printable(str(settings.out))}: {kept}{lacking}")
    return 2 if left_out else 0


def _facts(each: "Restored") -> list[str]:
    """The words of a picture's line after its name."""
    from defocus.restoration.blur_map_files import map_paths

    facts = [f"{each.width}x{each.height}, {each.bits} bits"]
    if each.changed is not None:
        share = "hardly anything (under 1 % of the pixels)"
        if each.changed >= _HARDLY:
            share = f"{100 * each.changed:.0f} % of the pixels"
        facts.append(f"{each.system} changed {share}")
    if each.tiles > 1:
        facts.append(f"made in {each.tiles} tiles of {each.tile_px} px")
        levels = 255 * each.tiling_difference
        if levels >= 1:
            facts.append(
                f"a value can differ by {levels:.0f} of 255 from one without tiles"
            )
    if each.checked:
        facts.append(f"guard: {each.put_back} of {each.checked} parts put back")
    if each.map:
        names = " and ".join(printable(str(one)) for one in map_paths(Path(each.map)))
        facts.append(f"map of blur: {names}")
    if each.seconds == 0:
        facts.append("the picture was done before" if each.map else "done before")
    return facts


def _list(
    images: tuple[Path, ...],
    settings: "RestoreSettings",
    listing: "ListSettings",
) -> int:
    """Print the pictures sorted by their blur; nothing is restored."""
    from defocus.command_line.json_output import json_output
    from defocus.restoration.files.sources import given_pictures
    from defocus.restoration.listing import list_pictures, listing_csv, rate_pictures

    _refuse_restoring()
    if not images:
        raise click.UsageError("Missing argument 'IMAGES...'.")
    if listing.as_csv and settings.as_json:
        raise click.UsageError("--csv and --json print the same list; give one of them")
    with json_output() as output:
        given = given_pictures(images, settings.out)
        pictures = list_pictures(given, settings.white)
        unwritten = None
        if listing.rate:
            pictures, unwritten = rate_pictures(pictures)
        if settings.as_json:
            output.write([picture.to_json() for picture in pictures])
    if listing.as_csv:
        click.echo(listing_csv(pictures), nl=False)
    elif not settings.as_json:
        _print_list([picture for picture in pictures if picture.width])
    if unwritten is not None:
        raise unwritten
    return 2 if any(picture.reason for picture in pictures) else 0


def _refuse_restoring() -> None:
    """Refuse typed options that only restoring has."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        typed = (
            ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        )
        if typed and param.expose_value and param.name not in _OF_LISTING:
            raise click.UsageError(
                f"{param.opts[0]} has no meaning with --list, which restores nothing; leave it out"
            )


def _print_list(pictures: "Sequence[ListedPicture]") -> None:
    """The list as a table, as wide as the terminal."""
    from defocus.terminal import column_widths, row_lines, stdout_cells

    if not pictures:
        return
    heads = [
        "picture",
        "sharpest part",
        "in focus",
        "median",
        "size",
        "stars",
        "note",
    ]
    rows = list(map(_cells, pictures))
    shown = [0, 1, 2, 3, 4]
    shown += [column for column in (5, 6) if any(row[column] for row in rows)]
    table = [[row[column] for column in shown] for row in (heads, *rows)]
    widths = column_widths(table, stdout_cells(_UNLIMITED))
    for row in table:
        for line in row_lines(row, widths, _NUMBERS):
            click.echo(line)


def _cells(picture: "ListedPicture") -> list[str]:
    return [
        printable(picture.image),
        _number(picture.sharpest_px, "{:.1f} px"),
        _number(picture.in_focus, "{:.0%}"),
        _number(picture.median_px, "{:.1f} px"),
        f"{picture.width}x{picture.height}",
        "" if picture.rating is None else str(picture.rating),
        picture.note,
    ]


def _number(value: float | None, form: str) -> str:
    return "n/a" if value is None else form.format(value)
