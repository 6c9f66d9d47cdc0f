"""``defocus-restore``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.progress import counted, printable

if TYPE_CHECKING:
    from defocus.restoration.run import Restored
    from defocus.restoration.settings import RestoreSettings

HEADINGS = ("Network", "Instead of IMAGES", "Strength and region", "Output")
MODELS = "defocus.restoration.settings"

_HARDLY = 0.01


@help_heading("Restore")
@click.command(cls=SettingsCommand, models=MODELS, headings=HEADINGS)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path, readable=False))
def command(images: tuple[Path, ...], settings: "RestoreSettings") -> int:
    """Restore your own pictures.

    IMAGES are JPEG, PNG, TIFF (8 or 16 bits, or floats), WebP, BMP, HEIC, AVIF, JPEG XL or RAW
    files of any size, or folders of them. They keep format, bit depth, colour profile, transparency
    and metadata, and what a file cannot keep is named; RAW, HEIC, AVIF and JPEG XL become PNG. A
    guard puts back parts whose restoration, blurred again, does not agree with the picture. The
    exit code is 2 if a picture is left out, whatever the reason; the others are restored, and the
    same command tries it again. It is 5 if the disk is full or not writable.
    """
    from defocus.baselines.registry import baseline
    from defocus.command_line.json_output import json_output
    from defocus.restoration.restorer import restoring_weights
    from defocus.restoration.run import restore_pictures
    from defocus.training.devices import best_device

    if not images and settings.dataset is None:
        raise click.UsageError("Missing argument 'IMAGES...'.")
    if images and settings.dataset is not None:
        raise click.UsageError("--dataset gives the pictures; omit IMAGES")
    system = baseline(settings.baseline)
    with json_output() as output:
        weights = restoring_weights(system, settings.weights)
        restored = restore_pictures(
            settings.dataset or images, system, weights, best_device(), settings
        )
        if settings.as_json:
            output.write([each.to_json() for each in restored])
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
    """What the line of a picture says after its name."""
    from defocus.restoration.blur_map_files import map_paths

    facts = [f"{each.width}x{each.height}, {each.bits} bits"]
    if each.changed is not None:
        share = (
            f"{100 * each.changed:.0f} % of the pixels"
            if each.changed >= _HARDLY
            else "hardly anything (under 1 % of the pixels)"
        )
        facts.append(f"{each.system} changed {share}")
    if each.tiles > 1:
        facts.append(f"made in {each.tiles} tiles of {each.tile_px} px")
        levels = 255 * each.tiling_difference
        if levels >= 1:
            facts.append(f"a value can differ by {levels:.0f} of 255 from one without tiles")
    if each.checked:
        facts.append(f"guard: {each.put_back} of {each.checked} parts put back")
    if each.map:
        names = " and ".join(printable(str(one)) for one in map_paths(Path(each.map)))
        facts.append(f"map of blur: {names}")
    if each.seconds == 0:
        facts.append("the picture was done before" if each.map else "done before")
    return facts
