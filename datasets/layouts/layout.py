"""Layouts: patterns that assign files to pairs, and mapping files that hold a layout.

A copy of a dataset with another layout than its reader expects is described by a TOML file, which
is given instead of the folder (``rtf:my-copy.toml``). It has ``root``, the folder beside the file,
and ``[[parts]]``, each with ``split`` (by scene if left out), ``blurry`` and ``sharp``, which are
patterns such as ``image/0/image_{name}.*``.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from defocus.datasets.layouts.patterns import placeholders
from defocus.datasets.pair import Split
from defocus.errors import DatasetError, SettingsError
from defocus.settings import Settings, load_settings

__all__ = ["PARTNERS", "Layout", "Mapping", "Part", "read_mapping"]

PARTNERS = ("sharp", "truth", "dual_pixel_left", "dual_pixel_right")
"""The members of a pair that a pattern can find, beside the blurry one."""


def _inside(pattern: str) -> str:
    parts = pattern.split("/")
    if "\\" in pattern or ":" in pattern or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("a pattern must be a relative path inside the dataset, without '..'")
    return pattern


Pattern = Annotated[str, AfterValidator(_inside)]


class Part(Settings):
    """The pairs of one split; partners' patterns have placeholders from the blurry pattern."""

    split: Split | None = None  # None assigns it by a hash of the scene's name
    blurry: Pattern
    sharp: Pattern | None = None
    truth: Pattern | None = None
    dual_pixel_left: Pattern | None = None
    dual_pixel_right: Pattern | None = None
    # by equal placeholders, or by numbers that differ by two at most
    sharp_by: Literal["name", "number"] = "name"
    id: str = "{name}"  # template of the pair's id
    scene: str | None = None  # template of the scene's name; None uses the id
    names: tuple[str, ...] = ()  # names in a complete copy, if known

    @model_validator(mode="after")
    def _known_placeholders(self) -> "Part":
        known = set(placeholders(self.blurry))
        patterns = [getattr(self, role) for role in PARTNERS if role != "sharp"]
        if self.sharp_by == "name":
            patterns.append(self.sharp)
        for text in (self.id, self.scene, *patterns):
            missing = set(placeholders(text or "")) - known
            if missing:
                raise ValueError(f"'{{{min(missing)}}}' of '{text}' is not in '{self.blurry}'")
        return self


class Layout(Settings):
    """One layout of a dataset in a folder; parts may be absent."""

    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    others: tuple[Pattern, ...] = ()  # pictures that belong to the dataset but are not read
    # blurry pictures in a complete copy, if they differ from the reader's card
    counts: dict[Split, int] = Field(default_factory=dict)


class Mapping(Layout):
    """A layout read from a mapping file, with the folder that it describes."""

    root: str = "."


def read_mapping(path: Path) -> tuple[Path, Layout]:
    """Read the folder and the layout from a mapping file."""
    try:
        mapping = load_settings(Mapping, path)
    except SettingsError as error:
        raise DatasetError(str(error)) from error
    root = path.parent / mapping.root
    if not root.is_dir():
        raise DatasetError(f"{path}: 'root' is {root}, no such folder; correct it")
    return root, mapping
