"""HTML document of the page, with inline style and script allowed by hash."""

from pathlib import Path

import jinja2
from markupsafe import Markup

from defocus.reports.html import source_hash
from defocus.reports.viewer import viewer_style_and_script

__all__ = ["page_policy", "render_page"]

FOLDER = Path(__file__).parent


def render_page(session: str, *, live: bool) -> str:
    """The document; everything that changes is filled in by its script.

    Args:
        session: Name of the session folder.
        live: Whether pairs can be shot, or only judged.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _style_and_script()
    return environment.get_template("page.html.j2").render(
        session=session,
        live=live,
        style=Markup(style),  # noqa: S704 - our own file, named by its hash in the policy
        script=Markup(script),  # noqa: S704 - our own file, named by its hash in the policy
    )


def page_policy() -> str:
    """The content security policy: this style, this script, this server, pictures as data."""
    style, script = _style_and_script()
    return (
        "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
        f"style-src '{source_hash(style)}'; script-src '{source_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _style_and_script() -> tuple[str, str]:
    viewer_style, viewer_script = viewer_style_and_script()
    return (
        viewer_style + (FOLDER / "static" / "page.css").read_text(encoding="utf-8"),
        viewer_script + (FOLDER / "static" / "page.js").read_text(encoding="utf-8"),
    )
