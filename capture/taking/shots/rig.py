"""Cameras of a session: one for all shots, or one for each picture of a pair."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from defocus.capture.camera import Camera
from defocus.capture.links.back_ends import open_camera
from defocus.errors import InputError

__all__ = ["RigAddress", "SessionCameras", "open_rig"]


@dataclass(frozen=True)
class RigAddress:
    """Addresses of the cameras of a session; ``sharp`` is None for the same camera."""

    blurry: str
    sharp: str | None = None

    @property
    def uris(self) -> list[str]:
        """The address of each camera."""
        return [self.blurry] if self.sharp is None else [self.blurry, self.sharp]

    @classmethod
    def parse(cls, typed: Sequence[str]) -> "RigAddress":
        """Parse ``--camera``, given once, or twice as ``blurry=URI`` and ``sharp=URI``."""
        roles = dict(text.split("=", 1) for text in typed if text.startswith(("blurry=", "sharp=")))
        if len(typed) == 1 and not roles:
            return cls(typed[0])
        if len(typed) == 2 and len(roles) == 2:
            return cls(roles["blurry"], roles["sharp"])
        raise InputError(
            f"--camera {' --camera '.join(typed)}: give one address, or two as "
            "--camera blurry=URI --camera sharp=URI"
        )


@dataclass(frozen=True)
class SessionCameras:
    """Open cameras; with a single one both are the same."""

    blurry: Camera
    sharp: Camera

    @classmethod
    def single(cls, camera: Camera) -> "SessionCameras":
        """One camera for every shot."""
        return cls(camera, camera)

    @property
    def two(self) -> bool:
        """Whether two cameras take the blurry and the sharp shots."""
        return self.blurry is not self.sharp

    @property
    def cameras(self) -> list[Camera]:
        """Each camera once."""
        return [self.blurry, self.sharp] if self.two else [self.blurry]

    def of(self, role: str) -> Camera:
        """The camera that takes the shot of a role."""
        return self.sharp if role == "sharp" else self.blurry


@contextlib.contextmanager
def open_rig(address: RigAddress) -> Iterator[SessionCameras]:
    """Open the cameras; leaving the block restores their settings."""
    with contextlib.ExitStack() as stack:
        blurry = stack.enter_context(open_camera(address.blurry))
        if address.sharp is None:
            yield SessionCameras.single(blurry)
        else:
            yield SessionCameras(blurry, stack.enter_context(open_camera(address.sharp)))
