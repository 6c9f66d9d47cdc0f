"""``defocus-data rig``: write the rig file of two cameras from a reference pair."""

from pathlib import Path

import click

from defocus.command_line.verbs import help_heading

FILE = click.Path(path_type=Path)


@help_heading("Measure")
@click.command("rig")
@click.argument("blurry", type=FILE)
@click.argument("sharp", type=FILE)
@click.option("--out", required=True, type=FILE, help="Rig file to write (TOML).")
@click.option(
    "--mirrored", is_flag=True, help="The second camera sees the scene in a mirror."
)
@click.option(
    "--lenses",
    type=FILE,
    help="TOML file with OpenCV calibrations in the tables blurry_camera and sharp_camera, the "
    "latter of unmirrored pictures; without it, lenses are taken to have no distortion.",
)
def command(
    *, blurry: Path, sharp: Path, out: Path, mirrored: bool, lenses: Path | None
) -> None:
    """Calibrate two cameras from a reference pair.

    The calibration is a homography and a colour transform. BLURRY comes from the camera that takes
    the blurry pictures, SHARP from the other one. Both show one static, flat, textured and
    colourful scene at the same small aperture. Use the file for all pairs of the session, with
    --rig of 'align' and 'compensate'.
    """
    from defocus.pictures.profiles import in_one_space
    from defocus.pictures.read import read_image

    pictures = in_one_space((blurry, sharp), (read_image(blurry), read_image(sharp)))

    from defocus.align.rig import Lenses, write_rig
    from defocus.align.rig_estimate import estimate_rig
    from defocus.settings import load_settings

    calibrations = Lenses() if lenses is None else load_settings(Lenses, lenses)
    rig = estimate_rig(
        *pictures,
        mirrored=mirrored,
        blurry_camera=calibrations.blurry_camera,
        sharp_camera=calibrations.sharp_camera,
    )
    write_rig(out, rig)
    click.echo(f"wrote {out}; use it with --rig {out}")
