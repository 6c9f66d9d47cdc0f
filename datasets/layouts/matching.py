"""Matching of file names: outputs with the pictures that they were made from, by rule.

The rules are those of the field's programs. They keep a picture's name, add their own to it
(``cafe_MyNet.png``), or number their outputs (``0000.png``). The two shots of a DPDD pair have
numbers that differ by one.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from defocus.datasets.layouts.numbers import by_number
from defocus.errors import InputError

__all__ = ["RULES", "MatchedNames", "Rule", "match_names"]

Rule: TypeAlias = Literal["stem", "suffix", "order"]

RULES: tuple[Rule, ...] = get_args(Rule)
"""The rules, in the order in which they are tried."""

SEPARATORS = "_-. "
"""What an added suffix begins with."""

Keys: TypeAlias = Mapping[str, Sequence[str]]
"""The names that a file of each wanted picture may have, without their suffixes."""

Numbers: TypeAlias = Sequence[tuple[int, str]]
"""Numbers at the ends of names, ascending, with the names."""


@dataclass(frozen=True)
class MatchedNames:
    """Files by the pictures that they belong to.

    Attributes:
        rule: The rule that was used.
        words: The rule in words, with what it found.
        files: Name of the file by name of the picture; both without suffix.
    """

    rule: Rule
    words: str
    files: Mapping[str, str]


def match_names(wanted: Keys, files: Sequence[str], rule: Rule | None = None) -> MatchedNames:
    """Match files with pictures by their names.

    Without a rule, equal names are used if every picture has its file. Otherwise all rules are
    tried, and one must find more files than each later one.

    Args:
        wanted: For each picture the names that its file may have; folders are part of a name.
        files: Names of the files without suffix, each once.
        rule: ``stem`` for equal names, ``suffix`` for names with one ending added, ``order`` for
            numbers; None to choose.

    Raises:
        InputError: Several rules fit, or what a rule finds is ambiguous.
    """
    if rule is not None:
        return _BY_RULE[rule](wanted, files)
    exact = _by_stem(wanted, files)
    if len(exact.files) == len(wanted):
        return exact
    found = [exact] if exact.files else []
    refused: list[InputError] = []
    for later in (_by_suffix, _by_order):
        try:
            found.append(later(wanted, files))
        except InputError as error:
            refused.append(error)
    found = [one for one in found if one.files]
    if not found:
        raise InputError(_nothing(wanted, files, refused))
    first, *others = found
    for other in others:
        if len(other.files) >= len(first.files):
            raise InputError(
                f"ambiguous names: by {first.words} {len(first.files)} of {len(wanted)} are found, "
                f"by {other.words} {len(other.files)}; choose with --match {first.rule} or "
                f"{other.rule}"
            )
    return first


def _nothing(wanted: Keys, files: Sequence[str], refused: Sequence[InputError]) -> str:
    """Why no rule found anything."""
    if not files:
        return "there are no pictures among the files"
    asked = next((keys[0] for keys in wanted.values() if keys), "")
    said = f"no file is named like a picture: a file is '{files[0]}', a picture '{asked}'"
    return "; ".join([said, *map(str, refused)])


def _by_stem(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    return MatchedNames("stem", "equal names", _with_ending(wanted, set(files), ""))


def _with_ending(wanted: Keys, files: set[str], ending: str) -> dict[str, str]:
    """Files that are named like a picture with an ending added."""
    found = {}
    for name, keys in wanted.items():
        mine = [key + ending for key in keys if key + ending in files]
        if len(mine) > 1:
            raise InputError(f"{' and '.join(mine)} are both named like {name}; keep one")
        if mine:
            found[name] = mine[0]
    return found


def _by_suffix(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """The one ending with which most pictures have a file."""
    known, by_ending = set(files), dict[str, dict[str, str]]()
    for ending in _endings(wanted, files):
        by_ending[ending] = _with_ending(wanted, known, ending)
    if not by_ending:
        return MatchedNames("suffix", "an added suffix", {})
    ordered = sorted(by_ending, key=lambda ending: -len(by_ending[ending]))
    best = ordered[0]
    for other in ordered[1:2]:
        if len(by_ending[other]) == len(by_ending[best]):
            raise InputError(
                f"ambiguous suffixes: {len(by_ending[best])} files end in '{best}' and as many in "
                f"'{other}'; keep one kind in the folder"
            )
    return MatchedNames("suffix", f"the suffix '{best}'", by_ending[best])


def _endings(wanted: Keys, files: Sequence[str]) -> list[str]:
    """What files have behind the name of a picture."""
    begins = {key for keys in wanted.values() for key in keys}
    found = {
        file[cut:]: None
        for file in files
        for cut in range(1, len(file))
        if file[cut] in SEPARATORS and "/" not in file[cut:] and file[:cut] in begins
    }
    return list(found)


def _by_order(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """Numbers that are close to the pictures' own, else a running number for all of them."""
    close = _neighbours(wanted, files)
    if close:
        return MatchedNames("order", "the number beside it", close)
    return _running(wanted, files)


def _neighbours(wanted: Keys, files: Sequence[str]) -> dict[str, str]:
    """As of the two shots of DPDD: the same name but for a number that differs by one.

    Where a file has the name of another picture, numbers do not tell which it belongs to.
    """
    keys = {name: keys[0] for name, keys in wanted.items() if len(keys) == 1}
    if set(keys.values()) & set(files):
        return {}
    pictures = _numbered(list(keys.values()))
    named = {key: name for name, key in keys.items()}
    return {
        named[picture]: file
        for begin, group in _numbered(files).items()
        for file, picture in _beside(group, pictures.get(begin, []))
    }


def _beside(files: Numbers, pictures: Numbers) -> list[tuple[str, str]]:
    """File and picture of close numbers: in turn if there are equally many.

    Else those that differ by one: the sharp shot of DPDD is sometimes the first of the two.
    """
    if len(files) == len(pictures):
        partners = by_number([n for n, _ in files], [n for n, _ in pictures])
        pairs = zip(files, partners, strict=True)
        return [(file, pictures[i][1]) for (_, file), i in pairs if i is not None]
    known, found = dict(pictures), dict[str, str]()
    for number, file in files:
        near = [known[n] for n in (number - 1, number + 1) if n in known]
        for picture in near:
            if len(near) > 1 or picture in found:
                between = f"{near[0]} or {near[-1]}" if len(near) > 1 else f"that of {picture} too"
                raise InputError(
                    f"order: {len(files)} files for {len(pictures)} pictures, and {file} may be "
                    f"{between}; add the missing files, or name them like the pictures"
                )
            found[picture] = file
    return [(file, picture) for picture, file in found.items()]


def _numbered(names: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Names that end in a number, with it, by what stands before it; ascending."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        split = re.fullmatch(r"(.*?)(\d{1,9})", name)
        if split:
            found[split[1]].append((int(split[2]), name))
    return {begin: sorted(numbers) for begin, numbers in found.items()}


def _running(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """Files numbered from 0 or 1 in the order of the pictures' names."""
    groups = _numbered(files)
    numbered = next(iter(groups.values()), []) if len(groups) == 1 else []
    if not numbered or len(numbered) != len(files):
        return MatchedNames("order", "running numbers", {})
    numbers = [number for number, _ in numbered]
    first = numbers[0]
    if first not in (0, 1) or numbers != list(range(first, first + len(numbers))):
        raise InputError(
            "order: the files are not numbered from 0 or 1 without a gap, so their order does not "
            "tell the pictures"
        )
    if len(numbers) != len(wanted):
        raise InputError(
            f"order: {len(numbers)} numbered files cannot be told for {len(wanted)} pictures; the "
            "order tells nothing if some are missing"
        )
    names = sorted(wanted)
    if names != sorted(wanted, key=_natural):
        raise InputError(
            "order: the pictures' own order is ambiguous, as in 2 and 10 without leading zeros; "
            "name the files like the pictures"
        )
    words = f"running numbers {numbered[0][1]} to {numbered[-1][1]}"
    pairs = zip(names, (file for _, file in numbered), strict=True)
    return MatchedNames("order", words, dict(pairs))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order in which 2 comes before 10."""
    pieces = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p]


_BY_RULE: Mapping[Rule, Callable[[Keys, Sequence[str]], MatchedNames]] = {
    "stem": _by_stem,
    "suffix": _by_suffix,
    "order": _by_order,
}
