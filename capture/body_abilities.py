"""Abilities of camera bodies that go on by themselves, forget, or fill up."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from defocus.capture.camera import Camera
from defocus.errors import InputError


@runtime_checkable
class SetsAgain(Protocol):
    """A camera that may have another setting than it says."""

    def set_again(self) -> None:
        """Set everything once more that was set, whatever the camera says that it has.

        Raises:
            CameraError: The camera refused, or was lost.
        """
        ...


@runtime_checkable
class RestsPreview(Protocol):
    """A camera whose live view goes on by itself, and heats and drains it, until it is ended."""

    def rest_preview(self) -> None:
        """End the live view; the next preview starts it again.

        Raises:
            CameraError: The camera refused, or was lost.
        """
        ...


@runtime_checkable
class HasDriveMode(Protocol):
    """A camera that can be set to take several pictures at each release."""

    def refuse_burst(self) -> None:
        """See that it takes one, or can be set to.

        Raises:
            InputError: It takes several until a person changes that on the camera.
            CameraError: The camera was lost.
        """
        ...


@dataclass(frozen=True)
class CardSpace:
    """A card in a camera.

    Attributes:
        folder: Where the camera shows it.
        total_bytes: Its size; None where the camera does not tell.
        free_bytes: What is left; None where the camera does not tell.
        files: How many files the camera has to list.
    """

    folder: str
    total_bytes: int | None
    free_bytes: int | None
    files: int


@runtime_checkable
class HasCardSpace(Protocol):
    """A camera that tells what is on its cards."""

    def cards(self, *, count_files: bool = True) -> tuple[CardSpace, ...]:
        """Each card that it shows; to count the files of a full one may take a minute.

        Raises:
            CameraError: The camera was lost.
        """
        ...


def no_motor(camera: Camera) -> InputError:
    """What to answer whoever wants to move the focus of a camera without a motor."""
    return InputError(
        f"{camera.describe().model} has no focus motor that can be driven; use --mode aperture"
    )
