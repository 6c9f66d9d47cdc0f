"""Access control of the page: a token, and same-origin requests only."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = re.compile(r"(?i)(?:127\.0\.0\.1|localhost|\[::1\])(?::([0-9]{1,5}))?")
"""The only ``Host`` headers that are answered; all others, also malformed ones, are refused."""

HTTP_PORT = 80
"""Port of a ``Host`` that names none."""

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


@dataclass(frozen=True)
class Share:
    """Access from the local network."""

    token: str  # who knows it may use the page
    host: str  # address and port of this computer there, such as ``192.168.1.5:8077``
    control: bool  # whether its users may also change something


def only_looks(scope: Scope) -> bool:
    """Whether a request that was let through comes from somebody who may change nothing."""
    return bool(scope.get("defocus.only_looks"))


class Guard:
    """Lets requests through to the application that come from the person at this computer."""

    # ``Host`` must name the loopback, or a shared page's address: a foreign name that resolves to
    # it (DNS rebinding) does not. The token is in the first address, then in a cookie that scripts
    # and other sites cannot use. A change needs an ``Origin`` that is this page.

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        policy: str,
        share: Share | None = None,
    ) -> None:
        self._app = app
        self._token = token
        self._policy = policy
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        token = _given_token(headers, host)
        scope["defocus.only_looks"] = self._looks(token)
        answer = self._answer_at(scope, headers, host, token)
        begun: list[Message] = []
        try:
            await answer(scope, receive, self._with_headers(send, begun))
        except ClientDisconnect:  # a tab that was closed during an upload
            return
        except asyncio.CancelledError:  # the server ends, and waits for this no more
            if not begun:
                await _refusal("this page has ended", 503)(scope, receive, send)

    def _answer_at(
        self,
        scope: Scope,
        headers: Headers,
        host: str,
        token: str,
    ) -> ASGIApp:
        """The answer to a request at a host: a welcome to whoever has the token in the address."""
        shared = self._share is not None and host == self._share.host
        if not shared and not _is_loopback(host, scope):
            return _refusal(
                "this page answers to 127.0.0.1 and localhost at its port alone",
                421,
            )
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.get("token", [""])[0]
        if scope["path"] == "/" and self._right(given):
            return _welcome(host, given)
        return self._answer(scope, headers, host, token)

    def _answer(
        self,
        scope: Scope,
        headers: Headers,
        host: str,
        token: str,
    ) -> ASGIApp:
        """The answer to a request with that token: the page, or a refusal."""
        if not self._right(token):
            return _refusal(
                "open the address that the command printed: it holds the token",
                403,
            )
        if scope["method"] == "GET":
            return self._app
        if not _from_own_page(headers, host):
            return _refusal("only this page's own buttons may do that", 403)
        if self._looks(token):
            return _refusal(
                "this page is shared to be looked at; --share control allows more",
                403,
            )
        return self._app

    def _right(self, given: str) -> bool:
        tokens = [self._token]
        if self._share is not None:
            tokens.append(self._share.token)
        return any(
            secrets.compare_digest(given.encode(), each.encode()) for each in tokens
        )

    def _looks(self, given: str) -> bool:
        """Whether a token is that of people who may change nothing."""
        share = self._share
        return share is not None and not share.control and given == share.token

    def _with_headers(self, send: Send, begun: list[Message]) -> Send:
        """Send with the headers of every page; ``begun`` gets what began an answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update({**HEADERS, "content-security-policy": self._policy})
                begun.append(message)
            await send(message)

        return send_with_headers


def _is_loopback(host: str, scope: Scope) -> bool:
    """Whether a ``Host`` names this computer, and the port that the request came to."""
    named = _LOOPBACK.fullmatch(host)
    if named is None:
        return False
    port = HTTP_PORT if named[1] is None else int(named[1])
    return bool(port == (scope.get("server") or ("", None))[1])


def _given_token(headers: Headers, host: str) -> str:
    """The token of a program's header or of a browser's cookie; empty if there is none."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(host))
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _welcome(host: str, token: str) -> ASGIApp:
    """Take the token out of the address, into the cookie."""
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        _cookie_name(host),
        token,
        httponly=True,
        samesite="strict",
        path="/",
    )
    return response


def _cookie_name(host: str) -> str:
    """Browsers keep one set of cookies for all ports of a host; sessions side by side need two."""
    port = re.search(r":([0-9]{1,5})$", host)
    return f"defocus-{int(port[1]) if port else 80}"


def _from_own_page(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is None:  # no browser: those send it with everything that is not a GET
        return "authorization" in headers
    return origin == f"http://{host}"


def _refusal(text: str, status: int) -> ASGIApp:
    return PlainTextResponse(f"{text}\n", status_code=status)
