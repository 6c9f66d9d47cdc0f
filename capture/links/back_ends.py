"""Lookup of a back end by the scheme of a camera's address ``SCHEME:REST``.

It is a module of ``cameras``, here or in an extra, an entry point ``defocus.cameras`` or a plug-in.
"""

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import defocus.capture.cameras as back_ends
from defocus.capture.camera import Camera, CameraDescription
from defocus.discovery import FAULTS, brought
from defocus.errors import CameraNotFoundError, DefocusError, InputError, RegistryError
from defocus.extensions import guarded, plugins
from defocus.near_names import meant

SECRET = re.compile(r"(pass|pwd|pw|secret|token|key)", re.IGNORECASE)
"""Names in a query that say that a secret follows."""


def redacted(uri: str) -> str:
    """A printable address: ``onvif://admin:1234@cam/a?pwd=1234`` has three stars for each 1234."""
    uri = re.sub(r"(//[^/?#@:]*):.*@", r"\1:***@", uri)
    return re.sub(rf"([?&]{SECRET.pattern}[^=&]*)=[^&]*", r"\1=***", uri, flags=re.IGNORECASE)


_METHODS = ("__enter__", "__exit__", "close", "describe", "settings", "set", "shoot")

LEFT_OUT = {
    "genicam": "GenICam cameras are left out, because none was at hand; use 'folder:' with the "
    "camera's own program, or 'command:'",
    "ptpip": "cameras over the network (PTP/IP) are left out, because none was at hand; connect it "
    "by USB, as 'gphoto2:'",
}
"""Schemes that other programs know and we do not: what to do instead."""


def schemes() -> list[str]:
    """All schemes of camera addresses, sorted."""
    return sorted({*_own(), *(name for name, _, _ in brought("cameras")), *_plugin_back_ends()})


def brought_schemes() -> Iterator[tuple[str, str]]:
    """Schemes of extras, other packages and plug-in files, with what their modules say first."""
    for scheme in sorted({*schemes()} - _own()):
        first, _, _ = (getattr(_back_end(scheme), "__doc__", None) or "").partition("\n")
        yield scheme, first.replace("``", "")


def open_camera(uri: str) -> Camera:
    """Open the camera at an address."""
    scheme, colon, _ = uri.partition(":")
    if colon and scheme in LEFT_OUT:
        raise InputError(f"camera address '{redacted(uri)}': {LEFT_OUT[scheme]}")
    if not colon or scheme not in schemes():
        hint = meant(f"{scheme}:", (f"{name}:" for name in schemes()))
        raise InputError(f"camera address '{redacted(uri)}' has no known scheme; {hint}")
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
    cameras: list[CameraDescription] = []
    for scheme in schemes():
        try:
            discover = getattr(_back_end(scheme), "discover", None)
            cameras.extend(discover() if discover is not None else ())
        except CameraNotFoundError as error:
            problem = str(error)
        except FAULTS as error:
            if scheme in _own():
                raise
            problem = f"{type(error).__name__}: {error}"
        else:
            continue
        cameras.append(CameraDescription(uri=f"{scheme}:", model="", problem=problem))
    return cameras


def camera_libraries() -> Iterator[tuple[str, str, bool]]:
    """Packages of back ends by scheme: name and version, or what is wrong; whether it lacks."""
    for scheme in schemes():
        library = getattr(_back_end(scheme), "library", None)
        if library is None:
            continue
        try:
            yield scheme, library(), False
        except CameraNotFoundError as error:
            yield scheme, str(error), True


def _back_end(scheme: str) -> Any:  # noqa: ANN401 - a module, whose functions mypy cannot know
    """The module of a scheme; None, with a warning, if another package's module is broken."""
    if plugin := _plugin_back_ends().get(scheme):
        return plugin
    for name, _, load in brought("cameras"):
        if name == scheme:
            return load()
    return importlib.import_module(f"{back_ends.__name__}.{scheme}")


def _own() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(back_ends.__path__)}


def _plugin_back_ends() -> dict[str, SimpleNamespace]:
    """Plug-in files that are a back end, by scheme; their errors name the file and the line."""
    modules = {}
    for plugin in plugins():
        functions = vars(plugin.module)
        if not callable(functions.get("open_camera")):
            continue
        scheme = plugin.path.stem.replace("_", "-")
        if scheme in _own():
            raise RegistryError(
                f"plug-in {plugin.path}: a camera '{scheme}:' exists already; rename the file"
            )
        guard = partial(guarded, plugin, f"camera '{scheme}:'", passing=(DefocusError, OSError))
        opening = guard(function=partial(_guarded_camera, functions["open_camera"], guard))
        modules[scheme] = SimpleNamespace(
            open_camera=opening,
            STARTS_PROGRAMS=functions.get("STARTS_PROGRAMS", False),
            __doc__=functions.get("__doc__"),
        )
        if callable(functions.get("discover")):
            modules[scheme].discover = guard(function=functions["discover"])
    return modules


def _guarded_camera(opening: Callable[[str], Any], guard: Callable[..., Any], uri: str) -> Any:  # noqa: ANN401 - whatever a file opens
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
