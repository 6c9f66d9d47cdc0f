"""Render a page as one self-contained HTML file that opens offline and asks for nothing."""

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

from defocus.reports.environment import environment
from defocus.reports.model import Curves, Facts, Page, Paragraph, Part, Slider, Table
from defocus.reports.pictures import encode_states
from defocus.reports.plot import plot

__all__ = ["PICTURE_BUDGET_BYTES", "render_html", "source_hash"]

PICTURE_BUDGET_BYTES = 60_000
"""Each state of a slider takes at most this much, before base64 adds a third."""

PICTURE_WIDTH_PX = 900
FOLDER = Path(__file__).parent
KINDS: dict[type[Part], str] = {
    Table: "table",
    Curves: "curves",
    Slider: "slider",
    Facts: "facts",
    Paragraph: "paragraph",
}


def render_html(page: Page) -> str:
    """A page as one HTML document with style, script and pictures inside.

    A strict content security policy allows only the style and the script that stand in the file
    (by their hashes) and pictures that are part of it. All text is escaped. The same page gives the
    same bytes in the same environment.

    Args:
        page: What to show; its text is plain text.

    Returns:
        The document, to be written as UTF-8.
    """
    style = (FOLDER / "static" / "report.css").read_text(encoding="utf-8")
    script = (FOLDER / "static" / "report.js").read_text(encoding="utf-8")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            style=Markup(style),  # noqa: S704 - our own file, named by its hash in the policy
            script=Markup(script),  # noqa: S704 - our own file, named by its hash in the policy
            policy=content_security_policy(style, script),
            kind_of=lambda part: KINDS[type(part)],
            pictures=_data_uris,
            plot=plot,
        )
    )


def content_security_policy(style: str, script: str) -> str:
    """The policy of a document that contains exactly this style and this script."""
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{source_hash(style)}'; script-src '{source_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def source_hash(source: str) -> str:
    """A style or script as a content security policy names it."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _data_uris(slider: Slider) -> list[tuple[str, str, int, int]]:
    """Label, data URI, width and height of each state."""
    encoded = encode_states(
        [picture for _, picture in slider.states],
        kind="webp",
        max_width_px=PICTURE_WIDTH_PX,
        budget_bytes=PICTURE_BUDGET_BYTES,
    )
    return [
        (label, f"data:image/webp;base64,{base64.b64encode(content).decode()}", width, height)
        for (label, _), (content, width, height) in zip(slider.states, encoded, strict=True)
    ]
