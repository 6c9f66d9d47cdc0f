"""Options that several sub-commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["bracket_options", "camera_option", "session_argument"]

F = TypeVar("F", bound=Callable[..., Any])

camera_option = click.option(
    "--camera",
    "uri",
    required=True,
    metavar="URI",
    help="Address of the camera, such as gphoto2: or sim:?seed=1; see 'cameras --help'.",
)

session_argument = click.argument("session", type=click.Path(path_type=Path))


def bracket_options(function: F) -> F:
    """The options that say which two exposures are wanted."""
    options = [
        click.option("--blurry", required=True, metavar="F", help="Wide aperture, such as f/4."),
        click.option("--sharp", required=True, metavar="F", help="Narrow aperture, such as f/22."),
        click.option(
            "--shutter",
            metavar="T",
            help="Time of the blurry shot, such as 1/125; what the camera is set to if not given.",
        ),
        click.option("--iso", metavar="ISO", help="ISO; what the camera is set to if not given."),
        click.option(
            "--max-shutter",
            "max_seconds",
            type=click.FloatRange(min=0, min_open=True),
            default=30.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest time to use; beyond it the sharp shot's ISO is raised.",
        ),
        click.option(
            "--distance",
            "distances_m",
            type=click.FloatRange(min=0, min_open=True),
            multiple=True,
            metavar="M",
            help="Print the blur of an object that far away, metres; may be repeated.",
        ),
        click.option(
            "--focal-length",
            "focal_length_mm",
            type=click.FloatRange(min=0, min_open=True),
            metavar="MM",
            help="Focal length, where the camera does not tell.",
        ),
        click.option(
            "--focus-distance",
            "focus_distance_m",
            type=click.FloatRange(min=0, min_open=True),
            metavar="M",
            help="What the lens is focused at, where the camera does not tell.",
        ),
        click.option(
            "--sensor-pitch",
            "sensor_pitch_um",
            type=click.FloatRange(min=0, min_open=True),
            metavar="UM",
            help="Distance of two pixels, micrometres, where the camera does not tell.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function
