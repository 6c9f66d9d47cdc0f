"""Web application of the page."""

import math
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from defocus.blur.learned_map import LARGEST_PX
from defocus.errors import DefocusError, InterruptedWorkError
from defocus.extras.pages.restore.desk import Desk
from defocus.extras.pages.restore.dropped import DroppedPicture
from defocus.extras.pages.restore.uploads import LARGEST_BYTES, given_name, receive
from defocus.extras.pages.serving.access import Guard
from defocus.extras.pages.serving.document import ServedDocument, frame_style
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.serving.requests import problem, text_fields
from defocus.pictures import READ_FORMATS, picture_name
from defocus.processes.isolation import LeftOut, attempt
from defocus.restoration.settings import STRONGEST

R = TypeVar("R")

FOLDER = Path(__file__).parent
LAYERS = ("before", "map", "sharp")
"""Layers of a picture besides the results of systems; the last two are shown once they are made."""


class Answers:
    """Answers requests, one method per address; the page's own script asks for no others."""

    # ``desk``: the pictures. ``feed``: gets ``progress`` of the picture that is being restored.
    # ``html``: the document.

    def __init__(self, desk: Desk, feed: Feed, html: str) -> None:
        self._desk = desk
        self._feed = feed
        self._html = html

    async def page(self, _request: Request) -> Response:
        """The document."""
        return HTMLResponse(self._html)

    async def events(self, _request: Request) -> Response:
        """Progress, as it goes on."""

        async def lines() -> AsyncIterator[str]:
            async for kind, text in self._feed.follow():
                yield f"event: {kind}\ndata: {text}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def pictures(self, _request: Request) -> Response:
        """All pictures that are open."""
        return JSONResponse([one.document() for one in self._desk.pictures.values()])

    async def take(self, request: Request) -> Response:
        """Take a picture."""
        path = None
        name = "this file"
        try:
            name = given_name(request.headers.get("x-name", ""))
            with self._desk.arriving() as folder:
                path = await receive(request, name, folder)
                picture = await _in_thread(partial(self._desk.take, path, name))
        except DefocusError as error:
            return problem(_by_name(error, path, name), 422)
        return JSONResponse(picture.document(), status_code=201)

    async def look(self, request: Request) -> Response:
        """The part that is seen first, restored; the page lays it over the picture."""
        picture = self._picture(request)
        number = self._number(request.path_params["number"])
        if picture is None or number is None or picture.part is None:
            return problem("no such picture or system", 404)
        work = partial(self._desk.first_look, picture, picture.part, number)
        failure = await _failure(picture, work)
        return failure or FileResponse(picture.look_path(number))

    async def blur_map(self, request: Request) -> Response:
        """Estimate the map of blur; answers when it is there."""
        picture = self._picture(request)
        if picture is None:
            return problem("no such picture", 404)
        failure = await _failure(picture, partial(self._desk.estimate_map, picture))
        return failure or JSONResponse(picture.document())

    async def restore(self, request: Request) -> Response:
        """Restore a picture; answers when it is done."""
        picture = self._picture(request)
        try:
            number = self._number((await text_fields(request)).get("system", ""))
        except ValueError as error:
            return problem(str(error), 400)
        if picture is None or number is None:
            return problem("no such picture or system", 404)

        def show(tile: int, tiles: int) -> None:
            news = {
                "picture": picture.folder.name,
                "done": tile,
                "tiles": tiles,
            }
            self._feed.publish("progress", news)

        failure = await _failure(
            picture,
            partial(self._desk.restore, picture, number, show),
        )
        return failure or JSONResponse(picture.document())

    async def stop(self, request: Request) -> Response:
        """End the restoring of a picture."""
        picture = self._picture(request)
        if picture is None:
            return problem("no such picture", 404)
        picture.stop.set()
        return JSONResponse({}, status_code=202)

    async def remove(self, request: Request) -> Response:
        """Forget a picture."""
        picture = self._picture(request)
        if picture is None:
            return problem("no such picture", 404)
        await run_in_threadpool(self._desk.remove, picture)
        return JSONResponse({})

    async def layer(self, request: Request) -> Response:
        """The picture as it was dropped, or what lies over it."""
        picture = self._picture(request)
        name = request.path_params["layer"]
        if picture is None or name not in LAYERS:
            return problem("no such picture", 404)
        if picture.blur_map is None and name != "before":
            return problem("the map of blur is not there yet", 404)
        return FileResponse(picture.folder / picture_name(name))

    async def after(self, request: Request) -> Response:
        """The restored picture at strength 1."""
        picture = self._picture(request)
        number = self._number(request.path_params["number"])
        restoration = (
            None if picture is None or number is None else picture.made.get(number)
        )
        if restoration is None:
            return problem("no such picture", 404)
        return FileResponse(restoration.shown)

    async def beyond(self, request: Request) -> Response:
        """The restored picture at strength 2."""
        picture = self._picture(request)
        number = self._number(request.path_params["number"])
        if picture is None or number is None or number not in picture.made:
            return problem("no such picture", 404)
        try:
            return FileResponse(await _in_thread(partial(picture.strongest, number)))
        except DefocusError as error:
            return problem(_by_name(error, picture.path, picture.name), 422)

    async def saved(self, request: Request) -> Response:
        """The restored picture as a file to keep."""
        picture = self._picture(request)
        number = self._number(request.path_params["number"])
        strength = _strength(request.query_params.get("strength", ""))
        if (
            picture is None
            or number is None
            or number not in picture.made
            or strength is None
        ):
            return problem("no such picture", 404)
        leave_sharp = request.query_params.get("leave_sharp") == "1"
        save = partial(picture.saved, number, strength, leave_sharp=leave_sharp)
        try:
            content = await _in_thread(save)
        except DefocusError as error:
            return problem(_by_name(error, picture.path, picture.name), 422)
        return Response(content, media_type="application/octet-stream")

    def _picture(self, request: Request) -> DroppedPicture | None:
        return self._desk.pictures.get(request.path_params["picture"])

    def _number(self, text: str) -> int | None:
        """The place of a choice; None if there is none."""
        numbers = {str(number): number for number in range(len(self._desk.choices))}
        return numbers.get(text)


def make_app(
    desk: Desk,
    chosen: int,
    feed: Feed,
    token: str,
) -> Guard:
    """Make the application, protected by a token; the page begins with the choice at ``chosen``."""
    document = _document()
    html = document.render(
        systems=[choice.title for choice in desk.choices],
        chosen=chosen,
        strongest=STRONGEST,
        middle_px=f"{math.sqrt(1 + LARGEST_PX) - 1:.0f}",
        largest_px=f"{LARGEST_PX:.0f}",
        kinds=READ_FORMATS,
        largest_bytes=LARGEST_BYTES,
    )
    routes = _routes(Answers(desk, feed, html))
    return Guard(Starlette(routes=routes), token, document.policy)


def _routes(answers: Answers) -> list[Route]:
    """The function that answers each address."""
    one = "/pictures/{picture}"
    return [
        Route("/", answers.page),
        Route("/events", answers.events),
        Route("/pictures", answers.pictures),
        Route("/pictures", answers.take, methods=["POST"]),
        Route(f"{one}/map", answers.blur_map, methods=["POST"]),
        Route(f"{one}/restore", answers.restore, methods=["POST"]),
        Route(f"{one}/stop", answers.stop, methods=["POST"]),
        Route(f"{one}/remove", answers.remove, methods=["POST"]),
        Route(one + "/shown/{layer}", answers.layer),
        Route(one + "/look/{number}", answers.look),
        Route(one + "/after/{number}", answers.after),
        Route(one + "/beyond/{number}", answers.beyond),
        Route(one + "/saved/{number}", answers.saved),
    ]


def _document() -> ServedDocument:
    static = FOLDER / "static"
    texts = {
        name: (static / name).read_text(encoding="utf-8")
        for name in ("restore.css", "view.js", "restore.js")
    }
    return ServedDocument(
        FOLDER / "templates" / "restore.html.j2",
        frame_style() + texts["restore.css"],
        texts["view.js"] + texts["restore.js"],
    )


def _strength(text: str) -> float | None:
    """The strength in a text; None if it has none."""
    try:
        strength = float(text)
    except ValueError:
        return None
    return strength if 0 <= strength <= STRONGEST else None


async def _in_thread(work: Callable[[], R]) -> R:
    """The result of work on a picture, done beside the page."""
    outcome = await run_in_threadpool(attempt, "", work)
    if isinstance(outcome, LeftOut):
        raise DefocusError(outcome.reason)
    return outcome


async def _failure(
    picture: DroppedPicture,
    work: Callable[[], None],
) -> Response | None:
    """Do work on a picture; return what the page is told if that fails or is stopped."""
    try:
        await _in_thread(work)
    except InterruptedWorkError:
        return JSONResponse({"stopped": True}, status_code=409)
    except DefocusError as error:
        return problem(_by_name(error, picture.path, picture.name), 422)
    return None


def _by_name(error: DefocusError, path: Path | None, name: str) -> str:
    """An error that names the picture as the person knows it, not by its path here."""
    text = str(error)
    return text if path is None else text.replace(str(path), name)
