"""Options of ``judge``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from defocus.command_line.options import Folder
from defocus.settings import JSON, CommandSettings, option


class JudgeSettings(CommandSettings):
    """The study, and the page of comparisons."""

    out: Folder = option(Path("defocus-results"), "--out")
    """Folder of the study."""
    page: Path | None = option(None, "--page FILE")
    """Write the page of comparisons, then exit."""
    only: tuple[str, ...] = option((), "--only PATTERN")
    """Systems to compare; repeatable."""
    judgements: Annotated[int, Field(ge=10)] = option(200, "--judgements")
    """Number of comparisons on the page."""
    seed: int = option(0, "--seed", show_default=True, type=int)
    """Seed of the page's trials."""
    as_json: bool = JSON
