"""The frame of pages with pairs: a list, details, pictures, buttons."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Any, Literal, Protocol, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from defocus.capture.sessions.member import ROLES, Role
from defocus.errors import DefocusError
from defocus.extras.pages.serving.access import Guard, Share, only_looks
from defocus.extras.pages.serving.document import pair_document
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.serving.requests import problem, text_fields
from defocus.pictures.write import LONGEST_JPEG_PX

Size = Literal["thumb", "large", "whole"]

SIZES: dict[Size, int] = {
    "thumb": 320,
    "large": 1600,
    "whole": LONGEST_JPEG_PX,
}
"""Largest width of a picture of each kind, px."""


class PairSource(Protocol):
    """Content of a page, and actions of its buttons.

    A pair is one of :meth:`pairs`; a :class:`DefocusError` is shown on the page."""

    @property
    def actions(self) -> Collection[str]:
        """Names of the buttons."""

    def pairs(self) -> Collection[str]:
        """Ids of the pairs that can be looked at."""

    def listed(self) -> list[dict[str, Any]]:
        """For each pair: id, number, scene, verdict and reason; perhaps title, note, scene_note.

        ``warned``: the pair has a warning. ``seen``: the page opens at the first pair without
        it."""

    def details(self, pair: str) -> dict[str, Any]:
        """Settings and numbers of a pair, as text."""

    def displacement(self, pair: str) -> dict[str, str] | None:
        """Label and picture of the displacement measured between the members; None without any."""

    def histograms(self, pair: str) -> dict[str, list[list[float]]]:
        """Role → red, green and blue, shares of 64 equal bins of linear light; empty for none."""

    def jpeg(self, pair: str, role: Role, width: int) -> bytes:
        """A member of a pair, at most ``width`` px wide."""

    def act(self, action: str, asked: dict[str, str]) -> None:
        """Do what a button means."""


def pair_page(
    source: PairSource,
    title: str,
    feed: Feed,
    token: str,
    *,
    live: bool,
    share: Share | None = None,
    magnify: Callable[[float, float], dict[str, Any]] | None = None,
) -> Guard:
    """The application, behind its guard; ``live`` where pairs can be shot, and not only judged.

    ``feed`` gets ``state`` after every change, and ``preview`` with live pictures."""
    # ``magnify``: ``picture``, ``mtf50``, ``reason`` and ``square`` around a place of the newest
    # live picture, x and y as shares; None without live pictures.
    document = pair_document()
    shown = {
        "session": title,
        "live": live,
        "notes": "note" in source.actions,
        "undo": "undo" in source.actions,
    }
    pages = [document.render(**shown, control=control) for control in (True, False)]
    page = _Answers(source, pages, feed)
    routes = [
        Route("/", page.page),
        Route("/events", page.events),
        Route("/pairs", page.pairs),
        Route("/pairs/{pair}", page.details),
        Route("/pairs/{pair}/displacement", page.displacement),
        Route("/pairs/{pair}/histograms", page.histograms),
        Route("/pictures/{pair}/{role}/{size}", page.picture),
        Route("/do/{action}", page.act, methods=["POST"]),
    ]
    if magnify is not None:
        routes.append(Route("/magnified", _magnifier(magnify)))
    return Guard(Starlette(routes=routes), token, document.policy, share)


def _magnifier(
    magnify: Callable[[float, float], dict[str, Any]],
) -> Callable[[Request], Awaitable[Response]]:
    """Handler of requests for a magnified place of the live picture."""

    async def magnified(request: Request) -> Response:
        try:
            x, y = (float(request.query_params[name]) for name in "xy")
            return JSONResponse(await run_in_threadpool(magnify, x, y))
        except (KeyError, ValueError):
            return problem("the place to magnify needs x and y from 0 to 1", 422)
        except DefocusError as error:
            return problem(str(error), 422)

    return magnified


class _Answers:
    """One method for each address; the page's own script asks for no others."""

    def __init__(self, source: PairSource, pages: Sequence[str], feed: Feed) -> None:
        """Take the document with buttons and the one without."""
        self._source = source
        self._pages = pages
        self._feed = feed

    async def page(self, request: Request) -> Response:
        return HTMLResponse(self._pages[only_looks(request.scope)])

    async def events(self, _request: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        async for kind, text in self._feed.follow():
            yield f"event: {kind}\ndata: {text}\n\n"

    async def pairs(self, _request: Request) -> Response:
        return JSONResponse(self._source.listed())

    async def details(self, request: Request) -> Response:
        return await self._of_pair(request, self._source.details)

    async def displacement(self, request: Request) -> Response:
        return await self._of_pair(request, self._source.displacement)

    async def histograms(self, request: Request) -> Response:
        return await self._of_pair(request, self._source.histograms)

    async def _of_pair(
        self,
        request: Request,
        look: Callable[[str], object],
    ) -> Response:
        pair = request.path_params["pair"]
        if pair not in self._source.pairs():
            return problem("no such pair", 404)
        try:
            return JSONResponse(await run_in_threadpool(look, pair))
        except DefocusError as error:
            return problem(str(error), 422)

    async def picture(self, request: Request) -> Response:
        pair = request.path_params["pair"]
        role = request.path_params["role"]
        size = request.path_params["size"]
        if pair not in self._source.pairs() or role not in ROLES or size not in SIZES:
            return problem("no such picture", 404)
        width = SIZES[cast(Size, size)]
        try:
            content = await run_in_threadpool(self._source.jpeg, pair, role, width)
        except DefocusError as error:
            return problem(str(error), 422)
        return Response(content, media_type="image/jpeg")

    async def act(self, request: Request) -> Response:
        action = request.path_params["action"]
        if action not in self._source.actions:
            return problem("no such button", 404)
        try:
            await run_in_threadpool(
                self._source.act,
                action,
                await text_fields(request),
            )
        except (DefocusError, ValueError) as error:
            return problem(str(error), 409)
        return JSONResponse({}, status_code=202)
