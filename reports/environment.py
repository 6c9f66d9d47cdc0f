"""Template environment: expressions are escaped and hidden characters made visible."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from defocus.reports import text

__all__ = ["TEMPLATES", "environment"]

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> jinja2.Environment:
    """Templates of :data:`TEMPLATES`; an unknown name in one of them is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(better=text.better_text)
    return made


def _visible(value: Any) -> Any:  # noqa: ANN401 - jinja2 passes whatever an expression gives
    """Make hidden characters visible, except in numbers and our own markup."""
    return text.visible(value) if type(value) is str else value
