"""``defocus-restore``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.command_line.commands import FiniteRange, SectionedCommand
from defocus.command_line.verbs import help_heading
from defocus.progress import printable

if TYPE_CHECKING:
    from defocus.restoration.run import Restored

SECTIONS = {
    "Network": ("--baseline", "--weights", "--tile"),
    "Instead of IMAGES": ("--dataset",),
    "Strength and region": ("--strength", "--mask", "--leave-sharp", "--no-guard", "--white"),
    "Output": ("--out", "--map", "--json"),
}

_HARDLY = 0.01


def _tile_px(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - click's signature
    value: str,
) -> int | None:
    """None for ``auto``, 0 for ``whole``, else the side of a tile in px."""
    if value in {"auto", "whole"}:
        return None if value == "auto" else 0
    if not value.isdecimal() or int(value) < 256 or int(value) % 64:
        raise click.BadParameter(
            f"{value!r} is no tile size; give 'auto', 'whole' or a multiple of 64 from 256 on"
        )
    return int(value)


@help_heading("Restore")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option(
    "--dataset",
    metavar="READER:PATH",
    help="Restore the blurry test pictures of this dataset to OUT/PAIR.png; 'score --restored OUT "
    "--dataset READER:PATH' takes them.",
)
@click.option(
    "--baseline",
    "name",
    metavar="NAME",
    default=DEFAULT_SYSTEM,
    show_default=True,
    help="The system to use.",
)
@click.option(
    "--weights",
    metavar="LABEL_OR_FILE",
    help="Label of added weights, 'own' for weights that the package ships, or a file, which is "
    "checked and added. By default those that the package ships, if any.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("restored"),
    show_default=True,
    help="Folder for the restored pictures; finished ones are not repeated.",
)
@click.option(
    "--tile",
    "tile_px",
    callback=_tile_px,
    metavar="auto|whole|PX",
    default="auto",
    show_default=True,
    help="Side of overlapping tiles in px, 'whole' for no tiles, or 'auto' to fit the memory.",
)
@click.option(
    "--strength",
    type=FiniteRange(0, 2),
    default=1.0,
    show_default=True,
    help="0 leaves the picture, 1 restores it, up to 2 goes beyond. JPEG and WebP are encoded "
    "again at every strength, even 0.",
)
@click.option(
    "--mask",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Picture of the same size as shown: white is restored, black is left.",
)
@click.option("--leave-sharp", is_flag=True, help="Leave what is in focus as it is.")
@click.option(
    "--no-guard",
    is_flag=True,
    help="Keep parts that the guard would put back: what the system gives and nothing else.",
)
@click.option(
    "--white",
    type=FiniteRange(0, min_open=True),
    metavar="VALUE",
    help="The value that means white. By default the largest integer, or 1 of floats. Where most "
    "floats lie above 1, or all are whole numbers, that of 255, 1023, 4095 and 65535 of which the "
    "largest value is more than a quarter, else it is asked for; 1023 or 4095 where 16 bits hold "
    "no more. This is said.",
)
@click.option(
    "--map",
    "map_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the estimated circle of confusion of one picture, always as two files: .png to "
    "look at, .tif with diameters in px.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    images: tuple[Path, ...],
    dataset: str | None,
    name: str,
    weights: str | None,
    out: Path,
    tile_px: int | None,
    strength: float,
    mask: Path | None,
    white: float | None,
    map_file: Path | None,
    *,
    leave_sharp: bool,
    no_guard: bool,
    as_json: bool,
) -> int:
    """Restore your own pictures.

    IMAGES are JPEG, PNG, TIFF (8 or 16 bits, or floats), WebP, BMP, HEIC, AVIF, JPEG XL or RAW
    files of any size, or folders of them. They keep format, bit depth, colour profile, transparency
    and metadata, and what a file cannot keep is named; RAW, HEIC, AVIF and JPEG XL become PNG. A
    guard puts back parts whose restoration, blurred again, does not agree with the picture. The
    exit code is 2 if a picture is left out, whatever the reason; the others are restored, and the
    same command tries it again. It is 5 if the disk is full or not writable.
    """
    from defocus.baselines.registry import baseline
    from defocus.baselines.weights.own import weights_or_own
    from defocus.baselines.weights.store import find_weights
    from defocus.command_line.json_output import json_output
    from defocus.restoration.run import Wishes, restore_pictures
    from defocus.training.devices import best_device

    _check_sources(ctx, images, dataset)
    system = baseline(name)
    chosen = weights_or_own(system, weights)
    with json_output() as output:
        stored = find_weights(system, chosen) if chosen else None
        wishes = Wishes(strength, mask, leave_sharp, not no_guard, map_file, white)
        given = images if dataset is None else dataset
        restored = restore_pictures(given, system, stored, out, tile_px, best_device(), wishes)
        if as_json:
            output.write([each.to_json() for each in restored])
    if not as_json:
        for each in restored:
            _show(each)
    return 2 if any(each.reason for each in restored) else 0


def _check_sources(ctx: click.Context, images: tuple[Path, ...], dataset: str | None) -> None:
    """Refuse what makes no sense with a dataset, or without pictures."""
    if not images and dataset is None:
        raise click.UsageError("Missing argument 'IMAGES...'.")
    if dataset is not None and images:
        raise click.UsageError("--dataset gives the pictures; omit IMAGES")
    for param in ctx.command.params:
        typed = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if dataset is not None and typed and param.name in {"map_file", "mask"}:
            raise click.UsageError(f"{param.opts[0]} is for one picture, not for a dataset")


def _show(each: "Restored") -> None:
    if each.reason:
        return  # said already
    click.echo(f"{printable(each.restored)}: {'; '.join(_facts(each))}")


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
        facts.append("done before")
    return facts
