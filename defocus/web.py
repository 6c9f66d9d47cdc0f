"""Answers of web servers, by the standard library."""

import contextlib
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError

from defocus import __version__

_BLOCK = 1 << 16


class WebError(Exception):
    """A server cannot be reached, refuses or breaks off; the text is the reason.

    ``status`` is what it answers where it refuses; ``passing`` whether another try may do better.
    """

    def __init__(
        self,
        reason: str,
        status: int = 0,
        *,
        passing: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.passing = passing


def answer_of(
    address: str,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
) -> HTTPResponse:
    """A server's answer to GET, its content not read yet; close it.

    Redirections are followed. ``timeout_seconds`` is the longest silence."""
    named = {"User-Agent": f"defocus/{__version__}", **(headers or {})}
    with _failures():
        # urllib refuses other addresses than these with a ValueError only once they are opened
        if not address.lower().startswith(("https://", "http://")):
            raise ValueError(f"{address}: no web address")
        request = urllib.request.Request(address, headers=named)  # noqa: S310 - see above
        answer = _opener().open(request, timeout=timeout_seconds)
        assert isinstance(answer, HTTPResponse)  # noqa: S101 - no other protocol is open to it
        return answer


def blocks_of(answer: HTTPResponse) -> Iterator[bytes]:
    """The content as it arrives; less than the server has promised is a :class:`WebError`."""
    promised = answer.length
    arrived = 0
    while promised is None or arrived < promised:
        with _failures():
            block = answer.read1(_BLOCK)
        if block:
            arrived += len(block)
            yield block
        elif promised is None:
            return
        else:
            raise WebError(f"cut after {arrived} of {promised} bytes", passing=True)


def reason_of(error: object) -> str:
    """What went wrong, in one line: the system's words for it where there are any."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def _opener() -> urllib.request.OpenerDirector:
    """Speaks HTTP alone: a server may lead to no file and to no other protocol."""
    opener = urllib.request.OpenerDirector()
    for kind in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(kind())
    return opener


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turn the standard library's errors into one kind, each with a reason in one line."""
    try:
        yield
    except HTTPError as error:
        error.close()
        raise WebError(f"{error.code} {error.reason}", error.code) from error
    except (OSError, HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) else error
        raise WebError(reason_of(cause), passing=True) from error
    except ValueError as error:  # no address, or a name that is none
        raise WebError(reason_of(error)) from error
