"""Pairs found in a folder by a layout, and files without a partner."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defocus.datasets.layouts.layout import PARTNERS, Layout, Part
from defocus.datasets.layouts.numbers import by_number
from defocus.datasets.layouts.patterns import Fit, filled, fits, placeholders
from defocus.errors import DatasetError

__all__ = ["Found", "PairRow", "find", "holds"]


@dataclass(frozen=True)
class PairRow:
    """The files of one pair by role, without missing ones; values are the blurry placeholders'."""

    part: Part
    values: dict[str, str]
    files: dict[str, Path]

    def lacks(self) -> bool:
        """Whether a member that the layout names is missing."""
        return any(getattr(self.part, role) and role not in self.files for role in PARTNERS)


@dataclass
class Found:
    """Contents of a folder according to a layout; paths are relative to the folder."""

    rows: list[PairRow] = field(default_factory=list)  # the pairs, complete or not
    missing: list[str] = field(default_factory=list)  # partners of pairs
    absent: list[str] = field(default_factory=list)  # blurry pictures of a complete copy
    extra: list[Path] = field(default_factory=list)  # files that belong to no pair


def holds(root: Path, layout: Layout) -> bool:
    """Whether a folder has a blurry picture in this layout."""
    return any(next(fits(root, part.blurry), None) for part in layout.parts)


def find(root: Path, layout: Layout) -> Found:
    """Find the pairs of a layout; two files for one member of a pair are a ``DatasetError``."""
    found = Found()
    for part in layout.parts:
        _find_part(root, part, found)
    return found


def _find_part(root: Path, part: Part, found: Found) -> None:
    blurry = list(fits(root, part.blurry))
    _unique(blurry, placeholders(part.blurry))
    rows = [PairRow(part, dict(fit.values), {"blurry": fit.path}) for fit in blurry]
    for role in PARTNERS:
        pattern = getattr(part, role)
        if pattern is None or not rows:
            continue
        if role == "sharp" and part.sharp_by == "number":
            _add_by_number(root, rows, list(fits(root, pattern)), found)
        else:
            _add_by_name(rows, role, pattern, list(fits(root, pattern)), found)
    found.rows += rows
    if part.names and rows:
        known = {row.values["name"] for row in rows}
        absent = (name for name in part.names if name not in known)
        found.absent += [filled(part.blurry, {"name": name}) for name in absent]


def _add_by_name(
    rows: Sequence[PairRow], role: str, pattern: str, partners: Sequence[Fit], found: Found
) -> None:
    names = placeholders(pattern)
    known = _unique(partners, names)
    used = set()
    for row in rows:
        key = tuple(row.values[name] for name in names)
        partner = known.get(key)
        if partner is None:
            found.missing.append(filled(pattern, row.values))
        else:
            row.files[role] = partner.path
            used.add(key)
    found.extra += [fit.path for key, fit in known.items() if key not in used]


def _add_by_number(root: Path, rows: Sequence[PairRow], partners: list[Fit], found: Found) -> None:
    numbers = [_number(row.files["blurry"]) for row in rows]
    matched = by_number(numbers, [_number(fit.path) for fit in partners])
    for row, index in zip(rows, matched, strict=True):
        if index is None:
            name = row.files["blurry"].relative_to(root)
            found.missing.append(f"the sharp picture of {name}")
        else:
            row.files["sharp"] = partners[index].path
    found.extra += [fit.path for index, fit in enumerate(partners) if index not in set(matched)]


def _number(path: Path) -> int:
    digits = re.search(r"(\d+)$", path.stem)
    if digits is None:
        raise DatasetError(f"{path}: its name has no number for pairing; restore the name")
    return int(digits[1])


def _unique(found: Iterable[Fit], names: tuple[str, ...]) -> dict[tuple[str, ...], Fit]:
    known: dict[tuple[str, ...], Fit] = {}
    for fit in found:
        other = known.setdefault(fit.key(names), fit)
        if other is not fit:
            raise DatasetError(f"{fit.path}: {other.path.name} exists too; remove one of them")
    return known
