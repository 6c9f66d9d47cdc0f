"""Web application of the page."""

from collections.abc import AsyncIterator
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from defocus.capture.live.bench import ACTIONS, Action, ShootingThread
from defocus.capture.live.server.access import Guard
from defocus.capture.live.server.page import page_policy, render_page
from defocus.capture.live.server.requests import problem, text_fields
from defocus.capture.live.views.displacement import overlay_document
from defocus.capture.live.views.pictures import ROLES, SIZES, Pictures
from defocus.capture.live.views.view import list_pairs, pair_details
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import CompletePair
from defocus.errors import DefocusError

__all__ = ["make_app"]


class LivePage:
    """The answers, one method for each address."""

    def __init__(self, bench: ShootingThread, folder: SessionFolder) -> None:
        self._bench, self._root = bench, folder.root
        self._pictures = Pictures(folder.root)
        self._html = render_page(folder.root.name, live=bench.live)

    async def page(self, _request: Request) -> Response:
        """The document itself."""
        return HTMLResponse(self._html)

    async def events(self, _request: Request) -> Response:
        """Server-sent events: ``state`` after every change, ``preview`` with live pictures."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        async for kind, text in self._bench.feed.follow():
            yield f"event: {kind}\ndata: {text}\n\n"

    async def pairs(self, _request: Request) -> Response:
        """The list of pairs."""
        return JSONResponse(list_pairs(self._bench.session))

    async def details(self, request: Request) -> Response:
        """Settings and numbers of one pair."""
        pair = self._pair(request)
        if pair is None:
            return problem("no such pair", 404)
        try:
            return JSONResponse(await run_in_threadpool(pair_details, self._root, pair))
        except DefocusError as error:
            return problem(str(error), 422)

    async def displacement(self, request: Request) -> Response:
        """What was measured between the members of a pair, to be laid over its large pictures."""
        pair = self._pair(request)
        if pair is None:
            return problem("no such pair", 404)
        try:
            overlay = await run_in_threadpool(self._pictures.displacement, pair)
        except DefocusError as error:
            return problem(str(error), 422)
        return JSONResponse(overlay_document(overlay))

    async def picture(self, request: Request) -> Response:
        """A member of a pair as JPEG."""
        pair, role, size = self._pair(request), *_role_and_size(request)
        if pair is None or role not in ROLES or size not in SIZES:
            return problem("no such picture", 404)
        try:
            content = await run_in_threadpool(self._pictures.jpeg, pair, role, size)
        except DefocusError as error:
            return problem(str(error), 422)
        return Response(content, media_type="image/jpeg")

    async def act(self, request: Request) -> Response:
        """Put what a button means on the bench's list."""
        action = request.path_params["action"]
        if action not in ACTIONS:
            return problem("no such button", 404)
        try:
            self._bench.ask(cast(Action, action), await text_fields(request))
        except (DefocusError, ValueError) as error:
            return problem(str(error), 409)
        return JSONResponse({}, status_code=202)

    def _pair(self, request: Request) -> CompletePair | None:
        return self._bench.session.complete.get(request.path_params["pair"])


def make_app(bench: ShootingThread, folder: SessionFolder, token: str) -> Guard:
    """The application, behind its guard.

    Args:
        bench: Does what the page asks.
        folder: The session that is shown.
        token: Who knows it may use the page.
    """
    page = LivePage(bench, folder)
    routes = [
        Route("/", page.page),
        Route("/events", page.events),
        Route("/pairs", page.pairs),
        Route("/pairs/{pair}", page.details),
        Route("/pairs/{pair}/displacement", page.displacement),
        Route("/pictures/{pair}/{role}/{size}", page.picture),
        Route("/do/{action}", page.act, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), token, page_policy())


def _role_and_size(request: Request) -> tuple[str, str]:
    return request.path_params["role"], request.path_params["size"]
