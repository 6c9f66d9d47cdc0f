"""Lookup of a back end by the scheme of a camera's address.

An address is ``SCHEME:REST``, such as ``sim:?seed=1`` or ``gphoto2:usb:001,004``. The scheme is
the name of a module in :mod:`defocus.capture.cameras` or in the folder ``cameras`` of an extra, of
an entry point in the group ``defocus.cameras`` whose value is such a module, or of a plug-in file.
A back end module defines ``open_camera(uri) -> Camera``, may define
``discover() -> list[CameraDescription]`` and ``library() -> str``, the package that it needs and
its version, and imports its libraries inside functions. A back end whose addresses name programs
to start sets ``STARTS_PROGRAMS = True``.

Passwords in addresses of network cameras are refused.
"""

import contextlib
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import defocus.capture.cameras as back_ends
from defocus.capture.camera import Camera, CameraDescription
from defocus.discovery import FAULTS, brought
from defocus.errors import CameraNotFoundError, DefocusError, InputError, RegistryError
from defocus.extensions import guarded, plugins
from defocus.settings import Settings, parse_settings

S = TypeVar("S", bound=Settings)

PASSWORD_VARIABLE = "DEFOCUS_CAPTURE_PASSWORD"  # noqa: S105 - the name of a variable, no password

_SECRET = re.compile(r"(pass|pwd|pw|secret|token|key)", re.IGNORECASE)
"""Names in a query that say that a secret follows."""


@dataclass(frozen=True)
class NetworkAddress:
    """An address such as ``onvif://admin@192.168.1.20:8080?profile=0``, without password."""

    uri: str
    scheme: str
    user: str  # user for the login; empty for none
    host: str
    port: int | None  # port; None for the default of the scheme
    path: str
    query: str

    @classmethod
    def parse(cls, uri: str) -> "NetworkAddress":
        """Parse an address; one with a password is refused, and the message does not repeat it."""
        try:
            parts = urlsplit(uri)
            host, port, user, secret = parts.hostname, parts.port, parts.username, parts.password
        except ValueError as error:
            raise InputError(f"camera address '{redacted(uri)}': {error}; correct it") from error
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        if secret is not None or any(map(_SECRET.match, names)):
            raise InputError(
                f"camera address '{redacted(uri)}' holds a password, which would be stored with "
                f"the session; leave it out and put it into the variable {PASSWORD_VARIABLE}"
            )
        if not host or parts.fragment:
            scheme = parts.scheme
            raise InputError(f"camera address '{redacted(uri)}': write {scheme}://user@host/…")
        return cls(uri, parts.scheme, user or "", host, port, parts.path, parts.query)

    def options(self, kind: type[S]) -> S:
        """The options after the question mark, as settings of one kind."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return parse_settings(kind, dict(pairs), origin=f"camera address '{redacted(self.uri)}'")

    @property
    def host_and_port(self) -> str:
        """Host and port in the form of an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address without the user."""
        return urlunsplit((self.scheme, self.host_and_port, self.path, self.query, ""))


def redacted(uri: str) -> str:
    """A printable address: ``onvif://admin:1234@cam/a?pwd=1234`` has three stars for each 1234."""
    uri = re.sub(r"(//[^/?#@:]*):.*@", r"\1:***@", uri)
    return re.sub(rf"([?&]{_SECRET.pattern}[^=&]*)=[^&]*", r"\1=***", uri, flags=re.IGNORECASE)


def password_of(address: NetworkAddress) -> str:
    """The password of an address's user, from the environment or the terminal; empty for none."""
    if not address.user:
        return ""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None:
        return password
    if not sys.stdin.isatty():
        raise InputError(
            f"{address.uri}: no password for '{address.user}'; set the variable {PASSWORD_VARIABLE}"
        )
    import click

    answer: str = click.prompt(
        f"password of {address.user} at {address.host}", hide_input=True, err=True
    )
    return answer


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
