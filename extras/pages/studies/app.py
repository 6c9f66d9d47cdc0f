"""Web application of the page; it never writes."""

from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from defocus.errors import DefocusError
from defocus.extras.pages.serving.access import Guard
from defocus.extras.pages.studies.studies import (
    FoundStudies,
    ServedStudy,
    find_studies,
    index_live,
    index_page,
)
from defocus.reading import read_bytes
from defocus.reports.html import render_served, served_policy

FILES = {"report.pdf": "application/pdf", "leaderboard.csv": "text/csv; charset=utf-8"}
"""The files of a study's folder that are served as they are."""

UNREADABLE = (DefocusError, OSError)
"""Errors of a damaged or closed study, which its page shows; the server goes on."""


class Studies:
    """Answers requests, one method per address."""

    # ``root``: the served folder.

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, ServedStudy] = {}
        self._look()

    def _look(self) -> FoundStudies:
        """Find the current studies; pages made before are kept."""
        listing = find_studies(self._root)
        studies = [self._known.get(study.place, study) for study in listing.studies]
        self._known = {study.place: study for study in studies}
        return replace(listing, studies=studies)

    async def index(self, _request: Request) -> Response:
        """The page with links to every study; one alone opens at once."""
        try:
            listing = await run_in_threadpool(self._look)
            if len(listing.studies) == 1 and not listing.unreadable:
                return RedirectResponse(
                    f"studies/{listing.studies[0].place}/report.html"
                )
            page = await run_in_threadpool(lambda: index_page(self._root, listing))
        except UNREADABLE as error:
            return _problem(str(error), 422)
        return HTMLResponse(render_served(page)[0])

    async def index_stamp(self, _request: Request) -> Response:
        """The state of all studies."""
        try:
            return JSONResponse(
                await run_in_threadpool(lambda: index_live(self._look()))
            )
        except UNREADABLE as error:
            return _problem(str(error), 422)

    async def report(self, request: Request) -> Response:
        """The page of a study."""
        study = self._study(request)
        if study is None:
            return _problem("no such study", 404)
        try:
            return HTMLResponse(await run_in_threadpool(study.document))
        except UNREADABLE as error:
            return _problem(str(error), 422)

    async def stamp(self, request: Request) -> Response:
        """The state of a study."""
        study = self._study(request)
        if study is None:
            return _problem("no such study", 404)
        try:
            return JSONResponse(await run_in_threadpool(study.live))
        except UNREADABLE as error:
            return _problem(str(error), 422)

    async def picture(self, request: Request) -> Response:
        """A picture of the latest page."""
        study = self._study(request)
        content = study.pictures.get(request.path_params["name"]) if study else None
        if content is None:
            return _problem("no such picture", 404)
        return Response(content, media_type="image/webp")

    async def file(self, request: Request) -> Response:
        """A file of the study's folder, one of :data:`FILES`."""
        study = self._study(request)
        name = request.path_params["name"]
        path = study.path / name if study and name in FILES else None
        # a link may lead anywhere
        if path is None or not path.is_file() or path.is_symlink():
            return _problem("no such file", 404)
        try:
            content = await run_in_threadpool(read_bytes, path)
        except UNREADABLE as error:
            return _problem(str(error), 422)
        return Response(content, media_type=FILES[name])

    def _study(self, request: Request) -> ServedStudy | None:
        return self._known.get(request.path_params["study"])


def make_app(root: Path, token: str) -> Guard:
    """Make the application for a folder of one or more studies, protected by a token."""
    studies = Studies(root)
    routes = [
        Route("/", studies.index),
        Route("/stamp", studies.index_stamp),
        Route("/studies/{study}/report.html", studies.report),
        Route("/studies/{study}/stamp", studies.stamp),
        Route("/studies/{study}/pictures/{name}", studies.picture),
        Route("/studies/{study}/{name}", studies.file),
    ]
    return Guard(Starlette(routes=routes), token, served_policy())


def _problem(text: str, status: int) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status)
