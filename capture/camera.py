"""Interface of a camera: required and optional abilities.

:mod:`defocus.capture.links.back_ends` finds a back end by the scheme of a camera's address. Any
method raises ``CameraError`` where the camera refused or was lost, one that sets something
``InputError`` where the camera has no such setting or value."""

from abc import abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

from defocus.errors import InputError

SettingName = Literal["aperture", "shutter", "iso"]
Target = Literal["flat", "grey-card", "chart", "moving", "test-chart"]
"""Targets of a simulated camera: an even surface, a grey card in the scene, a plane with detail to
the last pixel, a bright disc that crosses the plane, and the printed test chart."""

FileKind = Literal["raw", "raw+jpeg", "jpeg"]

ON_CARD = ".on-card.json"
"""End of the name of a note beside a shot's files. The note names the files on the card from the
release until they are downloaded."""

CardFile = tuple[str, str]
"""Folder and name of a file on a camera's card."""

SETTING_NAMES: tuple[SettingName, ...] = ("aperture", "shutter", "iso")


@dataclass(frozen=True)
class Setting:
    """One setting of a camera, in the camera's own values.

    Attributes:
        name: Our name for it, one of :data:`SETTING_NAMES`.
        word: The camera's name for it, such as ``f-number``.
        value: The present value, as the camera writes it.
        choices: Allowed values; empty if the camera does not list them.
        read_only: Whether it is fixed by a dial or a lens ring.

    Examples:
        >>> import defocus
        >>> aperture = defocus.Setting("aperture", "f-number", "f/4", ("f/4", "f/22"))
        >>> aperture.choices[-1], aperture.read_only
        ('f/22', False)
    """

    name: SettingName
    word: str
    value: str
    choices: tuple[str, ...]
    read_only: bool = False


@dataclass(frozen=True)
class Word:
    """One entry of a camera's full configuration, in the camera's own values."""

    value: str  # as the camera writes it
    choices: tuple[str, ...] = ()  # allowed values; empty for a number or a text
    span: tuple[float, float] | None = (
        None  # lowest and highest value of a number with limits
    )
    read_only: bool = (
        False  # whether it follows a dial, a lens ring or the camera itself
    )


@dataclass(frozen=True)
class CameraDescription:
    """Description of a camera by itself; unknown values are None.

    Attributes:
        uri: An address that opens this camera.
        model: Maker and model.
        serial: Serial number.
        port: Port it is connected to.
        battery: Battery charge, in the camera's own words.
        lens: Name of the lens.
        focal_length_mm: Focal length, mm.
        focus_distance_mm: Distance in focus, mm.
        sensor_pitch_um: Pixel pitch, µm.
        picture_size_px: Width and height of its pictures, px.
        shot_bytes: Least and most bytes of the files of a shot.
        truth_bytes: Bytes of the ground truth that is kept with each pair.
        simulated: Whether the camera is simulated.
        virtual: Whether its pictures are prepared files that do not depend on its settings.
        writes_exif: Whether its pictures have EXIF data; video never has.
        capabilities: Abilities: its settings, ``focus``, ``preview``, ``config``.
        problem: Why the camera cannot be used; empty if it can.

    Examples:
        >>> import defocus
        >>> box = defocus.CameraDescription("box:", "Box with a lens", focal_length_mm=50.0)
        >>> box.to_json()["focal_length_mm"], box.lens
        (50.0, None)
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
    shot_bytes: tuple[int, int] | None = None
    truth_bytes: int = 0
    simulated: bool = False
    virtual: bool = False
    writes_exif: bool = True
    capabilities: tuple[str, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """The description as a JSON object; unknown values are null."""
        return asdict(self)


class Camera(Protocol):
    """An open camera, a context manager; leaving it restores the camera's settings.

    A subclass needs :meth:`describe`, :meth:`settings`, :meth:`set` and :meth:`shoot`. What else a
    camera can do are methods of the protocols of this module, such as :class:`HasPreview`.

    Raises:
        CameraError: From every method: the camera refused, or was lost.
        InputError: From a method that sets something: the camera has no such setting or value.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from defocus.capture.cameras.sim import open_camera
        >>> with tempfile.TemporaryDirectory() as folder, open_camera("sim:") as camera:
        ...     value = camera.set("aperture", "f/4")
        ...     files = camera.shoot(Path(folder) / "blurry")
        >>> value, [file.name for file in files]
        ('f/4', ['blurry.tif.part'])
    """

    def __enter__(self) -> Self:
        """Return the camera, which is already open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Restore the original settings and release the camera; here there is nothing to do."""
        return  # not abstract: a camera may have nothing to restore

    @abstractmethod
    def describe(self) -> CameraDescription:
        """Describe the camera."""
        ...

    @abstractmethod
    def settings(self) -> dict[SettingName, Setting]:
        """The camera's settings, with their choices."""
        ...

    @abstractmethod
    def set(self, name: SettingName, value: str) -> str:
        """Set ``name`` to one of its choices, read it back, and return the resulting value.

        Raises:
            InputError: The setting is unknown, or ``value`` is not one of its choices.
            CameraError: The camera refused, or was lost.
        """
        ...

    @abstractmethod
    def shoot(self, path_stem: Path) -> list[Path]:
        """Take one picture and store it beside ``path_stem``.

        Args:
            path_stem: Folder and name without suffix, such as ``pairs/0001_desk/blurry``.

        Returns:
            The files written, one per format, each named ``<path_stem><suffix>.part``. The caller
            syncs and hashes them and gives them their names.

        Raises:
            CameraError: The camera was lost, or did not deliver after another try.
            StorageError: The disk is full or the folder is not writable.
        """
        ...


@runtime_checkable
class HasCard(Protocol):
    """A camera that stores its shots on a card before they are downloaded, and keeps them."""

    on_card: tuple[CardFile, ...]
    """The last shot's files on the card, in the returned order."""

    def fetch(self, path_stem: Path) -> list[Path]:
        """Download the files recorded beside ``path_stem`` (see :data:`ON_CARD`), as ``shoot``.

        The record is removed; a file that is no longer on the card is ``CameraError``."""
        ...

    def delete(self, place: CardFile) -> None:
        """Delete a file on the card."""
        ...


@runtime_checkable
class HasFileFormats(Protocol):
    """A camera with selectable file formats."""

    def choose_format(self, kind: FileKind) -> str:
        """Make the camera write files of a kind until it is closed; return its own value."""
        ...


@runtime_checkable
class HasWhiteBalance(Protocol):
    """A camera whose white balance can be fixed."""

    def choose_white_balance(self, asked: str) -> str:
        """Set ``5200K`` or a preset until the camera is closed; return its own value.

        An automatic mode is ``InputError``."""
        ...


@runtime_checkable
class HasMirror(Protocol):
    """A camera whose mirror can shake it when it swings up."""

    def hold_mirror(self) -> str:
        """Keep the mirror up, or wait until it rests, at each release until the camera is closed.

        Return the new value, in the camera's own words."""
        ...


@runtime_checkable
class HasFocusMotor(Protocol):
    """A camera with a focus motor.

    The steps are relative, uncalibrated and, on most lenses, not reversible. So the focus must be
    judged in pictures, and positions approached from one side.
    """

    def move_focus(self, steps: int) -> int:
        """Move the focus by camera steps, > 0 towards far, and wait until it stops.

        Return the steps moved, with the same sign; fewer than requested at an end stop."""
        ...


@runtime_checkable
class HasPreview(Protocol):
    """A camera with a live view."""

    def preview(self) -> bytes:
        """A JPEG of the present view; small and quick, without a fixed size."""
        ...


@runtime_checkable
class RestsPreview(Protocol):
    """A camera whose live view runs until it is ended, heats the body and drains the battery."""

    def rest_preview(self) -> None:
        """End the live view; the next preview starts it again."""
        ...


@runtime_checkable
class HasConfig(Protocol):
    """A camera whose full configuration can be read and changed."""

    def config(self) -> dict[str, Word]:
        """Every entry, by the camera's name for it."""
        ...

    def configure(self, word: str, value: str) -> str:
        """Set an entry permanently (closing does not restore it), and return its new value."""
        ...


@runtime_checkable
class SetsAgain(Protocol):
    """A camera whose settings may differ from what it reports."""

    def set_again(self) -> None:
        """Set all settings once more, whatever the camera reports."""
        ...


@runtime_checkable
class HasDriveMode(Protocol):
    """A camera that can be set to take several pictures at each release."""

    def refuse_burst(self) -> None:
        """Make sure that a release takes one picture; ``InputError`` if a person must set that."""
        ...


@dataclass(frozen=True)
class CardSpace:
    """A card in a camera; None where the camera does not say."""

    folder: str  # where the camera shows it
    total_bytes: int | None
    free_bytes: int | None
    files: int  # how many files the camera has to list


@runtime_checkable
class HasCardSpace(Protocol):
    """A camera that says what is on its cards."""

    def cards(self, *, count_files: bool = True) -> tuple[CardSpace, ...]:
        """Each card that it shows; to count the files of a full one may take a minute."""
        ...


@runtime_checkable
class KnowsTruth(Protocol):
    """A simulated camera that can be given a scene and knows its ground truth."""

    def stage(self, scene: str, pair_number: int, attempt: int = 1) -> None:
        """Set up a scene; the arguments determine everything random in the next shots."""
        ...

    def show(self, target: Target) -> None:
        """Show a target until the next :meth:`stage`."""
        ...

    def write_truth(self, folder: Path, sharp_by: Self | None = None) -> list[Path]:
        """Write the truth of the last shots named ``blurry`` and ``sharp``; return its files.

        ``truth.json`` (similarity from blurry to sharp, blur per layer, exposure), ``flow.npy``,
        ``defocus_map.npy``, ``all_in_focus.tif``; ``sharp_by`` is another camera of the sharp shot.
        """
        ...


@runtime_checkable
class KnowsRelease(Protocol):
    """A camera that knows when the exposure of its last shot began."""

    released_at: float
    """Time of the release, in seconds of :func:`time.monotonic`."""


def no_motor(camera: Camera) -> InputError:
    """The error for a request to move the focus of a camera without a motor."""
    return InputError(
        f"{camera.describe().model} has no focus motor that can be driven; use --mode aperture"
    )
