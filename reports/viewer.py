"""Viewer of pairs (slider, blinking, difference, overlay) for all pages with pairs."""

from pathlib import Path

__all__ = ["viewer_style_and_script"]

STATIC = Path(__file__).parent / "static"


def viewer_style_and_script() -> tuple[str, str]:
    """Style and script that a page needs before its own."""
    # The style takes the page's custom properties ``--paper``, ``--raised``, ``--ink``, ``--soft``,
    # ``--line``, ``--strong-line``, ``--accent`` and ``--tint``. The script defines
    # ``comparePair``, which turns a figure of the template ``slider.html.j2`` into a viewer.
    style, script = (STATIC / f"viewer.{kind}" for kind in ("css", "js"))
    return style.read_text(encoding="utf-8"), script.read_text(encoding="utf-8")
