"""A step that made a dataset of another one, for the manifest and for releases."""

from pydantic import Field

from defocus import __version__
from defocus.settings import Settings

__all__ = ["MakingStep", "step"]

Value = str | int | float | bool | None


class MakingStep(Settings):
    """One step, by the name of its command, with this program's version."""

    step: str
    version: str
    # what was asked for and what it came to, by name
    settings: dict[str, Value] = Field(default_factory=dict)


def step(name: str, **settings: Value) -> MakingStep:
    """A step of this version of the program, without settings that are None."""
    known: dict[str, Value] = {key: value for key, value in settings.items() if value is not None}
    return MakingStep(step=name, version=__version__, settings=known)
