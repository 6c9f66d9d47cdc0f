"""Validation of requests from the page's script, and their error answers."""

from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from defocus.reading import parse_json

LARGEST_BYTES = 10_000


async def text_fields(request: Request) -> dict[str, str]:
    """The text fields of a JSON body."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BYTES:
            raise ValueError("the request is too long")
    document: Any = parse_json(body or b"{}")
    if not isinstance(document, dict) or not all(
        isinstance(v, str) for v in document.values()
    ):
        raise ValueError("the request is not an object of texts")
    return cast(dict[str, str], document)


def problem(text: str, status: int) -> Response:
    """An answer that the page shows as what went wrong."""
    return JSONResponse({"problem": text}, status_code=status)
