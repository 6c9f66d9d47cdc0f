"""Web application of the review page of a dataset."""

import threading
from collections.abc import AsyncIterator
from typing import Any, cast

import cv2
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from defocus.capture.live.feed import Feed
from defocus.capture.live.server.access import Guard
from defocus.capture.live.server.page import page_policy, render_page
from defocus.capture.live.server.requests import problem, text_fields
from defocus.capture.live.views.displacement import overlay_document
from defocus.capture.live.views.pictures import JPEG_QUALITY, SIZES, Size
from defocus.datasets.audit.page import displacement_overlay
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.curation.curate import Curation
from defocus.datasets.curation.decisions import add_decision
from defocus.datasets.curation.rules import Judgement, Verdict
from defocus.datasets.pair import Pair
from defocus.errors import DefocusError, ImageError
from defocus.images import read_pair

__all__ = ["make_page"]

LONGEST_REASON = 200


class ReviewPage:
    """Answers requests, one method per address."""

    def __init__(self, curation: Curation, feed: Feed) -> None:
        self._curation, self._feed = curation, feed
        self._pairs = {pair.id: pair for pair in curation.dataset.pairs}
        self._rows = {row.id: row for row in curation.audit.pairs}
        self._by_rule = {one.id: one for one in curation.by_rule}
        self._html = render_page(curation.dataset.name, live=False)
        self._writing = threading.Lock()
        self._revision = 0
        self._tell("")

    def _tell(self, current: str) -> None:
        """Tell the page to reload the list of pairs."""
        self._revision += 1
        told: dict[str, Any] = {"revision": self._revision, "current": current}
        self._feed.publish("state", {**QUIET, **told})

    async def page(self, _request: Request) -> Response:
        """The HTML document."""
        return HTMLResponse(self._html)

    async def events(self, _request: Request) -> Response:
        """Server-sent events: ``state`` after every change."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        async for kind, text in self._feed.follow():
            yield f"event: {kind}\ndata: {text}\n\n"

    async def pairs(self, _request: Request) -> Response:
        """The list of pairs."""
        return JSONResponse(
            [
                {
                    "id": one.id,
                    "number": number,
                    "scene": self._pairs[one.id].scene,
                    "verdict": one.verdict,
                    "reason": one.reason,
                }
                for number, one in enumerate(self._curation.judgements(), start=1)
            ]
        )

    async def details(self, request: Request) -> Response:
        """Measurements and judgement of one pair."""
        name = request.path_params["pair"]
        if name not in self._pairs:
            return problem("no such pair", 404)
        rule = self._by_rule[name]
        return JSONResponse(
            {
                "id": name,
                "measured": {"verdict": rule.verdict, "reason": rule.reason},
                "settings": [],
                "numbers": _numbers(self._rows[name]),
            }
        )

    async def displacement(self, request: Request) -> Response:
        """The measured misalignment of a pair as an overlay for its large pictures."""
        row = self._rows.get(request.path_params["pair"])
        if row is None:
            return problem("no such pair", 404)
        overlay = await run_in_threadpool(displacement_overlay, row, SIZES["large"])
        return JSONResponse(overlay_document(overlay))

    async def picture(self, request: Request) -> Response:
        """A member of a pair as JPEG."""
        pair = self._pairs.get(request.path_params["pair"])
        role, size = request.path_params["role"], request.path_params["size"]
        if pair is None or role not in ("blurry", "sharp") or size not in SIZES:
            return problem("no such picture", 404)
        try:
            content = await run_in_threadpool(_jpeg, pair, role, SIZES[cast(Size, size)])
        except DefocusError as error:
            return problem(str(error), 422)
        return Response(content, media_type="image/jpeg")

    async def act(self, request: Request) -> Response:
        """Record a person's decision."""
        action = request.path_params["action"]
        if action not in ("accept", "reject"):
            return problem("no such button", 404)
        try:
            asked = await text_fields(request)
            await run_in_threadpool(self._decide, cast(Verdict, action), asked)
        except (DefocusError, ValueError) as error:
            return problem(str(error), 409)
        return JSONResponse({}, status_code=202)

    def _decide(self, verdict: Verdict, asked: dict[str, str]) -> None:
        name = asked.get("pair", "")
        if name not in self._pairs:
            raise ValueError("no such pair")
        reason = asked.get("reason", "")[:LONGEST_REASON]
        with self._writing:
            add_decision(self._curation.out, Judgement(name, verdict, reason, "person"))
            self._tell(name)


QUIET = {
    "live": False,
    "camera": "",
    "camera_problem": "",
    "live_view": "",
    "scene": "",
    "unfinished": "",
    "busy": "",
    "prompt": "",
    "problem": "",
    "plan": [],
}
"""What the page is told of a camera, where there is none."""


def make_page(curation: Curation, feed: Feed, token: str) -> Guard:
    """Make the application, protected by a token.

    Args:
        curation: The curated dataset.
        feed: Feed of the page's updates.
        token: The token that gives access to the page.
    """
    page = ReviewPage(curation, feed)
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


NUMBERS = (
    ("Misalignment", "misalignment_px", "{:.2f} px"),
    ("Residual flow, 95th percentile", "residual_p95_px", "{:.2f} px"),
    ("Magnification between the two", "zoom", "{:.4f}"),
    ("Exposure, blurry over sharp", "gain_ev", "{:+.2f} EV"),
    ("Blur diameter, 95th percentile", "blur_p95_px", "{:.1f} px"),
    ("Sharpness of the sharp one", "sharpness", "{:.3f}"),
    ("Sharpness of the blurry one", "blurry_sharpness", "{:.3f}"),
    ("Reliable pixels", "reliable_share", "{:.0%}"),
)


def _numbers(row: AuditedPair) -> list[tuple[str, str]]:
    told = [("Split", row.split)]
    for label, name, words in NUMBERS:
        value = getattr(row, name)
        told.append((label, "unknown" if value is None else words.format(value)))
    return told


def _jpeg(pair: Pair, role: str, width: int) -> bytes:
    """A member for display; RAW members are developed with the same parameters."""
    blurry, sharp = read_pair(pair.blurry, pair.sharp or pair.blurry)
    picture = blurry if role == "blurry" else sharp
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.shape[1] > width:
        height = max(1, round(picture.shape[0] * width / picture.shape[1]))
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    done, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], options)
    if not done:
        raise ImageError(f"{pair.id}: the {role} picture cannot be encoded for the page")
    return encoded.tobytes()
