"""Cameras on USB through libgphoto2: ``gphoto2:``, ``gphoto2:serial=0123``, ``gphoto2:usb:1,4``.

Nothing was tried on a real body: bodies are simulated from reports."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from defocus.capture.camera import (
    SETTING_NAMES,
    Camera,
    CameraDescription,
    CardFile,
    CardSpace,
    FileKind,
    Setting,
    SettingName,
    Word,
)
from defocus.capture.links.camera_words import as_words, refuse_unknown, refuse_value
from defocus.capture.links.child_link import AnswerError, Child, ChildLostError
from defocus.capture.links.gphoto2.errors import explained
from defocus.capture.links.gphoto2.process import (
    VIRTUAL_MANUFACTURER,
    CameraProcess,
    detect,
    virtual_environment,
)
from defocus.capture.links.gphoto2.received import (
    Moments,
    check_kind,
    clear_away,
    say_others,
)
from defocus.capture.links.gphoto2.release import in_memory
from defocus.capture.links.gphoto2.setting_names import (
    DRIVE_WORDS,
    FILES_OF_KIND,
    FORMAT_WORDS,
    PROGRAM_WORDS,
    SETTING_WORDS,
    expected_files,
    format_choice,
    mirror_changes,
    refuse_burst,
    setting_of,
    unwanted_automatics,
    white_balance_changes,
)
from defocus.capture.planning.plan import BODY_SHOT
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.progress import say

QUIET_MS = 1500
"""Milliseconds without a new file after which a shot counts as complete, if its number of files is
not known."""

SHOT_SECONDS = 300.0
"""Longest wait for a shot. A body may list its card at each release: 92 s with 1,906 files were
reported."""

FOCUS_SECONDS = 600.0
"""Longest wait for the focus motor, which may go a long way in single steps."""


class GPhoto2Camera(Camera):
    """A camera in a child process; a crash of the child costs one retry."""

    def __init__(self, uri: str, process: CameraProcess) -> None:
        self._uri = uri
        self._process = process
        self._found: dict[str, str] = {}
        self._readied = False
        self._moments = Moments()
        self.on_card: tuple[CardFile, ...] = ()
        self.quiet_ms = QUIET_MS
        self._virtual = process.summary.get("manufacturer") == VIRTUAL_MANUFACTURER
        self._kind: FileKind | None = None
        self._files_due = 1 if self._virtual else None

    @property
    def child(self) -> Child:
        """The process."""
        return self._process.child

    def close(self) -> None:
        """Restore every changed setting, and release the camera."""
        try:
            for word, value in reversed(self._found.items()):
                self._put_back(word, value)
            self.child.ask("close")
        except (ChildLostError, AnswerError) as error:
            say(f"the camera's settings could not be restored: {error}")
        finally:
            self.child.end()

    def _put_back(self, word: str, value: str) -> None:
        """Restore a setting; a refusal must not keep the others from being restored."""
        try:
            self.child.ask("write", word=word, value=value)
        except AnswerError as error:
            say(f"{word} could not be set back to {value}: {error}")

    def describe(self) -> CameraDescription:
        """The camera's description of itself."""
        summary = self._process.ask("summary")
        return CameraDescription(
            uri=self._uri,
            model=summary["model"],
            serial=self._process.serial,
            port=self._process.port,
            battery=summary.get("batterylevel"),
            lens=summary.get("lensname"),
            shot_bytes=None if self._virtual else BODY_SHOT,
            virtual=self._virtual,
            capabilities=(*self.settings(), "preview", "config"),
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO, as far as the camera has them and its mode allows them."""
        find = self._process.find
        read = dict[SettingName, tuple[str, dict[str, Any]]]()
        for name in SETTING_NAMES:
            # libgphoto2's virtual camera has no ISO; every body that was reported has one.
            entry = find(
                *SETTING_WORDS[name], needed=name != "iso" or not self._virtual
            )
            if entry is not None:
                read[name] = entry
        program = self._process.ask("find", words=PROGRAM_WORDS, patience=0.0)
        mode = "" if program is None else str(program[1]["value"])
        return {name: setting_of(name, *entry, mode) for name, entry in read.items()}

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices, checked here and again in the child process."""
        setting = self.settings().get(name)
        if setting is None:
            raise InputError(f"this camera has no setting for the {name}")
        if setting.read_only:
            raise InputError(
                f"{setting.word} is {setting.value} and follows the camera's dial; set the dial to "
                "M and the lens ring to A"
            )
        if value not in setting.choices:
            raise InputError(
                f"the camera has no {name} '{value}'; it has {', '.join(setting.choices) or 'none'}"
            )
        self._ready()
        return self._write(setting.word, setting.value, value)

    def _with_one_of(self, *words: str) -> dict[str, Word]:
        """The whole configuration, with some entries that may come late after a connection."""
        self._ready()
        self._process.find(*words, needed=not self._virtual)
        return self.config()

    def choose_format(self, kind: FileKind) -> str:
        """Have the camera write RAW files, JPEGs or both (see ``HasFileFormats``)."""
        words = self._with_one_of("imageformat", "imagequality")
        chosen = ""
        for word in FORMAT_WORDS:
            entry = words.get(word)
            if entry is None or entry.read_only:
                continue
            choice = format_choice(entry.choices, kind)
            if choice is None:
                offered = ", ".join(entry.choices) or "none"
                raise InputError(
                    f"this camera makes no {kind} files; {word} can be {offered}"
                )
            chosen = self._write(word, entry.value, choice)
        if not chosen:
            raise InputError(
                f"the file format of this camera cannot be set; set {kind} on the camera and drop "
                "--format; if it could be set before, turn the camera off and on"
            )
        self._kind = kind
        self._files_due = FILES_OF_KIND[kind]
        return chosen

    def choose_white_balance(self, asked: str) -> str:
        """Set a colour temperature or a preset (see ``HasWhiteBalance``)."""
        words = self._with_one_of("whitebalance")
        return self._changed(words, white_balance_changes(words, asked))

    def hold_mirror(self) -> str:
        """Wait after the mirror, or hold it up with the live view (see ``HasMirror``)."""
        words = self._with_one_of("exposuredelaymode", "viewfinder")
        return self._changed(words, mirror_changes(words))

    def _changed(self, words: Mapping[str, Word], changes: Mapping[str, str]) -> str:
        written = []
        for word, value in changes.items():
            stands = self._write(word, words[word].value, value)
            written.append(f"{word} {stands}")
        return ", ".join(written)

    def _ready(self) -> None:
        """Switch off automatic functions that make two shots differ, once before other settings."""
        if self._readied:
            return
        words = self.config()
        for word, choice in unwanted_automatics(words).items():
            got = words[word].value
            try:
                got = self._write(word, got, choice)
            except CameraError as error:
                say(
                    f"{self._process.port}: {word} could not be set to {choice}: {error}"
                )
            words[word] = replace(words[word], value=got, read_only=True)  # so it stays
        refuse_burst(words)
        self._readied = True
        if self._files_due is None:
            self._files_due = expected_files(words)
        if "capturetarget" not in words:
            say(
                f"{self._process.port}: this camera lets nobody choose where its pictures go; one "
                "that is only in its memory is lost if the connection breaks before it is here"
            )

    def _write(self, word: str, before: str, value: str) -> str:
        """Set an entry while this camera is open, and return the value that it then has."""
        got = str(self._process.ask("write", word=word, value=value))
        self._found.setdefault(word, before)
        self._process.wanted[word] = value
        return got

    def refuse_burst(self) -> None:
        """See that it takes one picture at each release (see ``HasDriveMode``)."""
        entries = {}
        for word in DRIVE_WORDS:
            entry = self._process.ask("read", word=word)
            if entry:
                entries[word] = entry
        refuse_burst(as_words(entries))

    def set_again(self) -> None:
        """Set everything once more, whatever the camera reports."""
        for word, value in self._process.wanted.items():
            self._process.ask("write", word=word, value=value, again=True)

    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture; its files are downloaded and stay on the camera."""
        self._ready()
        ordered = self._moments.ordered(path_stem)
        parts = self._delivered(
            lambda: self.child.ask(
                "shoot",
                within_seconds=SHOT_SECONDS,
                stem=str(path_stem.absolute()),
                due=self._files_due,
                all_or_none=self._kind is not None or self._virtual,
                quiet_ms=self.quiet_ms,
            ),
            shooting=True,
        )
        if not self._virtual:  # its pictures are of any kind and day
            check_kind(parts, self._kind)
            with clear_away(parts, path_stem, on_card=bool(self.on_card)):
                self._moments.check(parts, ordered)
        if self._files_due is not None:
            # by what came, not by what the body calls its format
            self._files_due = len(parts)
        return parts

    def fetch(self, path_stem: Path) -> list[Path]:
        """Download an earlier shot that is still on the card (see ``HasCard``)."""
        return self._delivered(
            lambda: self.child.ask("fetch", stem=str(path_stem.absolute()))
        )

    def delete(self, place: CardFile) -> None:
        """Delete a file on the card (see ``HasCard``)."""
        self._process.ask("delete", folder=place[0], name=place[1])

    def _delivered(
        self, request: Callable[[], dict[str, Any]], *, shooting: bool = False
    ) -> list[Path]:
        delivered = self._process.retried(request, shooting=shooting)
        places = [(folder, name) for folder, name in delivered["on_card"]]
        self.on_card = () if any(map(in_memory, places)) else tuple(places)
        say_others(delivered)
        return list(map(Path, delivered["parts"]))

    def preview(self) -> bytes:
        """A JPEG of the live view; an error for cameras without one, including the virtual one."""
        with tempfile.TemporaryDirectory(prefix="defocus-preview-") as folder:
            path = Path(folder) / "preview.jpg"
            self._process.ask("preview", path=str(path))
            return path.read_bytes()

    def rest_preview(self) -> None:
        """End the live view (see ``RestsPreview``), unless it holds up the mirror."""
        if self._process.wanted.get("viewfinder") != "1":
            self._process.ask("rest")

    def cards(self, *, count_files: bool = True) -> tuple[CardSpace, ...]:
        """The cards that the camera shows (see ``HasCardSpace``)."""
        cards = self._process.retried(
            lambda: self.child.ask(
                "card", within_seconds=SHOT_SECONDS, count_files=count_files
            )
        )
        return tuple(CardSpace(**card) for card in cards)

    def config(self) -> dict[str, Word]:
        """The whole configuration, by libgphoto2's names."""
        return as_words(self._process.ask("words"))

    def configure(self, word: str, value: str) -> str:
        """Set an entry permanently; values that could crash the library are refused."""
        entries = self.config()
        refuse_unknown(word, entries, "defocus-capture config list")
        refuse_value(word, value, entries[word])
        return str(self._process.ask("write", word=word, value=value))


class GPhoto2FocusCamera(GPhoto2Camera):
    """A camera whose lens has a motor that can be driven."""

    def move_focus(self, steps: int) -> int:
        """Drive the motor (see ``HasFocusMotor``); a move cut short by a crash may be half done."""
        self._ready()
        try:
            return int(
                self.child.ask("move_focus", within_seconds=FOCUS_SECONDS, steps=steps)
            )
        except AnswerError as error:
            raise CameraError(
                f"{self._process.port}: the focus did not move: {explained(error)}; set the camera "
                "to manual focus"
            ) from error
        except ChildLostError as error:
            self._process.restart()
            raise CameraError(
                f"{self._process.port}: {error} while the focus moved; its position is unknown; "
                "shoot this pair again"
            ) from error


def open_camera(uri: str) -> GPhoto2Camera:
    """Open the camera of an address."""
    rest = uri.removeprefix("gphoto2:")
    environment: dict[str, str] = {}
    if rest.startswith("ptpip:"):
        raise InputError(
            f"camera address '{uri}': cameras over the network (PTP/IP) are left out, because none "
            "was at hand; connect it by USB, as gphoto2:"
        )
    # libgphoto2's, which delivers the first JPEG of a folder
    if rest.startswith("virtual="):
        environment = virtual_environment(Path(rest.removeprefix("virtual=")))
        rest = ""
    cameras = detect(environment)
    if not cameras:
        raise CameraNotFoundError(
            f"no camera found at {uri}; plug it in and switch it on"
        )
    if rest.startswith("serial="):
        return _with_serial(uri, rest.removeprefix("serial="), cameras)
    if rest.startswith("usb:"):
        cameras = [camera for camera in cameras if camera["port"] == rest]
    elif rest:
        raise InputError(
            f"camera address '{uri}': write gphoto2:, gphoto2:serial=0123, gphoto2:usb:001,004 "
            "or gphoto2:virtual=FOLDER"
        )
    if len(cameras) != 1:
        ports = ", ".join(f"gphoto2:{camera['port']}" for camera in detect(environment))
        raise CameraNotFoundError(
            f"{uri}: not one camera; there is {ports}; name one of them"
        )
    return _opened(uri, cameras[0]["port"], environment)


def _opened(uri: str, port: str, environment: dict[str, str]) -> GPhoto2Camera:
    try:
        process = CameraProcess(port, environment)
        return (GPhoto2FocusCamera if process.child.ask("motor") else GPhoto2Camera)(
            uri, process
        )
    except (ChildLostError, AnswerError) as error:
        raise CameraNotFoundError(
            f"{uri}: {port} cannot be opened: {explained(error)}"
        ) from error


def _with_serial(uri: str, serial: str, entries: list[dict[str, str]]) -> GPhoto2Camera:
    """The camera with a serial number; its port changes whenever it is connected."""
    seen = []
    for entry in entries:
        camera = _opened(uri, entry["port"], {})
        seen.append(camera.describe().serial or "none")
        if seen[-1] == serial:
            return camera
        camera.close()
    raise CameraNotFoundError(
        f"{uri}: no such camera; serial numbers found: {', '.join(seen)}"
    )


def discover() -> list[CameraDescription]:
    """All cameras that libgphoto2 detects; those that cannot be opened have a reason."""
    return [_described(entry["model"], entry["port"]) for entry in detect({})]


def _described(model: str, port: str) -> CameraDescription:
    uri = f"gphoto2:{port}"
    try:
        with open_camera(uri) as camera:
            return camera.describe()
    except CameraError as error:
        return CameraDescription(uri, model, port=port, problem=str(error))
