"""Matching of file names: outputs with the pictures that they were made from, by rule.

Programs of the field add to names (``cafe_MyNet``), number them, or sort them into folders."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, TypeAlias

from defocus.datasets.layouts.layout import by_number
from defocus.errors import InputError

Keys: TypeAlias = Mapping[str, Sequence[str]]
"""The names that a file of each wanted picture may have, without their suffixes."""


def respelled(
    wanted: Keys, files: Sequence[str], spell: Callable[[str], str]
) -> tuple[Keys, Mapping[str, str]]:
    """Pictures' and files' names in another spelling; two that become one are an ``InputError``."""
    by_spelling: dict[str, str] = {}
    for file in files:
        other = by_spelling.setdefault(spell(file), file)
        if other is not file:
            raise InputError(
                f"'{other}' and '{file}' may be of one picture; give one of them"
            )
    keys = {}
    owned = set[str]()
    for name, mine in wanted.items():
        keys[name] = tuple(dict.fromkeys(map(spell, mine)))
        if not owned.isdisjoint(keys[name]):
            raise InputError(
                "names of two pictures differ in folders, capitals or zeros alone"
            )
        owned.update(keys[name])
    return keys, by_spelling


def _without_folders(name: str) -> str:
    return name.rpartition("/")[2]


def _plainly(name: str) -> str:
    """The name without capitals, and without zeros before a number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.casefold())


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "folders left out": _without_folders,
    "capitals and leading zeros left out": _plainly,
    "folders, capitals and leading zeros left out": lambda name: _plainly(
        _without_folders(name)
    ),
}
"""Spellings in which names are compared, by their description."""


Rule: TypeAlias = Literal["stem", "suffix", "prefix", "order"]


SEPARATORS = "_-. "
"""Characters with which an added suffix begins, and an added prefix ends."""

Numbers: TypeAlias = Sequence[tuple[int, str]]
"""Numbers at the ends of names, ascending, with the names."""


@dataclass(frozen=True)
class MatchedNames:
    """Files by the pictures that they belong to, names without suffix; and the rule in words."""

    rule: Rule
    words: str
    files: Mapping[str, str]


def match_names(
    wanted: Keys, files: Sequence[str], rule: Rule | None = None
) -> MatchedNames:
    """Match files with pictures by a rule; without one, by the rule that finds the most files."""
    # Equal names are used if every picture has its file. Otherwise one rule must find more files
    # than each later one. Where a picture is left, names are compared without folders, capitals and
    # leading zeros. Several rules that fit are an error.
    best = _matched(wanted, files, rule)
    doubts: list[str] = []
    for words, spell in SPELLINGS.items():
        if len(best.files) == len(wanted):
            break
        try:
            keys, by_spelling = respelled(wanted, files, spell)
            match = _matched(keys, list(by_spelling), rule)
        except InputError as error:
            doubts.append(str(error))
            continue
        if not match.files:
            doubts += _found(keys, list(by_spelling))[1]
        if len(match.files) > len(best.files):
            own = {picture: by_spelling[name] for picture, name in match.files.items()}
            best = replace(match, words=f"{match.words}, {words}", files=own)
    _require_any(wanted, files, rule, best, doubts)
    _refuse_running_numbers(wanted, files, rule, best)
    return best


def _require_any(
    wanted: Keys,
    files: Sequence[str],
    rule: Rule | None,
    best: MatchedNames,
    doubts: list[str],
) -> None:
    """Refuse names if no rule finds a file for any of them."""
    if not best.files and rule is None:
        reasons = [_nothing(wanted, files), *_found(wanted, files)[1], *doubts]
        raise InputError("; ".join(dict.fromkeys(reasons)))


def _refuse_running_numbers(
    wanted: Keys, files: Sequence[str], rule: Rule | None, best: MatchedNames
) -> None:
    """Refuse files whose names may be running numbers."""
    left = len(wanted) > len(best.files) < len(files)
    if rule is None and best.rule != "order" and left and _is_run(files):
        raise InputError(
            f"ambiguous names: by {best.words} {len(best.files)} of {len(wanted)} are found, but "
            f"'{min(files)}' to '{max(files)}' may be running numbers; if they are not, add "
            f"--match {best.rule}; else name the files like the pictures"
        )


def _matched(wanted: Keys, files: Sequence[str], rule: Rule | None) -> MatchedNames:
    """The names as they are spelled, matched by a rule or the best one; maybe no file."""
    if rule is not None:
        return _BY_RULE[rule](wanted, files)
    exact = _by_stem(wanted, files)
    if len(exact.files) == len(wanted):
        return exact
    matches = [exact, *_found(wanted, files)[0]]
    first, *others = [one for one in matches if one.files] or [exact]
    for other in others:
        if len(other.files) >= len(first.files) and other.files != first.files:
            raise InputError(
                f"ambiguous names: by {first.words} {len(first.files)} of {len(wanted)} are found, "
                f"by {other.words} {len(other.files)}; choose with --match {first.rule} or "
                f"{other.rule}"
            )
    return first


def _nothing(wanted: Keys, files: Sequence[str]) -> str:
    """Words for rules that found nothing, with a name of each kind."""
    if not files:
        return "there are no pictures among the files"
    picture = next((keys[0] for keys in wanted.values() if keys), "")
    return f"no file is named like a picture: a file is '{files[0]}', a picture '{picture}'"


def _found(wanted: Keys, files: Sequence[str]) -> tuple[list[MatchedNames], list[str]]:
    """Matches by the further rules, and why rules that nearly fit were not used."""
    matches = list[MatchedNames]()
    refused = list[str]()
    for rule in (_by_suffix, _by_prefix, _by_order):
        try:
            matches.append(rule(wanted, files))
        except InputError as error:
            refused.append(str(error))
    return matches, refused


def _by_stem(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    return MatchedNames(
        "stem", "equal names", _with_addition(wanted, set(files), "", "")
    )


def _with_addition(
    wanted: Keys, files: set[str], begin: str, end: str
) -> dict[str, str]:
    """Files that are named like a picture with a beginning and an ending added."""
    file_of = {}
    for name, keys in wanted.items():
        named = [_added(key, begin, end) for key in keys]
        mine = [file for file in named if file in files]
        if len(mine) > 1:
            raise InputError(
                f"{' and '.join(mine)} are both named like {name}; keep one"
            )
        if mine:
            file_of[name] = mine[0]
    return file_of


def _added(key: str, begin: str, end: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{begin}{name}{end}"


def _by_suffix(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """The one ending with which most pictures have a file."""
    begins = set(chain.from_iterable(wanted.values()))
    by_ending: dict[str, dict[str, str]] = {}
    for file in files:
        for cut in range(file.rfind("/") + 1, len(file)):
            begin = file[:cut]
            end = file[cut:]
            if begin in begins and end[0] in SEPARATORS and end not in by_ending:
                by_ending[end] = _with_addition(wanted, set(files), "", end)
    return _most("suffix", "end in", by_ending)


def _by_prefix(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """The one beginning with which most pictures have a file."""
    keys = chain.from_iterable(wanted.values())
    names = {key.rpartition("/")[2] for key in keys}
    by_begin: dict[str, dict[str, str]] = {}
    for file in files:
        name = file.rpartition("/")[2]
        for cut in range(1, len(name)):
            begin = name[:cut]
            end = name[cut:]
            if end in names and begin[-1] in SEPARATORS and begin not in by_begin:
                by_begin[begin] = _with_addition(wanted, set(files), begin, "")
    return _most("prefix", "begin with", by_begin)


def _most(
    rule: Rule, verb: str, by_addition: Mapping[str, dict[str, str]]
) -> MatchedNames:
    """The addition with which most pictures have a file."""
    ordered = sorted(by_addition, key=lambda one: -len(by_addition[one]))
    if not ordered:
        return MatchedNames(rule, f"an added {rule}", {})
    best, *others = ordered
    if others and len(by_addition[others[0]]) == len(by_addition[best]):
        raise InputError(
            f"ambiguous names: {len(by_addition[best])} files {verb} '{best}' and as many {verb} "
            f"'{others[0]}'; keep one kind in the folder"
        )
    return MatchedNames(rule, f"the {rule} '{best}'", by_addition[best])


def _by_order(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """Numbers that are close to the pictures' own, else a running number for all of them."""
    close = _neighbours(wanted, files)
    if close:
        return MatchedNames("order", "the number beside it", close)
    return _running(wanted, files)


def _neighbours(wanted: Keys, files: Sequence[str]) -> dict[str, str]:
    """Matches like the two shots of DPDD: one name, except for a number that differs by one."""
    # Where a file has another picture's name, or its number, numbers do not say which it is of.
    keys = {name: keys[0] for name, keys in wanted.items() if len(keys) == 1}
    pictures = _numbered(list(keys.values()))
    numbered = _numbered(files)
    if not set(files).isdisjoint(keys.values()):
        return {}
    for begin, group in numbered.items():
        if dict(pictures.get(begin, [])).keys() & dict(group):
            return {}
    named = {key: name for name, key in keys.items()}
    matches = {}
    for begin, group in numbered.items():
        for file, picture in _beside(group, pictures.get(begin, [])):
            matches[named[picture]] = file
    return matches


def _beside(files: Numbers, pictures: Numbers) -> list[tuple[str, str]]:
    """File and picture of close numbers: in turn if equally many, else those that differ by one."""
    # The sharp shot of DPDD is sometimes the first of the two.
    if len(files) == len(pictures):
        partners = by_number([n for n, _ in files], [n for n, _ in pictures])
        pairs = zip(files, partners, strict=True)
        matches = []
        for (_, file), place in pairs:
            if place is not None:
                _, picture = pictures[place]
                matches.append((file, picture))
        return matches
    picture_of = dict(pictures)
    file_of = dict[str, str]()
    for number, file in files:
        near = [picture_of[n] for n in (number - 1, number + 1) if n in picture_of]
        between = " or ".join(near) if len(near) > 1 else ""
        if near and near[0] in file_of:
            between = between or f"that of {near[0]} too"
        if between:
            raise InputError(
                f"order: {len(files)} files for {len(pictures)} pictures, and {file} may be "
                f"{between}; add the missing files, or name them like the pictures"
            )
        file_of |= dict.fromkeys(near, file)
    return [(file, picture) for picture, file in file_of.items()]


def _numbered(names: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Names that end in a number, with this number, by the text before it; ascending."""
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        split = re.fullmatch(r"(.*?)(\d{1,9})", name)
        if split:
            groups[split[1]].append((int(split[2]), name))
    return {begin: sorted(numbers) for begin, numbers in groups.items()}


def _running(wanted: Keys, files: Sequence[str]) -> MatchedNames:
    """Files numbered from 0 or 1 in the order of the pictures' names."""
    groups = _numbered(files)
    numbered = next(iter(groups.values()), [])
    if not numbered or len(numbered) != len(files):
        return MatchedNames("order", "running numbers", {})
    numbers = [number for number, _ in numbered]
    first = numbers[0]
    if first not in (0, 1) or numbers != list(range(first, first + len(numbers))):
        raise InputError(_gap(numbered))
    if len(numbers) != len(wanted):
        raise InputError(
            f"order: {len(numbers)} numbered files cannot be matched with {len(wanted)} pictures; "
            "the order says nothing if some are missing"
        )
    names = sorted(wanted)
    if names != sorted(wanted, key=_natural):
        raise InputError(
            "order: the pictures' own order is ambiguous, as in 2 and 10 without leading zeros; "
            "name the files like the pictures"
        )
    words = f"running numbers {numbered[0][1]} to {numbered[-1][1]}"
    ordered = [file for _, file in numbered]
    return MatchedNames("order", words, dict(zip(names, ordered, strict=True)))


def _is_run(files: Sequence[str]) -> bool:
    """Whether all files are numbered without a gap, from 0 or 1."""
    groups = _numbered(files)
    numbers = [number for number, _ in next(iter(groups.values()), [])]
    whole = len(groups) == 1 and len(numbers) == len(files)
    return whole and numbers in ([*range(len(files))], [*range(1, len(files) + 1)])


def _gap(numbered: Numbers) -> str:
    """Why files are not taken in their order: the first number that is not there."""
    first, first_name = numbered[0]
    last, last_name = numbered[-1]
    said = "order: the files are not numbered from 0 or 1 without a gap"
    known = dict(numbered)
    lacking = next((n for n in range(first, last) if n not in known), None)
    if first in (0, 1) and lacking is not None:
        said += f" ({lacking} is missing between '{first_name}' and '{last_name}')"
    return f"{said}, so their order does not name the pictures; name them like the pictures"


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order in which 2 comes before 10."""
    order = []
    for piece in filter(None, re.split(r"(\d+)", name)):
        is_number = piece.isdecimal()
        order.append((0, int(piece), "") if is_number else (1, 0, piece))
    return order


_BY_RULE: Mapping[Rule, Callable[[Keys, Sequence[str]], MatchedNames]] = {
    "stem": _by_stem,
    "suffix": _by_suffix,
    "prefix": _by_prefix,
    "order": _by_order,
}
