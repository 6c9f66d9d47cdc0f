"""Settings of a command that test_settings_command.py makes."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from defocus.command_line.options import Folder
from defocus.settings import CommandSettings, option


def _parts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, str) and " " in value:
        raise ValueError(f"{value!r} has a space; write a,b")
    return tuple(value.split(",")) if isinstance(value, str) else value


class Greeting(CommandSettings):
    """One field of each kind."""

    inner: int = 3
    number: Annotated[int, Field(ge=1, le=9)] = option(
        1, "--number N", heading="Numbers"
    )
    """How often, over a text that
    goes on."""
    rate: Annotated[float, Field(gt=0)] | None = option(None, "--rate")
    """How fast."""
    share: Annotated[float, Field(ge=0, lt=1)] = option(0.5, "--share")
    """Of whom."""
    tone: Literal["kind", "rude"] = option("kind", "--tone", heading="Words")
    """How."""
    names: Annotated[tuple[str, ...], BeforeValidator(_parts)] = option(
        (), "--names A,B"
    )
    """Whom."""
    files: tuple[Path, ...] = option((), "--file FILE")
    """From where."""
    folder: Folder | None = option(None, "--folder")
    """Where to."""
    loud: bool = option(True, "--loud/--quietly")
    """Whether aloud."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tone == "rude" and self.loud:
            raise ValueError("--tone rude needs --quietly")
        return self
