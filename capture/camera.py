"""Interface of a camera: required and optional abilities.

How a back end is found by the scheme of a camera's address: :mod:`defocus.capture.links.back_ends`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, get_args, runtime_checkable

__all__ = [
    "FILE_KINDS",
    "ON_CARD",
    "SETTING_NAMES",
    "Camera",
    "CameraDescription",
    "CardFile",
    "FileKind",
    "HasCard",
    "HasConfig",
    "HasFileFormats",
    "HasFocusMotor",
    "HasMirror",
    "HasPreview",
    "HasWhiteBalance",
    "KnowsRelease",
    "KnowsTruth",
    "Setting",
    "SettingName",
    "Word",
]

SettingName = Literal["aperture", "shutter", "iso"]
Target = Literal["flat", "grey-card", "chart", "moving"]
"""What a simulated camera can be shown: an even surface, one held into the scene, a plane with
detail to the last pixel, and a bright disc that crosses such a plane."""

FileKind = Literal["raw", "raw+jpeg", "jpeg"]
FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
"""What files a shot makes."""

ON_CARD = ".on-card.json"
"""End of the name of a note, beside the stem of a shot, of the files on the card that are it. It is
there from the release until they are downloaded."""

CardFile = tuple[str, str]
"""Folder and name of a file on a camera's card."""

SETTING_NAMES: tuple[SettingName, ...] = ("aperture", "shutter", "iso")


@dataclass(frozen=True)
class Setting:
    """One setting of a camera, as the camera words it.

    Attributes:
        name: Our name for it, one of :data:`SETTING_NAMES`.
        word: The camera's name for it, such as ``f-number``.
        value: The present value, as the camera writes it.
        choices: What it can be set to; empty where the camera does not tell.
        read_only: Whether it follows a dial or a lens ring.
    """

    name: SettingName
    word: str
    value: str
    choices: tuple[str, ...]
    read_only: bool = False


@dataclass(frozen=True)
class Word:
    """One entry of a camera's whole configuration, in the camera's own words.

    Attributes:
        value: The value as the camera writes it.
        choices: What it can be set to; empty where it is a number or a text.
        span: Lowest and highest number, where it is a number with limits.
        read_only: Whether it follows a dial, a lens ring or the camera itself.
    """

    value: str
    choices: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    read_only: bool = False


@dataclass(frozen=True)
class CameraDescription:
    """What a camera says about itself; None where it says nothing.

    Attributes:
        uri: An address that opens this camera.
        model: Maker and model.
        serial: Serial number.
        port: Where it is plugged in.
        battery: Charge, as the camera words it.
        lens: Name of the lens.
        focal_length_mm: Focal length.
        focus_distance_mm: Distance that is in focus.
        sensor_pitch_um: Distance of two pixels.
        picture_size_px: Width and height of its pictures.
        simulated: Whether no light is involved.
        virtual: Whether its pictures are prepared files that its settings do not change.
        writes_exif: Whether its pictures say what they were taken with; video never does.
        capabilities: What it can do: its settings, ``focus``, ``preview``, ``config``.
        problem: Why the camera cannot be used, in words; empty where it can.
    """

    uri: str
    model: str
    serial: str | None = None
    port: str | None = None
    battery: str | None = None
    lens: str | None = None
    focal_length_mm: float | None = None
    focus_distance_mm: float | None = None
    sensor_pitch_um: float | None = None
    picture_size_px: tuple[int, int] | None = None
    simulated: bool = False
    virtual: bool = False
    writes_exif: bool = True
    capabilities: tuple[str, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """The description as a JSON object; unknown values are null."""
        return asdict(self)


class Camera(Protocol):
    """An open camera, a context manager; leaving it puts the camera's settings back."""

    def __enter__(self) -> Self:
        """Nothing more: the camera is open since it was made."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        ...

    def close(self) -> None:
        """Put the settings back as they were found, and release the camera."""
        ...

    def describe(self) -> CameraDescription:
        """What the camera says about itself."""
        ...

    def settings(self) -> dict[SettingName, Setting]:
        """The settings that this camera has, with their choices."""
        ...

    def set(self, name: SettingName, value: str) -> str:
        """Set ``name`` to one of its choices, read it back, and return what the camera then has.

        Raises:
            InputError: No such setting, or ``value`` is none of its choices.
            CameraError: The camera refused, or was lost.
        """
        ...

    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture and store it beside ``path_stem``.

        Args:
            path_stem: Folder and name without suffix, such as ``pairs/0001_desk/blurry``.

        Returns:
            The files written, one per format, each named ``<path_stem><suffix>.part``. The caller
            syncs and hashes them and gives them their names.

        Raises:
            CameraError: The camera was lost, or did not deliver after one more try.
            StorageError: The disk is full or the folder is not writable.
        """
        ...


@runtime_checkable
class HasCard(Protocol):
    """A camera whose shots are on a card before they are downloaded, and stay there.

    Attributes:
        on_card: Where the files of the last shot are, in the order in which it was returned.
    """

    on_card: tuple[CardFile, ...]

    def fetch(self, path_stem: Path) -> list[Path]:
        """Download the files that are noted beside ``path_stem`` (see :data:`ON_CARD`).

        Returns:
            As :meth:`Camera.shoot` does; the note is gone.

        Raises:
            CameraError: It is not on the card any more, or the camera was lost.
            StorageError: The disk is full or the folder is not writable.
        """
        ...

    def delete(self, place: CardFile) -> None:
        """Delete a file on the card.

        Raises:
            CameraError: It is not there, or the camera refused or was lost.
        """
        ...


@runtime_checkable
class HasFileFormats(Protocol):
    """A camera that can be told which files to write."""

    def choose_format(self, kind: FileKind) -> str:
        """Have the camera write files of a kind until it is closed; returns its word for them.

        Raises:
            InputError: It makes no such files, or nobody can set them.
            CameraError: The camera refused, or was lost.
        """
        ...


@runtime_checkable
class HasWhiteBalance(Protocol):
    """A camera whose white balance can be set to one value."""

    def choose_white_balance(self, asked: str) -> str:
        """Set a colour temperature or a preset until the camera is closed.

        Args:
            asked: Such as ``5200K``, or the camera's word for a preset.

        Returns:
            What was set, in the camera's words.

        Raises:
            InputError: It has no such value, or ``asked`` would leave the choice to the camera.
            CameraError: The camera refused, or was lost.
        """
        ...


@runtime_checkable
class HasMirror(Protocol):
    """A camera whose mirror may shake it when it swings up."""

    def hold_mirror(self) -> str:
        """Have the mirror up, or at rest again, when the shutter opens, until it is closed.

        Returns:
            What was set, in the camera's words.

        Raises:
            InputError: It cannot be told so.
            CameraError: The camera refused, or was lost.
        """
        ...


@runtime_checkable
class HasFocusMotor(Protocol):
    """A camera whose lens a motor moves.

    The steps are relative, uncalibrated and, on most lenses, not reversible: where the focus is
    must be seen in the pictures, and positions approached from one side.
    """

    def move_focus(self, steps: int) -> int:
        """Move the focus by steps of the camera's own, > 0 towards far, and wait until it stands.

        Returns:
            The steps driven, with the same sign: fewer than asked for where the travel ended.

        Raises:
            CameraError: The lens did not move at all, or the camera was lost.
        """
        ...


@runtime_checkable
class HasPreview(Protocol):
    """A camera that shows what it sees without taking a picture."""

    def preview(self) -> bytes:
        """A JPEG of what is before the lens now; small and quick, of no fixed size.

        Raises:
            CameraError: The camera has no live view, or was lost.
        """
        ...


@runtime_checkable
class HasConfig(Protocol):
    """A camera whose whole configuration can be read and changed in its own words."""

    def config(self) -> dict[str, Word]:
        """Every entry, by the camera's name for it."""
        ...

    def configure(self, word: str, value: str) -> str:
        """Set an entry for good (closing does not put it back), and return what it then is.

        Raises:
            InputError: No such entry, or a value that it cannot have.
            CameraError: The camera refused, or was lost.
        """
        ...


@runtime_checkable
class KnowsTruth(Protocol):
    """A simulated camera that can be given a scene and knows its ground truth."""

    def stage(self, scene: str, pair_number: int, attempt: int = 1) -> None:
        """Put up a scene; everything random in the coming shots follows from the arguments."""
        ...

    def show(self, target: Target) -> None:
        """Hold a target before the camera until the next :meth:`stage`."""
        ...

    def write_truth(self, folder: Path, sharp_by: Self | None = None) -> list[Path]:
        """Write what is true of the last shots named ``blurry`` and ``sharp``.

        Args:
            folder: An existing folder, which gets ``truth.json`` (similarity from blurry to
                sharp, blur per layer, exposure), ``flow.npy``, ``defocus_map.npy`` and
                ``all_in_focus.tif``.
            sharp_by: The camera that took the sharp shot, where it is another one.

        Returns:
            The files written.
        """
        ...


@runtime_checkable
class KnowsRelease(Protocol):
    """A camera that knows when the exposure of its last shot began.

    Attributes:
        released_at: By :func:`time.monotonic`, seconds.
    """

    released_at: float
