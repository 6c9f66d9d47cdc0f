"""Access control of the page: a token, and same-origin requests only."""

import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard", "new_token"]

_LOOPBACK = re.compile(r"(?i)(?:127\.0\.0\.1|localhost|\[::1\])(?::(?P<port>[0-9]{1,5}))?")
"""The only ``Host`` headers that are answered; all others, also malformed ones, are refused."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def new_token() -> str:
    """A token that cannot be guessed: 256 random bits."""
    return secrets.token_urlsafe(32)


class Guard:
    """Lets requests through to the application that come from the person at this computer.

    - ``Host`` must name the loopback: a foreign name that resolves to it (DNS rebinding) does not.
    - The token comes once in the address, ``/?token=…``; from then on in a cookie that scripts
      cannot read and other sites' pages do not send. Programs may send it as ``Authorization:
      Bearer``.
    - What changes something needs an ``Origin`` that is this page.
    """

    def __init__(self, app: ASGIApp, token: str, policy: str) -> None:
        self._app, self._token, self._policy = app, token, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        answer: ASGIApp = self._app
        if not _LOOPBACK.fullmatch(host):
            answer = _refusal("this page answers to 127.0.0.1 and localhost alone", 421)
        elif scope["path"] == "/" and self._in_address(scope):
            answer = self._welcome(host)
        elif not self._known(headers, host):
            answer = _refusal("open the address that the command printed: it holds the token", 403)
        elif scope["method"] != "GET" and not _from_own_page(headers, host):
            answer = _refusal("only this page's own buttons may do that", 403)
        await answer(scope, receive, self._with_headers(send))

    def _in_address(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return self._right(given)

    def _right(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())

    def _welcome(self, host: str) -> ASGIApp:
        """Take the token out of the address, into the cookie."""
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            _cookie_name(host), self._token, httponly=True, samesite="strict", path="/"
        )
        return response

    def _known(self, headers: Headers, host: str) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._right(bearer)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(host))
        except CookieError:
            return False
        return cookie is not None and self._right(cookie.value)

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update({**HEADERS, "content-security-policy": self._policy})
            await send(message)

        return send_with_headers


def _cookie_name(host: str) -> str:
    """Browsers keep one set of cookies for all ports of a host; sessions side by side need two."""
    found = _LOOPBACK.fullmatch(host)
    return f"defocus-{int(found['port'] or 80) if found else 80}"


def _from_own_page(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is None:  # no browser: those send it with everything that is not a GET
        return "authorization" in headers
    return origin == f"http://{host}"


def _refusal(text: str, status: int) -> ASGIApp:
    return PlainTextResponse(f"{text}\n", status_code=status)
