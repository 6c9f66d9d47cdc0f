"""Parts of pages: templates whose expressions are escaped, and the viewer of pairs."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from defocus.reports import display

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


def viewer_style_and_script() -> tuple[str, str]:
    """Style and script that a page needs before its own."""
    # The style takes the page's custom properties ``--paper``, ``--raised``, ``--ink``, ``--soft``,
    # ``--line``, ``--strong-line``, ``--accent`` and ``--tint``. The script defines
    # ``comparePair``, which turns a figure of the template ``slider.html.j2`` into a viewer.
    style = (STATIC / "viewer.css").read_text(encoding="utf-8")
    script = (STATIC / "viewer.js").read_text(encoding="utf-8")
    return style, script


@cache
def environment() -> jinja2.Environment:
    """Templates of :data:`TEMPLATES`; an unknown name in one of them is an error."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(better=display.better_text)
    return templates


def _visible(value: Any) -> Any:  # noqa: ANN401 - jinja2 passes whatever an expression gives
    """Make hidden characters visible, except in numbers and our own markup."""
    return display.visible(value) if type(value) is str else value
