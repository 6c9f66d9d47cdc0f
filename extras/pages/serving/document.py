"""HTML documents of served pages, with inline style and script allowed by hash."""

from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from defocus.reports.environment import viewer_style_and_script
from defocus.reports.html import source_hash

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ServedDocument:
    """A document; everything that changes is filled in by its script."""

    template: Path  # a file of Jinja that puts in ``style`` and ``script``
    style: str
    script: str

    def render(self, **fields: object) -> str:
        """The document; ``fields`` are what else the template names, as texts that are escaped."""
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self.template.parent),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template(self.template.name).render(
            **fields,
            style=Markup(self.style),  # noqa: S704 - our own file, named by its hash in the policy
            script=Markup(self.script),  # noqa: S704 - our own file, named by its hash
        )

    @property
    def policy(self) -> str:
        """The content security policy: this style, this script, this server, pictures as data."""
        return (
            "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
            f"style-src '{source_hash(self.style)}'; script-src '{source_hash(self.script)}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


def frame_style() -> str:
    """The style that served pages share: colours in light and dark, cards, buttons, chips."""
    return (FOLDER / "static" / "page.css").read_text(encoding="utf-8")


def pair_document() -> ServedDocument:
    """The page of pairs; its template takes ``session``, ``live``, ``control``, ``notes``."""
    style, script = viewer_style_and_script()
    return ServedDocument(
        FOLDER / "templates" / "page.html.j2",
        style + frame_style(),
        script + (FOLDER / "static" / "page.js").read_text(encoding="utf-8"),
    )
