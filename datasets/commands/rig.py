"""``defocus-data rig``: write the rig file of two cameras from a reference pair."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.datasets.commands._settings import RigSettings

FILE = click.Path(path_type=Path)


@help_heading("Measure")
@click.command(cls=SettingsCommand)
@click.argument("blurry", type=FILE)
@click.argument("sharp", type=FILE)
def command(blurry: Path, sharp: Path, settings: "RigSettings") -> None:
    """Calibrate two cameras from a reference pair.

    The calibration is a homography and a colour transform. BLURRY comes from the camera that takes
    the blurry pictures, SHARP from the other one. Both show one static, flat, textured and
    colourful scene at the same small aperture. Use the file for all pairs of the session, with
    --rig of 'align' and 'compensate'.
    """
    out, lenses = settings.out, settings.lenses
    from defocus.pictures.read import read_two_cameras

    pictures = read_two_cameras(blurry, sharp)

    from defocus.align.rig import Lenses, write_rig
    from defocus.align.rig_estimate import estimate_rig
    from defocus.settings import load_settings

    calibrations = Lenses() if lenses is None else load_settings(Lenses, lenses)
    rig = estimate_rig(
        *pictures,
        mirrored=settings.mirrored,
        blurry_camera=calibrations.blurry_camera,
        sharp_camera=calibrations.sharp_camera,
    )
    write_rig(out, rig)
    click.echo(f"wrote {out}; use it with --rig {out}")
