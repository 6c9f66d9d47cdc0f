"""Synchronous ONVIF client on onvif-zeep-async, with time limits; logins by the camera's clock.

Answers are untrusted: limited in size, no redirects, no other hosts, no XML entities."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from defocus.errors import CameraError, CameraNotFoundError
from defocus.extras.networkcams.address import NetworkAddress

PACKAGE = "onvif-zeep-async"
OTHER_PACKAGES = ("onvif-zeep", "onvif-python", "onvif")
MAX_REPLY_BYTES = 4_000_000
MAX_TEXT = 2000
TIMEOUT_SECONDS = 15.0

T = TypeVar("T")


class RefusedError(CameraError):
    """The camera answered a call with a fault: not supported, or values out of range."""


def check_package() -> None:
    """Check that the module ``onvif`` is the right one, because three packages provide it."""
    others = [name for name in OTHER_PACKAGES if _installed(name)]
    if others:
        bring = "brings" if len(others) == 1 else "bring"
        raise CameraNotFoundError(
            f"{' and '.join(others)} {bring} another module 'onvif' than {PACKAGE}; pip uninstall "
            f"{' '.join(others)}, then pip install --force-reinstall --no-deps {PACKAGE}"
        )
    if not _installed(PACKAGE):
        raise CameraNotFoundError(
            "ONVIF cameras need a package; pip install 'defocus[networkcams]'"
        )


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


class OnvifClient:
    """The services of one camera."""

    def __init__(self, address: NetworkAddress, password: str) -> None:
        """Connect and log in."""
        check_package()
        self.name = address.uri
        self._loop = asyncio.new_event_loop()
        self._camera: Any = None
        self._session: Any = None
        try:
            self.clock_skew_seconds = self._run(self._connect(address, password))
        except BaseException:
            self.close()
            raise

    def call(self, service: str, operation: str, **arguments: Any) -> Any:  # noqa: ANN401 - XML
        """Call an operation of ``devicemgmt``, ``media`` or ``imaging``; the answer, None if empty.

        Where the camera answers with a fault, or has no such service, it is ``RefusedError``."""
        return self._run(self._call(service, operation, arguments))

    def close(self) -> None:
        """Close all connections."""
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _connect(self, address: NetworkAddress, password: str) -> float:
        import onvif

        self._session = _limited_session(self.name)
        # With nat_override, service addresses in replies count for their path alone: a camera
        # behind a router gives one that cannot be reached, a hostile one would get our login sent
        # to another host.
        self._camera = onvif.ONVIFCamera(
            address.host,
            address.port or 80,
            address.user or None,
            password or None,
            no_cache=True,
            adjust_time=True,
            nat_override=True,
        )
        original = self._camera.create_onvif_service

        async def limited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the library's
            service = await original(*args, **kwargs)
            service.transport.session = self._session
            return service

        self._camera.create_onvif_service = limited
        await self._camera.update_xaddrs()
        skew = self._camera.dt_diff
        return 0.0 if skew is None else float(skew.total_seconds())

    async def _call(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - XML
        import onvif
        from zeep.helpers import serialize_object

        try:
            proxy = await self._camera.create_onvif_service(service)
        except onvif.ONVIFError as error:
            raise RefusedError(f"{self.name}: the camera has no {service} service") from error
        plain: Callable[..., Any] = serialize_object
        return _printable(plain(await getattr(proxy, operation)(arguments), dict))

    async def _close(self) -> None:
        if self._camera is not None:
            await self._camera.close()
        if self._session is not None:
            await self._session.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with _translated(self.name):
            return self._loop.run_until_complete(work)


def _limited_session(name: str) -> Any:  # noqa: ANN401 - an aiohttp.ClientSession
    """A session with a size limit for replies and without redirects."""
    import aiohttp

    class LimitedResponse(aiohttp.ClientResponse):
        async def read(self) -> bytes:
            pieces: list[bytes] = []
            async for piece in self.content.iter_chunked(65536):
                pieces.append(piece)
                if sum(map(len, pieces)) > MAX_REPLY_BYTES:
                    self.close()
                    size = MAX_REPLY_BYTES // 10**6
                    raise CameraError(f"{name}: a reply of over {size} MB is refused")
            return b"".join(pieces)

    async def no_redirects(request: Any, handler: Any) -> Any:  # noqa: ANN401 - aiohttp's
        response = await handler(request)
        if 300 <= response.status < 400:
            target = response.headers.get("Location", "")[:200]
            response.close()
            raise CameraError(f"{name}: the camera redirects to {target!r}; that is refused")
        return response

    return aiohttp.ClientSession(
        response_class=LimitedResponse,
        middlewares=(no_redirects,),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
    )


@contextlib.contextmanager
def _translated(name: str) -> Any:  # noqa: ANN401 - a context manager
    """Turn the library's exceptions into ours."""
    import aiohttp
    import onvif
    from zeep.exceptions import Error, Fault, TransportError

    try:
        yield
    except Fault as fault:
        raise _of_fault(name, fault) from fault
    except TransportError as error:
        if error.status_code in (401, 403):
            raise _login_refused(name) from error
        raise CameraError(
            f"{name}: the camera answers {_brief(error)}; is it an ONVIF camera?"
        ) from error
    except aiohttp.ClientConnectorError as error:
        raise CameraNotFoundError(f"{name}: no answer ({error.strerror})") from error
    except TimeoutError as error:
        raise CameraError(f"{name}: no answer in {TIMEOUT_SECONDS:g} s; check it") from error
    except aiohttp.ClientError as error:
        raise CameraError(
            f"{name}: the connection failed ({_brief(error)}); check the camera"
        ) from error
    except (Error, onvif.ONVIFError) as error:
        raise CameraError(f"{name}: not an answer of an ONVIF camera ({_brief(error)})") from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # What zeep raises where a reply holds other types than its schema says.
        raise CameraError(f"{name}: an invalid answer ({_brief(error)})") from error


def _of_fault(name: str, fault: Any) -> CameraError:  # noqa: ANN401 - zeep's Fault
    words = " ".join(map(str, [fault.message, fault.code, *(fault.subcodes or [])]))
    if "notauthorized" in words.lower().replace(" ", ""):
        return _login_refused(name)
    return RefusedError(f"{name}: the camera refuses: {_brief(fault)}")


def _login_refused(name: str) -> CameraNotFoundError:
    return CameraNotFoundError(f"{name}: the camera rejects user or password; correct them")


def _brief(error: Exception) -> str:
    """An error in one short line, because the library's messages contain whole replies."""
    return str(_printable(" ".join(str(error).split())))[:200]


def _printable(value: Any) -> Any:  # noqa: ANN401 - nested dicts and lists
    """An answer with only printable characters, so that it cannot control a terminal."""
    if isinstance(value, str):
        return "".join(letter for letter in value if letter.isprintable())[:MAX_TEXT]
    if isinstance(value, dict):
        return {name: _printable(inner) for name, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value
