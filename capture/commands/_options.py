"""Options that several sub-commands share."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from defocus.command_line.commands import FiniteRange

__all__ = [
    "HANDLING_SECTIONS",
    "SECONDS",
    "SHOOT_ONLY",
    "SHOT_SECTIONS",
    "bracket_options",
    "camera_option",
    "cameras_option",
    "focal_length_option",
    "hook_option",
    "pixel_pitch_option",
    "port_option",
    "scene_list_option",
    "session_argument",
    "settings_option",
    "share_option",
]

F = TypeVar("F", bound=Callable[..., Any])

SHOOT_ONLY = frozenset(
    {
        "by",
        "calibration",
        "countdown",
        "every",
        "format",
        "grey-card",
        "hook",
        "keep-on-camera",
        "mirror-lock",
        "no-bell",
        "qc",
        "qc-set",
        "repeat",
        "retake",
        "retries",
        "scene",
        "scenes",
        "wb",
        "yes",
    }
)
"""Options of ``shoot`` alone; ``plan`` passes over them in a settings file."""

SHOT_SECTIONS = {
    "Camera": ("--camera", "--focal-length", "--focus", "--pixel-pitch"),
    "Shots of a pair": ("--mode", "--blurry", "--sharp", "--focus-steps", "--order", "--settle"),
    "Exposure": ("--shutter", "--iso", "--max-shutter", "--mains"),
}
"""Headings of the options that ``shoot``, ``live`` and ``plan`` share."""

HANDLING_SECTIONS = {
    "Files and colour": (
        "--format",
        "--wb",
        "--mirror-lock",
        "--grey-card",
        "--keep-on-camera",
        "--hook",
    ),
    "Quality control": ("--calibration", "--qc", "--qc-set", "--retake", "--retries"),
    "Log": ("--by",),
}
"""Headings of further options that ``shoot`` and ``live`` share."""

LONGEST_SECONDS = 86_400.0
NEAREST_M, FARTHEST_M = 0.001, 1e6

_STEPS = re.compile(r"[+-]?[0-9]{1,5}")

camera_option = click.option(
    "--camera",
    "uri",
    required=True,
    metavar="URI",
    help="Address of the camera, such as gphoto2: or sim:?seed=1; see 'cameras --help'.",
)

cameras_option = click.option(
    "--camera",
    "uris",
    required=True,
    multiple=True,
    metavar="URI",
    help="Address of the camera, such as gphoto2: or sim:?seed=1; see 'cameras --help'. Two "
    "cameras are blurry=URI and sharp=URI.",
)


def _parsed_hook(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Any:  # noqa: ANN401 - a hook or None; its module is imported only here
    from defocus.capture.taking.hooks import parse_hook

    return None if text is None else parse_hook(text)


hook_option = click.option(
    "--hook",
    callback=_parsed_hook,
    metavar="COMMAND",
    help="Command to run after each pair, without a shell, for at most 60 s: 'cp -r {pair_dir} "
    "/mnt'.",
)

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8077,
    show_default=True,
    help="Port on this computer; 0 = any free one.",
)

scene_list_option = click.option(
    "--scene-list",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="CSV file with the columns scene and note: the scenes in their order.",
)

share_option = click.option(
    "--share",
    is_flag=False,
    flag_value="view",
    type=click.Choice(["view", "control"]),
    help="Also open the page to phones and computers in the local network, with a QR code: to look "
    "(view, as without a value) or to shoot and judge (control). Plain http.",
)

session_argument = click.argument("session", type=click.Path(path_type=Path))


def _seconds(value: str | float) -> float:
    """A duration such as 8, 8s or 0.5."""
    try:
        number = float(str(value).strip().removesuffix("s"))
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= LONGEST_SECONDS:
        raise click.BadParameter(
            f"{value!r} is not a number of seconds up to a day; write it like 8 or 0.5s"
        )
    return number


SECONDS = click.types.FuncParamType(_seconds)


def _steps(value: str | int | tuple[int, ...]) -> tuple[int, ...]:
    """Whole numbers separated by commas, such as -40,40."""
    if isinstance(value, tuple):
        return value
    words = [part.strip() for part in str(value).split(",")]
    if not all(map(_STEPS.fullmatch, words)):
        raise click.BadParameter(
            f"{value!r} are not steps up to 99999; write them like 40 or -40,40"
        )
    return tuple(map(int, words))


def _metres(value: str | float | Sequence[float]) -> tuple[float, ...]:
    """Distances separated by commas, such as 1.2,2,5; a settings file may have a list."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        numbers = tuple(float(part) for part in (parts if isinstance(parts, Sequence) else [parts]))
    except ValueError:
        numbers = (0.0,)
    if not all(NEAREST_M <= number <= FARTHEST_M for number in numbers):
        raise click.BadParameter(
            f"{value!r} are not distances from 1 mm to 1000 km; write them like 1.2,2,5"
        )
    return numbers


def _unless_auto(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    return None if text == "auto" else text


def _apply_settings(ctx: click.Context, _param: click.Parameter, path: Path | None) -> Any:  # noqa: ANN401 - a profile or None; its module is imported only here
    """Use the values of a settings file as defaults of the other options."""
    if path is None:
        return None
    from defocus.capture.judging.limits import load_profile

    names = {option_name(option): option.name for option in ctx.command.params}
    typed_alone = {"settings", "camera", "session", "plugin"}
    profile = load_profile(path, (set(names) | SHOOT_ONLY) - typed_alone)
    ctx.default_map = {
        names[key]: value for key, value in profile.shoot.items() if names.get(key) is not None
    }
    return profile


def option_name(option: click.Parameter) -> str:
    """The name of an option as typed, without leading dashes."""
    return max(option.opts, key=len).lstrip("-")


settings_option = click.option(
    "--settings",
    "profile",
    type=click.Path(path_type=Path, dir_okay=False),
    is_eager=True,
    callback=_apply_settings,
    metavar="FILE",
    help="TOML file with the tables [shoot] (any option) and [quality] (limits).",
)

focal_length_option = click.option(
    "--focal-length",
    "focal_length_mm",
    type=FiniteRange(min=0.1, max=100_000),
    metavar="MM",
    help="Focal length, if the camera does not report it.",
)
pixel_pitch_option = click.option(
    "--pixel-pitch",
    "sensor_pitch_um",
    type=FiniteRange(min=0.01, max=1000),
    metavar="UM",
    help="Pixel pitch in micrometres, if the camera does not report it.",
)


def bracket_options(function: F) -> F:
    """Options for the shots of a pair."""
    options = [
        click.option(
            "--mode",
            type=click.Choice(["aperture", "focus", "both", "dual"]),
            default="aperture",
            show_default=True,
            help="How the blurry shot differs: by aperture, by focus motor, by both, or by a "
            "second camera (dual).",
        ),
        click.option(
            "--blurry",
            default="f/4",
            show_default=True,
            metavar="F,…",
            help="Wide aperture. Each of several, such as f/4,f/2.8, makes a pair with the same "
            "sharp shot; --shutter is the time of the first. With --mode focus the sharp shot "
            "uses it too, unless the motor's travel is too short.",
        ),
        click.option(
            "--sharp",
            default="f/22",
            show_default=True,
            metavar="F",
            help="Narrow aperture: of the sharp shot, and of the companion shot with --mode focus.",
        ),
        click.option(
            "--focus-steps",
            type=_steps,
            default=(),
            metavar="N,…",
            help="Focus of the blurry shot relative to the sharp one, in motor steps; positive is "
            "farther. Each of several values makes a pair.",
        ),
        click.option(
            "--order",
            type=click.Choice(["aba", "sharp-first", "blurry-first"]),
            default="aba",
            show_default=True,
            help="Order of the shots. aba is sharp, blurry, sharp; or blurry, sharp, blurry if "
            "the narrow exposure would exceed --max-shutter. The repeated shot shows drift "
            "and motion.",
        ),
        click.option(
            "--shutter",
            callback=_unless_auto,
            metavar="T",
            help="Exposure time of the blurry shot, such as 1/125; by default, or with auto, the "
            "camera's setting.",
        ),
        click.option("--iso", metavar="ISO", help="ISO; by default the camera's setting."),
        click.option(
            "--max-shutter",
            "max_seconds",
            type=SECONDS,
            default=30.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest exposure time; beyond it the ISO of the sharp shot is raised.",
        ),
        click.option(
            "--mains",
            "mains_hz",
            type=click.Choice(["50", "60"]),
            metavar="HZ",
            help="Mains frequency, if lamps may flicker.",
        ),
        click.option(
            "--settle",
            "settle_seconds",
            type=SECONDS,
            default=None,
            metavar="SECONDS",
            help="Pause before each shot, so that the camera stands still.  [default: 1.5; sim: 0]",
        ),
        click.option(
            "--distances",
            "distances_m",
            type=_metres,
            default=(),
            metavar="M,…",
            help="Print the blur of objects at these distances, in metres.",
        ),
        focal_length_option,
        click.option(
            "--focus",
            "focus_distance_m",
            type=FiniteRange(min=NEAREST_M, max=FARTHEST_M),
            metavar="M",
            help="Focus distance in metres, if the camera does not report it.",
        ),
        pixel_pitch_option,
        settings_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function
