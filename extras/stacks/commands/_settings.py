"""Settings of ``fuse``, as typed. It imports nothing heavy."""

from typing import Annotated

from pydantic import Field

from defocus.command_line.options import Folder
from defocus.command_line.where import where_field
from defocus.processes.machines import Where
from defocus.settings import JSON, CommandSettings, option


class FuseSettings(CommandSettings):
    """Options of ``fuse``."""

    out: Folder = option(..., "--out")
    """Folder of the new dataset: new, empty, or an unfinished run with the same settings."""
    position: Annotated[int, Field(ge=1)] | None = option(None, "--reference")
    """Position of the frame whose geometry the result has.  [default: the middle one]"""
    where: Where = where_field(
        1, "Number of stacks fused at once; the frames of one are registered in turn."
    )
    as_json: bool = JSON
