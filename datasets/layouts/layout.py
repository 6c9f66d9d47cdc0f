"""Layouts: patterns that assign files to pairs, such as ``image/0/image_{name}.*``.

A mapping file (``rtf:my-copy.toml``) describes a copy of another layout than its reader expects."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from defocus.datasets.pair import Split, White
from defocus.errors import DatasetError, SettingsError
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.reading import broken_link
from defocus.settings import Settings, load_settings

Names = tuple[str, ...]

# Path patterns: ``{name}`` is one or more characters of a component, ``*`` any; case matters.
_TOKEN = re.compile(r"\{([a-z]+)\}|(\*)|([^{*]+)")


@dataclass(frozen=True)
class Fit:
    """A file that matches a pattern, with the values of the placeholders."""

    path: Path
    values: dict[str, str]

    def key(self, names: Names) -> Names:
        """The values of some placeholders."""
        return tuple(self.values[name] for name in names)


def placeholders(pattern: str) -> Names:
    """Names of a pattern's placeholders, each once, sorted."""
    return tuple(sorted(set(re.findall(r"\{([a-z]+)\}", pattern))))


def filled(pattern: str, values: dict[str, str]) -> str:
    """The pattern with its placeholders replaced; ``*`` stays."""
    return re.sub(r"\{([a-z]+)\}", lambda match: values[match[1]], pattern)


def fixed_folder(pattern: str) -> str:
    """The folders of a pattern before the first one with a placeholder or a ``*``."""
    fixed = []
    for part in pattern.split("/")[:-1]:
        if "{" in part or "*" in part:
            break
        fixed.append(part)
    return "/".join(fixed)


def fits(root: Path, pattern: str) -> Iterator[Fit]:
    """The files below a folder that match a pattern, by name; hidden ones are skipped."""
    return _below(Fit(root, {}), pattern.split("/"))


def _below(parent: Fit, components: Sequence[str]) -> Iterator[Fit]:
    first, *rest = components
    for child in _children(parent, first, last=not rest):
        if rest and child.path.is_dir():
            yield from _below(child, rest)
        elif not rest and _is_file_or_broken_link(child.path):
            yield child


def _is_file_or_broken_link(path: Path) -> bool:
    """Whether it is a member of a pair; one that is a link to nothing is said to be unreadable."""
    return path.is_file() or bool(broken_link(path))


def _children(parent: Fit, component: str, *, last: bool) -> Iterator[Fit]:
    """The entries of a folder; ``.*`` at the end of a file's name is any picture's suffix."""
    if "{" not in component and "*" not in component:
        if os.path.lexists(parent.path / component):
            yield Fit(parent.path / component, parent.values)
        return
    stem, wild, _ = component.rpartition(".*") if last else ("", "", "")
    suffixes: Collection[str] = IMAGE_SUFFIXES if wild else ()
    if not wild:
        stem, dot, suffix = component.rpartition(".")
        suffixes = (
            (f".{suffix}".lower(),) if dot and f".{suffix}" in IMAGE_SUFFIXES else ()
        )
    wanted = _expression(stem if suffixes else component, parent.values)
    for path in _listed(parent.path):
        if suffixes and path.suffix.lower() not in suffixes:
            continue
        if match := wanted.fullmatch(path.stem if suffixes else path.name):
            yield Fit(path, {**parent.values, **match.groupdict()})


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _expression(component: str, values: dict[str, str]) -> re.Pattern[str]:
    text = ""
    seen: set[str] = set()
    for name, star, literal in _TOKEN.findall(component):
        if literal:
            text += re.escape(literal)
        elif star:
            text += ".*"
        elif name in values:
            text += re.escape(values[name])
        else:
            text += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    return re.compile(text)


APART = 2
"""Largest difference between the numbers of a blurry and a sharp shot of one scene."""

UNPAIRED = 1000.0


def by_number(blurry: Sequence[int], sharp: Sequence[int]) -> list[int | None]:
    """Index of the sharp shot of each blurry one, or None; both numbers ascend."""
    # Equally many are paired in turn. Otherwise the assignment with the fewest unpaired shots, and
    # then the smallest differences, is used; the partner of an unpaired shot is missing.
    if len(blurry) == len(sharp) and all(
        abs(a - b) <= APART for a, b in zip(blurry, sharp, strict=True)
    ):
        return list(range(len(blurry)))
    if not blurry or not sharp:
        return [None] * len(blurry)
    # a third of a second, for few datasets
    from scipy.optimize import linear_sum_assignment

    apart = np.abs(np.subtract.outer(np.array(blurry), np.array(sharp)))
    cost = np.where(apart <= APART, apart.astype(float) ** 2, UNPAIRED)
    matched: list[int | None] = [None] * len(blurry)
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if cost[row, column] < UNPAIRED:
            matched[int(row)] = int(column)
    return matched


PARTNERS = ("sharp", "truth", "dual_pixel_left", "dual_pixel_right")
"""The members of a pair that a pattern can find, besides the blurry one."""


def _inside(pattern: str) -> str:
    parts = pattern.split("/")
    if (
        "\\" in pattern
        or ":" in pattern
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise ValueError(
            "a pattern must be a relative path inside the dataset, without '..'"
        )
    return pattern


Pattern = Annotated[str, AfterValidator(_inside)]


class Part(Settings):
    """The pairs of one split.

    A pattern is a path inside the dataset. ``{name}``, or another word in braces, is one or more
    characters of a component, ``*`` is any, and case matters. Patterns of partners have no
    placeholders but those of ``blurry``.

    Attributes:
        split: ``train``, ``validation`` or ``test``; None assigns it by a hash of the scene's name.
        blurry: Pattern of the blurry pictures.
        sharp: Pattern of the sharp pictures; None if there are none.
        truth: Pattern of the all-in-focus pictures of rendered data.
        dual_pixel_left: Pattern of the left views.
        dual_pixel_right: Pattern of the right views.
        sharp_by: How sharp pictures are found: ``name``, by equal placeholders, or ``number``, by
            numbers that differ by two at most.
        id: Template of the pair's id.
        scene: Template of the scene's name; None uses the id.
        names: Values of ``{name}`` in a complete copy, if known.

    Raises:
        ValueError: A pattern leads out of the dataset, or has a placeholder that ``blurry`` lacks.

    Examples:
        >>> from defocus.datasets.layouts.layout import Part, placeholders
        >>> part = Part(split="test", blurry="{scene}/open_{name}.*", id="{scene}-{name}")
        >>> placeholders(part.blurry), part.sharp
        (('name', 'scene'), None)
    """

    split: Split | None = None
    blurry: Pattern
    sharp: Pattern | None = None
    truth: Pattern | None = None
    dual_pixel_left: Pattern | None = None
    dual_pixel_right: Pattern | None = None
    sharp_by: Literal["name", "number"] = "name"
    id: str = "{name}"
    scene: str | None = None
    names: Names = ()

    @model_validator(mode="after")
    def _known_placeholders(self) -> "Part":
        own = set(placeholders(self.blurry))
        patterns = [getattr(self, role) for role in PARTNERS if role != "sharp"]
        if self.sharp_by == "name":
            patterns.append(self.sharp)
        for text in (self.id, self.scene, *patterns):
            missing = set(placeholders(text or "")) - own
            if missing:
                raise ValueError(
                    f"'{{{min(missing)}}}' of '{text}' is not in '{self.blurry}'"
                )
        return self


class Layout(Settings):
    """One layout of a dataset in a folder.

    Attributes:
        parts: One or more parts; any of them may be absent from a folder.
        others: Patterns of pictures that belong to the dataset but are not read.
        counts: Number of blurry pictures in a complete copy, by split, if they differ from the
            reader's card.
        white: Value of pictures of 16 bits that means white, 255 to 65535; None where the values
            say it.

    Raises:
        ValueError: There is no part, a number is out of its range, or a field does not exist.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from defocus.datasets.layouts.layout import Layout, Part, find
        >>> layout = Layout(parts=(Part(blurry="blur/{name}.*", sharp="sharp/{name}.*"),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "blur").mkdir()
        ...     (Path(folder) / "blur" / "desk.png").touch()
        ...     find(Path(folder), layout).missing
        ['sharp/desk.*']
    """

    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    others: tuple[Pattern, ...] = ()
    counts: dict[Split, int] = Field(default_factory=dict)
    white: White | None = None


class Described(Settings):
    """A file that is given instead of the folder that it describes, next to which it is."""

    root: str = "."


class Mapping(Layout, Described):
    """A layout read from a mapping file, with the folder that it describes."""


D = TypeVar("D", bound=Described)


def read_described(kind: type[D], path: Path) -> tuple[Path, D]:
    """Read a folder's description; the folder, and the content of the description."""
    try:
        described = load_settings(kind, path)
    except SettingsError as error:
        raise DatasetError(str(error)) from error
    root = path.parent / described.root
    if not root.is_dir():
        raise DatasetError(f"{path}: 'root' is {root}, no such folder; correct it")
    return root, described


def read_mapping(path: Path) -> tuple[Path, Layout]:
    """Read the folder and the layout from a mapping file."""
    return read_described(Mapping, path)


@dataclass(frozen=True)
class PairRow:
    """The files of one pair by role, without missing ones; values are the blurry placeholders'."""

    part: Part
    values: dict[str, str]
    files: dict[str, Path]

    def lacks(self) -> bool:
        """Whether a member that the layout names is missing."""
        return any(
            getattr(self.part, role) and role not in self.files for role in PARTNERS
        )


@dataclass
class LayoutContents:
    """Contents of a folder according to a layout; paths are relative to the folder."""

    rows: list[PairRow] = field(default_factory=list)  # the pairs, complete or not
    missing: list[str] = field(default_factory=list)  # partners of pairs
    # blurry pictures of a complete copy
    absent: list[str] = field(default_factory=list)
    extra: list[Path] = field(default_factory=list)  # files that belong to no pair


def holds(root: Path, layout: Layout) -> bool:
    """Whether a folder has a blurry picture in this layout."""
    return any(next(fits(root, part.blurry), None) for part in layout.parts)


def find(root: Path, layout: Layout) -> LayoutContents:
    """Find the pairs of a layout; two files for one member of a pair are a ``DatasetError``."""
    contents = LayoutContents()
    for part in layout.parts:
        _find_part(root, part, contents)
    return contents


def _find_part(root: Path, part: Part, contents: LayoutContents) -> None:
    blurry = list(fits(root, part.blurry))
    _unique(blurry, placeholders(part.blurry))
    rows = [PairRow(part, dict(fit.values), {"blurry": fit.path}) for fit in blurry]
    for role in PARTNERS:
        pattern = getattr(part, role)
        if pattern is None or not rows:
            continue
        if role == "sharp" and part.sharp_by == "number":
            _add_by_number(root, rows, list(fits(root, pattern)), contents)
        else:
            _add_by_name(rows, role, pattern, list(fits(root, pattern)), contents)
    contents.rows += rows
    if part.names and rows:
        names = {row.values["name"] for row in rows}
        for name in part.names:
            if name not in names:
                path = filled(part.blurry, {"name": name})
                contents.absent.append(path)


def _add_by_name(
    rows: Sequence[PairRow],
    role: str,
    pattern: str,
    partners: Sequence[Fit],
    contents: LayoutContents,
) -> None:
    names = placeholders(pattern)
    by_key = _unique(partners, names)
    unused = dict(by_key)
    for row in rows:
        key = tuple(row.values[name] for name in names)
        partner = by_key.get(key)
        if partner is None:
            contents.missing.append(filled(pattern, row.values))
        else:
            row.files[role] = partner.path
            unused.pop(key, None)
    contents.extra += [fit.path for fit in unused.values()]


def _add_by_number(
    root: Path, rows: Sequence[PairRow], partners: list[Fit], contents: LayoutContents
) -> None:
    numbers = [_number(row.files["blurry"]) for row in rows]
    matched = by_number(numbers, [_number(fit.path) for fit in partners])
    for row, index in zip(rows, matched, strict=True):
        if index is None:
            name = row.files["blurry"].relative_to(root)
            contents.missing.append(f"the sharp picture of {name}")
        else:
            row.files["sharp"] = partners[index].path
    unmatched = set(range(len(partners))).difference(matched)
    contents.extra += [partners[index].path for index in sorted(unmatched)]


def _number(path: Path) -> int:
    digits = re.search(r"(\d+)$", path.stem)
    if digits is None:
        raise DatasetError(
            f"{path}: its name has no number for pairing; restore the name"
        )
    return int(digits[1])


def _unique(files: Iterable[Fit], names: Names) -> dict[Names, Fit]:
    by_key: dict[Names, Fit] = {}
    for fit in files:
        other = by_key.setdefault(fit.key(names), fit)
        if other is not fit:
            raise DatasetError(
                f"{fit.path}: {other.path.name} exists too; remove one of them"
            )
    return by_key
