"""A camera controlled by your own programs: ``command:rig.toml``.

They are argument lists, started without a shell, so that no value can become a command."""

import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from defocus.capture.arriving.hot_folder import damage_of
from defocus.capture.camera import Camera, CameraDescription, Setting, SettingName
from defocus.capture.links.retries import ShotFailedError, with_retries
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.processes.children import outside_environment
from defocus.progress import say
from defocus.settings import Settings, load_settings

STARTS_PROGRAMS = True
"""Whether an address of this scheme starts programs that a person chose; see
``starts_programs``."""

Arguments = tuple[str, ...]

MAX_OUTPUT = 10_000


class SettingCommands(Settings):
    """Commands of one setting; in ``set``, ``{value}`` is the value, and ``get`` prints it."""

    set: Arguments = Field(min_length=1)
    get: Arguments = ()
    choices: tuple[str, ...] = Field(min_length=1)


class FocusCommands(Settings):
    """Command of the focus; in ``move``, ``{steps}`` is the signed number of steps."""

    move: Arguments = Field(min_length=1)


class CommandRig(Settings):
    """The file of ``command:``; of the ``suffixes`` that ``shoot`` writes the first is required."""

    model: str = "Camera behind commands"
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    # ``shoot`` and ``preview`` write to ``{output}``, a path without suffix.
    shoot: Arguments = Field(min_length=1)
    suffixes: tuple[str, ...] = (".jpg",)
    preview: Arguments = ()
    settings: dict[Literal["aperture", "shutter", "iso"], SettingCommands] = Field(
        default_factory=dict
    )
    focus: FocusCommands | None = None

    @field_validator("suffixes")
    @classmethod
    def _pictures(cls, suffixes: tuple[str, ...]) -> tuple[str, ...]:
        if not suffixes or not set(suffixes) <= IMAGE_SUFFIXES:
            raise ValueError(f"use some of {', '.join(sorted(IMAGE_SUFFIXES))}")
        return suffixes


class CommandCamera(Camera):
    """A camera whose every action is a program."""

    def __init__(self, uri: str, rig: CommandRig) -> None:
        self._uri = uri
        self._rig = rig
        self._found: dict[SettingName, str] = {}
        self._known: dict[SettingName, str] = {}

    def close(self) -> None:
        """Restore changed settings whose original values are known."""
        for name, value in self._found.items():
            if value in self._rig.settings[name].choices:
                self._run(self._rig.settings[name].set, value=value)

    def describe(self) -> CameraDescription:
        """Describe the camera by the name in the file."""
        focus = ("focus",) if self._rig.focus else ()
        return CameraDescription(
            uri=self._uri,
            model=self._rig.model,
            capabilities=(
                *self._rig.settings,
                *focus,
                *(("preview",) if self._rig.preview else ()),
            ),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """The settings of the file, with values from the programs."""
        settings = {}
        for name, commands in self._rig.settings.items():
            value = self._value(name)
            settings[name] = Setting(name, name, value, commands.choices)
        return settings

    def _value(self, name: SettingName) -> str:
        commands = self._rig.settings[name]
        if commands.get:
            return self._run(commands.get)
        return self._known.get(name, "")

    def set(self, name: SettingName, value: str) -> str:
        """Run the program of a setting."""
        commands = self._rig.settings.get(name)
        if commands is None:
            raise InputError(
                f"{self._uri} sets no {name}; add a table [settings.{name}]"
            )
        if value not in commands.choices:
            raise InputError(
                f"the rig has no {name} '{value}'; it has {', '.join(commands.choices)}"
            )
        if commands.get:
            self._found.setdefault(name, self._value(name))
        self._run(commands.set, value=value)
        self._known[name] = value
        return self._value(name)

    def shoot(self, path_stem: Path) -> list[Path]:
        """Run the program that shoots, and check its files."""
        with tempfile.TemporaryDirectory(
            prefix=".shot-", dir=path_stem.parent
        ) as folder:
            output = Path(folder) / path_stem.name
            said = self._run(self._rig.shoot, output=str(output))
            written = [
                output.with_name(output.name + suffix) for suffix in self._rig.suffixes
            ]
            if not _is_plain_file(written[0]):
                raise CameraError(
                    f"{self._rig.shoot[0]} ended without error but wrote no {written[0].name}"
                    f"{': ' + said[:200] if said else ''}; check 'shoot' and 'suffixes'"
                )
            parts = []
            for path in written:
                if not _is_plain_file(path):
                    continue
                problem = damage_of(path)
                if problem:
                    raise CameraError(problem)
                part = path_stem.with_name(f"{path.name}.part")
                parts.append(path.rename(part))
            return parts

    def preview(self) -> bytes:
        """A JPEG of the program for previews."""
        if not self._rig.preview:
            raise CameraError(f"{self._uri} has no 'preview'; add it to the file")
        with tempfile.TemporaryDirectory(prefix="defocus-preview-") as folder:
            output = Path(folder) / "preview"
            self._run_once(self._rig.preview, output=str(output))
            path = output.with_suffix(".jpg")
            if not _is_plain_file(path):
                raise CameraError(
                    f"{self._rig.preview[0]} wrote no preview.jpg; check 'preview'"
                )
            return path.read_bytes()

    def _run(self, arguments: Arguments, **values: str) -> str:
        """Run a program, again after growing pauses where it fails; return its stripped output."""
        try:
            return with_retries(
                lambda: self._run_once(arguments, **values),
                lambda failure: say(f"{failure}; trying again"),
            )
        except ShotFailedError as error:
            raise CameraError(
                f"{error}; check the camera, then run 'defocus-capture resume'"
            ) from error

    def _run_once(self, arguments: Arguments, **values: str) -> str:
        """Run a program; return its output. After ``ShotFailedError`` another try may succeed."""
        filled = [_filled(argument, values) for argument in arguments]
        try:
            process = subprocess.run(
                filled,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._rig.timeout_seconds,
                env=outside_environment(),
                check=False,
            )
        except FileNotFoundError as error:
            raise CameraNotFoundError(
                f"{filled[0]}: no such program; install it"
            ) from error
        except OSError as error:
            raise CameraNotFoundError(
                f"{filled[0]}: cannot be run ({error.strerror})"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise CameraError(
                f"{filled[0]}: not finished after {self._rig.timeout_seconds:g} s; "
                "check the camera, or raise timeout_seconds, then run 'defocus-capture resume'"
            ) from error
        if process.returncode != 0:
            said = " ".join(
                (process.stderr or process.stdout).decode("utf-8", "replace").split()
            )
            raise ShotFailedError(
                f"{filled[0]}: failed with {process.returncode}: {said[-200:]}"
            )
        return process.stdout[:MAX_OUTPUT].decode("utf-8", "replace").strip()


class CommandFocusCamera(CommandCamera):
    """A command camera with a focus motor."""

    def move_focus(self, steps: int) -> int:
        """Run the program that moves the focus; it prints the steps moved."""
        assert self._rig.focus is not None  # noqa: S101 - see open_camera
        # it may have moved
        said = self._run_once(self._rig.focus.move, steps=str(steps))
        try:
            return int(said) if said else steps
        except ValueError as error:
            raise CameraError(
                f"{self._rig.focus.move[0]}: printed {said[:100]!r}, not the steps it drove"
            ) from error


def _is_plain_file(path: Path) -> bool:
    """Whether a program wrote a regular file; a link could point to any file."""
    return path.is_file() and not path.is_symlink()


def _filled(argument: str, values: dict[str, str]) -> str:
    """An argument with its placeholders filled; other braces stay."""
    for name, value in values.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument


def open_camera(uri: str) -> CommandCamera:
    """Open the camera described by a file of commands."""
    rig = load_settings(CommandRig, Path(uri.removeprefix("command:")))
    if rig.focus is None:
        return CommandCamera(uri, rig)
    return CommandFocusCamera(uri, rig)
