"""The sub-command ``simulate``."""

from pathlib import Path

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Shoot")
@click.command(name="simulate")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--scenes",
    type=click.IntRange(1, 9999),
    default=5,
    show_default=True,
    help="Number of scenes.",
)
@click.option(
    "--camera",
    "uri",
    default="sim:",
    show_default=True,
    metavar="URI",
    help="Address of a simulated camera, with its options.",
)
@click.option(
    "--profile",
    type=click.Choice(["canon", "nikon", "ipcam"]),
    help="Brand whose settings names the camera uses.",
)
@click.option("--blurry", default="f/4", show_default=True, metavar="F", help="Wide aperture.")
@click.option("--sharp", default="f/22", show_default=True, metavar="F", help="Narrow aperture.")
@click.option(
    "--sim-fault",
    "faults",
    multiple=True,
    metavar="NAME[=VALUE][@SHOT]",
    help="Fault of the camera, at one shot (counted from 1) or at all shots; repeatable.",
)
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    out: Path,
    scenes: int,
    uri: str,
    profile: str | None,
    blurry: str,
    sharp: str,
    faults: tuple[str, ...],
    json_lines: bool,
) -> int:
    """Write a session of rendered scenes to OUT.

    The ground truth is written beside each pair.

    \b
    Faults that show in the pictures:
      ev=0.5            more light, EV
      shift=3,1         the camera moves to the right and down, px
      zoom[=1.01]       other magnification
      motion[=3]        the nearest object moves to the right, px
      wb-drift[=0.06]   more red and less blue
      dust[=5]          specks fall on the sensor and stay
      clip[=3]          a reflection
      af-hunt[=-40]     autofocus moves the lens, steps
      stuck-aperture    the diaphragm stays where it was
      wrong-aperture    EXIF says another aperture
      clock-jump[=3600] the camera's clock jumps, s
      duplicate-frame   the file of the previous shot again
      truncated         half a file

    \b
    Faults of camera and computer:
      busy[=2] timeout[=0.5] slow[=2] unplug store-full crash disk-full

    The exit code is 1 if a pair is rejected. A repeated shot keeps its number; 'resume' counts from
    1 again.
    """  # noqa: D301 - click's mark for a paragraph to leave alone is the backspace character
    from defocus.capture.taking.simulating import simulate_session

    if profile is not None:
        uri += f"{'&' if '?' in uri else '?'}profile={profile}"
    return simulate_session(
        out, uri, scenes=scenes, blurry=blurry, sharp=sharp, faults=faults, json_lines=json_lines
    )
