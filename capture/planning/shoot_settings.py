"""Settings of a shoot: options of ``shoot``, ``live`` and ``plan``, and what the journal keeps.

It imports nothing heavy, as ``--help`` reads it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import click
from pydantic import BeforeValidator, Field, model_validator

from defocus.capture.camera import FileKind
from defocus.capture.planning.scene_list import ListedScene, read_scene_list, scene_slug
from defocus.capture.quality.limits import (
    LIMITS,
    CaptureProfile,
    QualityLimits,
    Strictness,
    load_profile,
    with_changes,
)
from defocus.command_line.options import FILE
from defocus.command_line.settings_file import (
    SETTINGS_FILE,
    SettingsFile,
    key_of,
    keys_of,
)
from defocus.errors import SettingsError
from defocus.settings import CommandSettings, option

Mode = Literal["aperture", "focus", "both", "dual"]
Order = Literal["aba", "sharp-first", "blurry-first"]
"""Order of the shots; ``aba`` repeats the first one at the end."""

Retake = Literal["auto", "ask", "never"]
"""Actions after a rejected try: ``auto`` shoots again, ``ask`` asks the person."""

LONGEST_SECONDS = 86_400.0
NEAREST_M, FARTHEST_M = 0.001, 1_000_000

_STEPS = re.compile(r"[+-]?[0-9]{1,5}")


def _seconds(value: str | float) -> float:
    """A duration such as 8, 8s or 0.5."""
    try:
        number = float(str(value).strip().removesuffix("s"))
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= LONGEST_SECONDS:
        raise ValueError(
            f"{value!r} is not a number of seconds up to a day; write it like 8 or 0.5s"
        )
    return number


def _steps(value: str | int | tuple[int, ...]) -> tuple[int, ...]:
    """Whole numbers separated by commas, such as -40,40."""
    if isinstance(value, tuple):
        return value
    words = [part.strip() for part in str(value).split(",")]
    if not all(map(_STEPS.fullmatch, words)):
        raise ValueError(
            f"{value!r} are not steps up to 99999; write them like 40 or -40,40"
        )
    return tuple(map(int, words))


def _metres(value: str | float | Sequence[float]) -> tuple[float, ...]:
    """Distances separated by commas, such as 1.2,2,5; a settings file may have a list."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        numbers = tuple(map(float, parts if isinstance(parts, Sequence) else [parts]))
    except ValueError:
        numbers = (0.0,)
    if not all(NEAREST_M <= number <= FARTHEST_M for number in numbers):
        raise ValueError(
            f"{value!r} are not distances from 1 mm to 1000 km; write them like 1.2,2,5"
        )
    return numbers


def _apply_profile(
    ctx: click.Context, _param: click.Parameter, path: Path | None
) -> Any:  # noqa: ANN401 - for click
    """Use the values of a settings file as defaults of the other options."""
    if path is None:
        return None
    options = {key_of(option): option for option in ctx.command.params}
    typed_alone = {"settings", "session", "plugin"}
    # 'plan' passes over the options of 'shoot' alone
    profile = load_profile(path, (set(options) | keys_of(ShootOptions)) - typed_alone)
    values = {}
    for key, value in profile.shoot.items():
        if (option := options.get(key)) is None or option.name is None:
            continue
        one_of_several = option.multiple and not isinstance(value, list)
        values[option.name] = [value] if one_of_several else value
        try:
            option.type_cast_value(ctx, values[option.name])
        except click.BadParameter as error:
            problem = error.message.rstrip(".")
            raise SettingsError(f"{path}: 'shoot.{key}': {problem}") from error
    ctx.default_map = values
    ctx.meta[SETTINGS_FILE] = SettingsFile(str(path), "shoot")
    return profile


def _unless_auto(text: str | None) -> str | None:
    return None if text == "auto" else text


def _listed(value: Any) -> Any:  # noqa: ANN401 - before it is checked
    if value is None:
        return ()
    return read_scene_list(value) if isinstance(value, Path) else value


Count = Annotated[int, Field(ge=1, le=9999)]
FocalLength = Annotated[float, Field(ge=0.1, le=100_000)]
PixelPitch = Annotated[float, Field(ge=0.01, le=1000)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
OwnOrAuto = Annotated[str | None, BeforeValidator(_unless_auto)]
SceneList = Annotated[tuple[ListedScene, ...], BeforeValidator(_listed)]

CAMERAS = option(
    (),
    "--camera URI",
    heading="Camera",
    required=True,
    text="Address of the camera, such as gphoto2: or sim:?seed=1; see 'cameras --help'. Two "
    "cameras are blurry=URI and sharp=URI.",
)
FOCAL_LENGTH = option(
    None, "--focal-length MM", text="Focal length, if the camera does not report it."
)
PIXEL_PITCH = option(
    None,
    "--pixel-pitch UM",
    text="Pixel pitch in micrometres, if the camera does not report it.",
)
SCENE_LIST = option(
    None,
    "--scene-list FILE",
    type=FILE,
    exclude=True,
    text="CSV file with the columns scene and note: the scenes in their order.",
)
HOOK = option(
    None,
    "--hook COMMAND",
    exclude=True,
    text="Command to run after each pair, without a shell, for at most 60 s: 'cp -r {pair_dir} "
    "/mnt'.",
)
JSON_LINES = option(
    False, "--json-lines", exclude=True, text="Print every journal line on stdout."
)
NUMBERS = "Number and times"
RETAKE = "After a rejected pair: shoot it again, ask, or leave it."
ASK_NOTHING = "Ask nothing: shoot all scenes without waiting for set-up."
YES = option(False, "--yes", exclude=True, text=ASK_NOTHING)


class BracketSettings(CommandSettings):
    """Shots of a pair, as typed; a value of None is the camera's."""

    distances_m: Annotated[tuple[float, ...], BeforeValidator(_metres)] = option(
        (), "--distances M,…"
    )
    """Print the blur of objects at these distances, in metres."""
    settings: CaptureProfile | None = option(
        None, "--settings FILE", type=FILE, is_eager=True, callback=_apply_profile
    )
    """TOML file with the tables [shoot] (any option) and [quality] (limits)."""
    uri: tuple[str, ...] = CAMERAS
    focal_length_mm: FocalLength | None = FOCAL_LENGTH
    focus_distance_m: Annotated[float, Field(ge=NEAREST_M, le=FARTHEST_M)] | None = (
        option(None, "--focus M")
    )
    """Focus distance in metres, if the camera does not report it."""
    sensor_pitch_um: PixelPitch | None = PIXEL_PITCH
    mode: Mode = option("aperture", "--mode", heading="Shots of a pair")
    """How the blurry shot differs: by aperture, by focus motor, by both, or by a second camera
    (dual)."""
    blurry: str = option("f/4", "--blurry F,…")
    """Wide aperture. Each of several, such as f/4,f/2.8, makes a pair with the same sharp shot;
    --shutter is the time of the first. With --mode focus the sharp shot uses it too, unless the
    motor's travel is too short."""
    sharp: str = option("f/22", "--sharp F")
    """Narrow aperture: of the sharp shot, and of the companion shot with --mode focus."""
    focus_steps: Annotated[tuple[int, ...], BeforeValidator(_steps)] = option(
        (), "--focus-steps N,…"
    )
    """Focus of the blurry shot relative to the sharp one, in motor steps; positive is farther. Each
    of several values makes a pair."""
    order: Order = option("aba", "--order")
    """Order of the shots. aba is sharp, blurry, sharp; or blurry, sharp, blurry if the narrow
    exposure would exceed --max-shutter. The repeated shot shows drift and motion."""
    settle_seconds: Seconds | None = option(None, "--settle SECONDS")
    """Pause before each shot, so that the camera is still.  [default: 1.5; sim: 0]"""
    shutter: OwnOrAuto = option(None, "--shutter T", heading="Exposure")
    """Exposure time of the blurry shot, such as 1/125; by default, or with auto, the camera's
    setting."""
    iso: str | None = option(None, "--iso ISO")
    """ISO; by default the camera's setting."""
    max_seconds: Seconds = option(30.0, "--max-shutter SECONDS")
    """Longest exposure time; beyond it the ISO of the sharp shot is raised."""
    mains_hz: Literal[50, 60] | None = option(None, "--mains HZ")
    """Mains frequency, if lamps may flicker."""


class HandlingSettings(CommandSettings):
    """Files and quality control of the pairs of ``shoot`` and ``live``."""

    limits: QualityLimits = LIMITS
    files: FileKind | None = option(None, "--format", heading="Files and colour")
    """File format of the camera; by default the camera's setting."""
    white_balance: str | None = option(None, "--wb 5200K|PRESET")
    """White balance of all shots: a colour temperature or the camera's name of a preset; by default
    the camera's setting."""
    mirror_lock: bool = option(False, "--mirror-lock")
    """Let the mirror settle before the shutter opens, by the camera's delay or its live view."""
    grey_card: bool = option(False, "--grey-card")
    """Shoot a grey card in each scene first."""
    keep_on_camera: bool = option(True, "--keep-on-camera/--delete-after-verify")
    """Keep files on the camera's card, or delete those of a complete pair after their copies were
    read back and compared.  [default: --keep-on-camera]"""
    hook: str | None = HOOK
    calibration_files: tuple[Path, ...] = option(
        (), "--calibration FILE", heading="Quality control", exclude=True
    )
    """Calibration file written by 'calibrate'; repeatable. The session keeps a copy."""
    strictness: Strictness = option("strict", "--qc")
    """Quality control: reject pairs beyond the limits, only warn, or do not measure."""
    changed_limits: str | None = option(None, "--qc-set NAME=X,…", exclude=True)
    """Limits for this shoot, such as shift=5,ev=0.15; names are those of [quality] or their short
    forms."""
    retake: Retake = option("auto", "--retake", text=RETAKE)
    retries: Annotated[int, Field(ge=0, le=99)] = option(2, "--retries")
    """Number of times a pair is shot again with --retake auto."""
    by: str = option("", "--by NAME", heading="Log")
    """Who shoots, for the day's log."""

    def within(self, profile: CaptureProfile | None) -> Self:
        """The options with the quality limits of a settings file, and the typed changes."""
        limits = LIMITS if profile is None else profile.quality
        if self.changed_limits is not None:
            limits = with_changes(limits, self.changed_limits)
        return self.model_copy(update={"limits": limits})


class NumberSettings(CommandSettings):
    """How many pairs ``shoot`` takes and at what times, which ``plan`` counts as well."""

    scenes: Count = option(1, "--scenes", heading=NUMBERS, exclude=True)
    """Number of scenes; 'shoot' asks you to set up each."""
    scene_list: SceneList = SCENE_LIST
    repeat: Count = option(1, "--repeat", exclude=True)
    """Number of pairs of each scene."""
    every_seconds: Seconds = option(0.0, "--every SECONDS")
    """Shortest time from the start of one pair to the start of the next."""
    countdown_seconds: Annotated[int, Field(ge=0, le=3600)] = option(
        0, "--countdown SECONDS"
    )
    """Count down before each pair, to step out of the scene."""

    @model_validator(mode="after")
    def _check_scenes(self) -> Self:
        if self.scene_list and self.scenes != 1:
            raise ValueError("--scene-list has all scenes; drop --scenes")
        return self

    @property
    def pairs_per_position(self) -> int:
        """Number of pairs for each aperture and position of the focus motor."""
        return (len(self.scene_list) or self.scenes) * self.repeat


class ShootOptions(NumberSettings, HandlingSettings):
    """Options of ``shoot``; the journal keeps those that are not excluded."""

    scene: OwnOrAuto = option(None, "--scene NAME", heading=NUMBERS, exclude=True)
    """Name of the scene; by default, or with auto, scenes are numbered."""
    dry_run: bool = option(False, "--dry-run", heading="Planning", exclude=True)
    """Print the plan and do not shoot."""
    yes: bool = YES
    no_bell: bool = option(False, "--no-bell", heading="Output", exclude=True)
    """Do not ring the terminal bell."""
    json_lines: bool = JSON_LINES

    @model_validator(mode="after")
    def _check_scene(self) -> Self:
        if self.scene_list and self.scene is not None:
            raise ValueError("--scene-list has all scenes; drop --scene")
        if self.scene is not None:
            scene_slug(self.scene)  # refuses an invalid name
        return self

    def to_json(self) -> dict[str, Any]:
        """The journal record."""
        record = self.model_dump(mode="json")
        if not self.by:
            del record["by"]
        return record


class PlanSettings(NumberSettings):
    """Settings of the plan that ``plan`` prints."""

    as_json: bool = option(False, "--json", heading="Plan")
    """Print a JSON object for each aperture."""


class ResumeSettings(CommandSettings):
    """Options of ``resume``."""

    uri: tuple[str, ...] = option((), "--camera URI")
    """Address of the camera, if it has changed."""
    hook: str | None = HOOK
    yes: bool = YES
    json_lines: bool = JSON_LINES
