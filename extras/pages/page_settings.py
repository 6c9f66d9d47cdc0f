"""Options of ``live`` and ``review``; it imports nothing heavy."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from defocus.capture.planning.shoot_settings import (
    RETAKE,
    SCENE_LIST,
    BracketSettings,
    HandlingSettings,
    Retake,
    SceneList,
)
from defocus.settings import CommandSettings, option

__all__ = [
    "BracketSettings",
    "LivePageSettings",
    "LiveSettings",
    "PageSettings",
    "ReviewSettings",
]


class LiveSettings(HandlingSettings):
    """How ``live`` shoots."""

    retake: Retake = option("ask", "--retake", text=RETAKE)


class PageSettings(CommandSettings):
    """The page of ``review`` and ``live``."""

    port: Annotated[int, Field(ge=0, le=65535)] = option(0, "--port")
    """Port on this computer; 0 = any free port."""
    share: Literal["view", "control"] | None = option(
        None,
        "--share",
        is_flag=False,
        flag_value="view",
    )
    """Also open the page to phones and computers in the local network, with a QR code: to look
    (view, as without a value) or to shoot and judge (control). Plain http."""


class ReviewSettings(PageSettings):
    """Options of ``review``."""

    html: Path | None = option(None, "--html FILE")
    """Write pairs, verdicts and numbers to an HTML file; start no server. The pictures of many
    pairs go to a folder next to it."""


class LivePageSettings(PageSettings):
    """The page of ``live``, or numbers instead of it."""

    scene_list: SceneList = SCENE_LIST
    frames: Annotated[int, Field(ge=1, le=100_000)] | None = option(
        None,
        "--frames N",
        heading="Without SESSION",
    )
    """Print detail and exposure of N pictures instead of showing the page."""
    picture: Path | None = option(None, "--picture FILE")
    """With --frames: JPEG file for the last picture."""
    json_lines: bool = option(False, "--json-lines")
    """With --frames: print a JSON object for each picture."""
