"""``defocus-data rig``: the rig file of two cameras, from a reference pair."""

from pathlib import Path

import click

__all__ = ["command"]

FILE = click.Path(path_type=Path)


@click.command("rig")
@click.argument("blurry", type=FILE)
@click.argument("sharp", type=FILE)
@click.option("--out", required=True, type=FILE, help="The rig file that is written (TOML).")
@click.option("--mirrored", is_flag=True, help="The second camera sees the scene in a mirror.")
@click.option(
    "--lenses",
    type=FILE,
    help="TOML file with OpenCV's calibrations as tables blurry_camera and sharp_camera, the "
    "latter of pictures whose mirroring was undone; lenses without distortion where not given.",
)
def command(*, blurry: Path, sharp: Path, out: Path, mirrored: bool, lenses: Path | None) -> None:
    """Find homography and colours between two cameras from a reference pair.

    BLURRY is of the camera that takes the blurry members, SHARP of the other one: one static, flat,
    textured and colourful scene, both cameras at one small aperture. The file serves all pairs of
    the session, with --rig of align and compensate.
    """
    from defocus.images import read_image

    pictures = read_image(blurry), read_image(sharp)

    from defocus.align.rig.estimate import estimate_rig
    from defocus.align.rig.rig import Lenses, write_rig
    from defocus.settings import load_settings

    known = Lenses() if lenses is None else load_settings(Lenses, lenses)
    rig = estimate_rig(
        *pictures,
        mirrored=mirrored,
        blurry_camera=known.blurry_camera,
        sharp_camera=known.sharp_camera,
    )
    write_rig(out, rig)
    click.echo(f"wrote {out}; use it with --rig {out}")
