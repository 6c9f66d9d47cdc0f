"""Lookup of a back end by the scheme of a camera's address ``SCHEME:REST``.

It is a module of ``cameras``, here or in an extra, an entry point ``defocus.cameras`` or a plug-in.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from defocus.capture.camera import Camera, CameraDescription
from defocus.errors import FAULTS, CameraNotFoundError, DefocusError, InputError
from defocus.plugins.discovery import Kind, NoValue, Shape
from defocus.plugins.extensions import Plugin, guarded

SECRET = re.compile(r"(pass|pwd|pw|secret|token|key)", re.IGNORECASE)
"""Parameter names in an address whose value is a secret."""


def redacted(uri: str) -> str:
    """A printable address: ``mine://admin:1234@cam/a?pwd=1234`` has three stars for each 1234."""
    uri = re.sub(r"(//[^/?#@:]*):.*@", r"\1:***@", uri)
    return re.sub(
        rf"([?&]{SECRET.pattern}[^=&]*)=[^&]*", r"\1=***", uri, flags=re.IGNORECASE
    )


_METHODS = ("__enter__", "__exit__", "close", "describe", "settings", "set", "shoot")

_ON_NETWORK = (
    "cameras that give video over a network or USB are left out, as they have no aperture to "
    "bracket; use 'command:' with a program that fetches a picture, or 'folder:'"
)

LEFT_OUT = {
    "genicam": "GenICam cameras are left out, because none was at hand; use 'folder:' with the "
    "camera's own program, or 'command:'",
    "ptpip": "cameras over the network (PTP/IP) are left out, because none was at hand; connect it "
    "by USB, as 'gphoto2:'",
    "http": _ON_NETWORK,
    "https": _ON_NETWORK,
    "onvif": _ON_NETWORK,
    "rtsp": _ON_NETWORK,
    "uvc": _ON_NETWORK,
}
"""Advice for schemes that other programs have and this one does not."""


CAMERAS: Kind[Any] = Kind(
    "cameras",
    Shape(lambda: NoValue, function="open_camera", marks_file=True),
    "defocus.capture.cameras",
)


def schemes() -> list[str]:
    """All schemes of camera addresses, sorted."""
    return sorted(CAMERAS.offers())


def brought_schemes() -> Iterator[tuple[str, str]]:
    """Schemes of extras, other packages and plug-in files, with the first line of their modules."""
    for scheme in sorted({*schemes()} - CAMERAS.own().keys()):
        first, _, _ = (getattr(_back_end(scheme), "__doc__", None) or "").partition(
            "\n"
        )
        yield scheme, first.replace("``", "")


def open_camera(uri: str) -> Camera:
    """Open the camera at an address."""
    scheme, colon, _ = uri.partition(":")
    if colon and scheme in LEFT_OUT:
        raise InputError(f"camera address '{redacted(uri)}': {LEFT_OUT[scheme]}")
    if not colon or scheme not in schemes():
        written = [f"{name}:" for name in schemes()]
        problem = CAMERAS.unknown(f"{scheme}:", written)
        raise InputError(f"camera address '{redacted(uri)}': {problem}")
    back_end = _back_end(scheme)
    if back_end is None:
        raise CameraNotFoundError(
            f"camera address '{redacted(uri)}': the package that provides '{scheme}:' is broken; "
            "repair or uninstall it"
        )
    camera: Camera = getattr(back_end, "open_camera", back_end)(uri)
    return camera


def starts_programs(uri: str) -> bool:
    """Whether opening an address starts programs that it names."""
    scheme = uri.partition(":")[0]
    return (
        scheme in schemes()
        and getattr(_back_end(scheme), "STARTS_PROGRAMS", False) is True
    )


def discover_cameras() -> list[CameraDescription]:
    """All cameras that any back end finds; a back end that cannot work is reported as a problem."""
    cameras: list[CameraDescription] = []
    for scheme in schemes():
        try:
            discover = getattr(_back_end(scheme), "discover", None)
            cameras.extend(discover() if discover is not None else ())
        except CameraNotFoundError as error:
            problem = str(error)
        except FAULTS as error:
            if scheme in CAMERAS.own():
                raise
            problem = f"{type(error).__name__}: {error}"
        else:
            continue
        cameras.append(CameraDescription(uri=f"{scheme}:", model="", problem=problem))
    return cameras


def _back_end(scheme: str) -> Any:  # noqa: ANN401 - a module, whose functions mypy cannot know
    """The module of a scheme; None, with a warning, if another package's module is broken."""
    offer = CAMERAS.find(scheme, InputError)
    module = CAMERAS.thing(offer)
    return module if offer.plugin is None else _of_plugin(offer.plugin, scheme)


def _of_plugin(plugin: Plugin, scheme: str) -> SimpleNamespace:
    """A plug-in file that is a back end; its errors name the file and the line."""
    functions = vars(plugin.module)
    guard = partial(
        guarded, plugin, f"camera '{scheme}:'", passing=(DefocusError, OSError)
    )
    back_end = SimpleNamespace(
        open_camera=guard(
            function=partial(_guarded_camera, functions["open_camera"], guard)
        ),
        STARTS_PROGRAMS=functions.get("STARTS_PROGRAMS", False),
        __doc__=functions.get("__doc__"),
    )
    if callable(functions.get("discover")):
        back_end.discover = guard(function=functions["discover"])
    return back_end


def _guarded_camera(
    opening: Callable[[str], Any], guard: Callable[..., Any], uri: str
) -> Any:  # noqa: ANN401 - whatever a file opens
    """Open a camera whose errors name the file and the line."""
    camera = opening(uri)
    lacking = [name for name in _METHODS if not callable(getattr(camera, name, None))]
    if lacking:
        raise TypeError(
            f"{type(camera).__name__} has no {lacking[0].strip('_')!r}; "
            "make its class a subclass of defocus.Camera"
        )
    for name in dir(type(camera)):
        if not name.startswith("_") and callable(getattr(type(camera), name)):
            with contextlib.suppress(AttributeError):  # a class with __slots__
                setattr(camera, name, guard(function=getattr(camera, name)))
    return camera
