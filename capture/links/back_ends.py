"""Lookup of a back end by the scheme of a camera's address.

An address is ``SCHEME:REST``, such as ``sim:?seed=1`` or ``gphoto2:usb:001,004``. The scheme is
the name of a module in :mod:`defocus.capture.cameras`, or of an entry point in the group
``defocus.cameras`` whose value is such a module. A back end module defines
``open_camera(uri) -> Camera`` and ``discover() -> list[CameraDescription]``, and imports its
libraries inside functions. A back end whose addresses name programs to start sets ``STARTS_PROGRAMS
= True``.
"""

import importlib
import pkgutil
from typing import Any

import defocus.capture.cameras as back_ends
from defocus.capture.camera import Camera, CameraDescription
from defocus.capture.links.address import redacted
from defocus.discovery import brought
from defocus.errors import CameraNotFoundError, InputError

__all__ = ["discover_cameras", "open_camera", "schemes", "starts_programs"]

LEFT_OUT = {
    "genicam": "GenICam cameras are left out, because none was at hand; use 'folder:' with the "
    "camera's own program, or 'command:'",
    "ptpip": "cameras over the network (PTP/IP) are left out, because none was at hand; connect it "
    "by USB, as 'gphoto2:'",
}
"""Schemes that other programs know and we do not: what to do instead."""


def schemes() -> list[str]:
    """All schemes of camera addresses, sorted."""
    own = {module.name for module in pkgutil.iter_modules(back_ends.__path__)}
    return sorted(own | {name for name, _, _ in brought("cameras")})


def open_camera(uri: str) -> Camera:
    """Open the camera at an address.

    Raises:
        InputError: The address has an unknown scheme or option.
        CameraNotFoundError: No camera answers there.
    """
    scheme, colon, _ = uri.partition(":")
    if colon and scheme in LEFT_OUT:
        raise InputError(f"camera address '{redacted(uri)}': {LEFT_OUT[scheme]}")
    if not colon or scheme not in schemes():
        raise InputError(
            f"camera address '{redacted(uri)}' has no known scheme; use one of "
            + ", ".join(f"'{name}:'" for name in schemes())
        )
    back_end = _back_end(scheme)
    if back_end is None:
        raise CameraNotFoundError(
            f"camera address '{redacted(uri)}': the package that provides '{scheme}:' is broken; "
            "repair or uninstall it"
        )
    camera: Camera = back_end.open_camera(uri)
    return camera


def starts_programs(uri: str) -> bool:
    """Whether opening an address starts programs that it names."""
    scheme = uri.partition(":")[0]
    return scheme in schemes() and getattr(_back_end(scheme), "STARTS_PROGRAMS", False) is True


def discover_cameras() -> list[CameraDescription]:
    """All cameras that any back end finds; a back end that cannot work is reported as a problem."""
    found: list[CameraDescription] = []
    for scheme in schemes():
        try:
            if (back_end := _back_end(scheme)) is not None:
                found.extend(back_end.discover())
        except CameraNotFoundError as error:
            found.append(CameraDescription(uri=f"{scheme}:", model="", problem=str(error)))
    return found


def _back_end(scheme: str) -> Any:  # noqa: ANN401 - a module, whose functions mypy cannot know
    """The module of a scheme; None, with a warning, if another package's module is broken."""
    for name, _, load in brought("cameras"):
        if name == scheme:
            return load()
    return importlib.import_module(f"{back_ends.__name__}.{scheme}")
