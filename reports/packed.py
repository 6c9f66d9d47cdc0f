"""Content that a large page shows when a reader opens it: one block, made into elements then."""

import base64
import json
import re
import zlib
from collections.abc import Sequence

from markupsafe import Markup

from defocus.reports.model import Folded, Part, all_parts

PACKED_FROM = 150_000
"""Number of characters behind rows, pictures and tabs, without pictures, from which they are
packed. A shorter page opens as fast unpacked, and shows all of them without a script."""

NOTE = "_note"
BLOCK = "_block"
"""Names of two places in the page's template; no anchor of a page has such a name."""

NOTE_TEXT = (
    '<noscript><p class="prose">Without JavaScript this page does not show what is behind its '
    "rows, pictures and tabs.</p></noscript>"
)

_PLACE = re.compile(r"<!--behind ([a-z0-9_-]+)-->")
_PICTURE = re.compile(r"data:image/[^\"]*")


class Behind:
    """Markup of a page that is behind something that a reader opens, by its key."""

    # The templates write a comment in its place. Text of a page has none, as it is escaped.

    def __init__(self) -> None:
        self._markup: dict[str, str] = {}

    def hold(self, key: str, parts: Sequence[Part], markup: str) -> Markup:
        """Placeholder of markup in a page; parts with further folds stay, as links open them."""
        for part in all_parts(parts):
            if isinstance(part, Folded):
                return Markup(markup)  # noqa: S704 - the output of a template
        self._markup[key] = markup
        return Markup("<!--behind {}-->").format(key)

    def complete(self, text: str) -> str:
        """The page with all its markup, either in its places or in one block at its end."""
        without_pictures = (
            _PICTURE.sub("", markup) for markup in self._markup.values()
        )
        if sum(map(len, without_pictures)) < PACKED_FROM:
            return _filled(text, {**self._markup, NOTE: "", BLOCK: ""})
        places = {NOTE: NOTE_TEXT}
        for key in self._markup:
            places[key] = f'<template data-behind="{key}"></template>'
        contents = {}
        for key, markup in self._markup.items():
            contents[key] = _filled(markup, places)
        places[BLOCK] = _block(contents)
        return _filled(text, places)


def _filled(text: str, markup: dict[str, str]) -> str:
    """A text with the markup of its places, which may have places too."""

    def fill(place: re.Match[str]) -> str:
        return _filled(markup[place[1]], markup)

    return _PLACE.sub(fill, text)


def _block(contents: dict[str, str]) -> str:
    """The report as deflated JSON: its numbers and names repeat, so it shrinks to a tenth."""
    plain = json.dumps(contents).encode()
    packed = zlib.compress(plain, level=9)
    words = base64.b64encode(packed).decode()
    return f'<script type="application/octet-stream" id="behind">{words}</script>'
