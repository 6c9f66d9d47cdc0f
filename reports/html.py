"""Render a page as one self-contained HTML file; too many pictures go into a folder beside it."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from markupsafe import Markup

from defocus.reports.environment import environment, viewer_style_and_script
from defocus.reports.html_rows import column_classes, numeric_columns, table_bodies
from defocus.reports.model import (
    Curves,
    Gallery,
    Labelled,
    Page,
    Scatter,
    Slider,
    Tile,
    all_parts,
)
from defocus.reports.packed import Behind
from defocus.reports.pictures import Encoded, encode_states, encode_tiles
from defocus.reports.plot import page_plot
from defocus.storage.files import (
    make_folder,
    remove_unfinished,
    write_bytes,
    write_text,
)

PICTURE_BUDGET_BYTES = 60_000
"""Largest size of each state of a slider, in bytes, before base64 adds a third."""

INLINE_BYTES = 6_000_000
"""Size of the pictures of a page, in bytes, above which they are in a folder next to it."""

PICTURE_WIDTH_PX = 900
FOLDER = Path(__file__).parent

Address = Callable[[bytes], str]
"""Function from an encoded picture to the address in its ``img`` element."""
T = TypeVar("T")
Addressed: TypeAlias = tuple[T, str, int, int]
"""A thing with the address, the width and the height of its picture."""


def render_html(page: Page) -> str:
    """Render a page as one HTML document (UTF-8) with style, script and pictures inside."""
    # A strict content security policy allows only the style and the script of the file (by their
    # hashes) and pictures that are part of it. All text is escaped. In the same environment, the
    # same page gives the same bytes.
    return _render(page, _encoded(page), _data_uri, _policy("data:"))


def write_html(page: Page, path: Path, inline_bytes: int = INLINE_BYTES) -> Path | None:
    """Write a page to ``path``; with more bytes of pictures these go to a folder, returned."""
    # They are stored in a folder named after the page with ``-pictures`` added; files there that
    # the page does not show are removed.
    remove_unfinished(path.parent, [path.name])
    encoded = _encoded(page)
    contents = _contents(encoded)
    folder = path.with_name(f"{path.stem}-pictures")
    beside = sum(map(len, contents)) > inline_bytes
    kept: set[str] = set()
    if beside:
        kept = _write_pictures(contents, folder)
        # a name may have signs that mean something in an address
        place = quote(folder.name)
        policy = _policy("data: 'self'")
        text = _render(page, encoded, lambda c: f"{place}/{_file_name(c)}", policy)
    else:
        text = _render(page, encoded, _data_uri, _policy("data:"))
    write_text(path, text)
    _remove_others(folder, kept)
    return folder if beside else None


def _write_pictures(contents: Iterable[bytes], folder: Path) -> set[str]:
    """Write pictures that a folder does not have; return the names of all."""
    make_folder(folder)
    names = set()
    for content in contents:
        file = folder / _file_name(content)
        names.add(file.name)
        if not file.exists():
            write_bytes(file, content)
    return names


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove pictures that the page does not show any more."""
    if not folder.is_dir():
        return
    for file in folder.glob("*.webp"):
        if file.name not in kept:
            file.unlink(missing_ok=True)


def render_served(page: Page) -> tuple[str, dict[str, bytes]]:
    """Render a page for a server, and its pictures by their name in the folder ``pictures``."""
    # The page asks the address ``stamp`` beside it whether it is up to date.
    encoded = _encoded(page)
    pictures = {_file_name(content): content for content in _contents(encoded)}

    def address(content: bytes) -> str:
        return f"pictures/{_file_name(content)}"

    text = _render(page, encoded, address, served_policy(), live=True)
    return text, pictures


def served_policy() -> str:
    """The content security policy of every page of :func:`render_served`."""
    style, script = _style_and_script(live=True)
    policy = content_security_policy(style, script, "'self' data:")
    return f"{policy}; connect-src 'self'"


def _style_and_script(*, live: bool = False) -> tuple[str, str]:
    static = FOLDER / "static"
    style, script = viewer_style_and_script()
    style += (static / "report.css").read_text(encoding="utf-8")
    script += (static / "report.js").read_text(encoding="utf-8")
    if live:
        script += (static / "live.js").read_text(encoding="utf-8")
    return style, script


def _render(
    page: Page,
    encoded: dict[int, list[Encoded]],
    address: Address,
    policy: str,
    *,
    live: bool = False,
) -> str:
    style, script = _style_and_script(live=live)
    behind = Behind()

    def pictures(slider: Slider) -> list[Addressed[str]]:
        labels = [label for label, _ in _shown_pictures(slider)]
        states = encoded[id(slider)]
        return _addressed(labels, states, address)

    def tiles(gallery: Gallery) -> list[Addressed[Tile]]:
        encoded_tiles = encoded[id(gallery)]
        return _addressed(gallery.tiles, encoded_tiles, address)

    template = environment().get_template("page.html.j2")
    text = template.render(
        page=page,
        style=Markup(style),  # noqa: S704 - our own file, named by its hash in the policy
        script=Markup(script),  # noqa: S704 - our own file, named by its hash in the policy
        policy=policy,
        kind_of=lambda part: type(part).__name__.lower(),
        pictures=pictures,
        tiles=tiles,
        plot=_plotted,
        numeric_columns=numeric_columns,
        table_bodies=table_bodies,
        column_classes=column_classes,
        behind=behind.hold,
    )
    return behind.complete(text)


def _plotted(figure: Curves | Scatter, name: str) -> dict[str, Any]:
    plot = page_plot(figure, name)
    svg = Markup(plot.svg)  # noqa: S704 - matplotlib escaped it
    legend = []
    for swatch, label in plot.legend:
        line = Markup(swatch)  # noqa: S704 - as above
        legend.append((line, label))
    return {"svg": svg, "legend": legend, "unnamed": plot.unnamed}


def _policy(images: str) -> str:
    style, script = _style_and_script()
    return content_security_policy(style, script, images)


def content_security_policy(style: str, script: str, images: str = "data:") -> str:
    """The policy of a document with exactly this style, script and sources of pictures."""
    return (
        f"default-src 'none'; img-src {images}; "
        f"style-src '{source_hash(style)}'; script-src '{source_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def source_hash(source: str) -> str:
    """The hash by which a content security policy names a style or script."""
    digest = hashlib.sha256(source.encode()).digest()
    words = base64.b64encode(digest).decode()
    return f"sha256-{words}"


def _data_uri(content: bytes) -> str:
    words = base64.b64encode(content).decode()
    return f"data:image/webp;base64,{words}"


def _file_name(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:16]}.webp"


def _addressed(
    things: Sequence[T],
    pictures: list[Encoded],
    address: Address,
) -> list[Addressed[T]]:
    """Things with the address and the size of their pictures."""
    addressed = []
    for thing, (content, width, height) in zip(things, pictures, strict=True):
        addressed.append((thing, address(content), width, height))
    return addressed


def _contents(encoded: dict[int, list[Encoded]]) -> dict[bytes, None]:
    """The files of all pictures of a page, each once, in their order."""
    contents: dict[bytes, None] = {}
    for pictures in encoded.values():
        for content, _, _ in pictures:
            contents[content] = None
    return contents


def _encoded(page: Page) -> dict[int, list[Encoded]]:
    """The encoded pictures of every slider and gallery, by the part's identity."""
    encodings = {}
    parts = chain.from_iterable(parts for _, parts in page.sections)
    for part in all_parts(parts):
        if isinstance(part, Slider):
            states = [picture for _, picture in _shown_pictures(part)]
            encodings[id(part)] = encode_states(
                states,
                kind="webp",
                max_width_px=PICTURE_WIDTH_PX,
                budget_bytes=PICTURE_BUDGET_BYTES,
            )
        elif isinstance(part, Gallery):
            tiles = [tile.picture for tile in part.tiles]
            encodings[id(part)] = encode_tiles(tiles)
    return encodings


def _shown_pictures(slider: Slider) -> list[Labelled]:
    """Everything that a slider shows: its states, then its overlay."""
    shown = list(slider.states)
    if slider.overlay:
        shown.append(slider.overlay)
    return shown
