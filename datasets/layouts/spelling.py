"""Names of files in other spellings: without folders, capitals and leading zeros."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from defocus.errors import InputError

__all__ = ["SPELLINGS", "Keys", "respelled"]

Keys: TypeAlias = Mapping[str, Sequence[str]]
"""The names that a file of each wanted picture may have, without their suffixes."""


def respelled(
    wanted: Keys, files: Sequence[str], spell: Callable[[str], str]
) -> tuple[Keys, Mapping[str, str]]:
    """Pictures' and files' names in another spelling; two that become one are an ``InputError``."""
    known: dict[str, str] = {}
    for file in files:
        other = known.setdefault(spell(file), file)
        if other is not file:
            raise InputError(f"'{other}' and '{file}' may be of one picture; give one of them")
    keys = {name: tuple(dict.fromkeys(map(spell, mine))) for name, mine in wanted.items()}
    owners = [key for mine in keys.values() for key in mine]
    if len(set(owners)) < len(owners):
        raise InputError("names of two pictures differ in folders, capitals or zeros alone")
    return keys, known


def _without_folders(name: str) -> str:
    return name.rpartition("/")[2]


def _plainly(name: str) -> str:
    """The name without capitals, and without zeros before a number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.casefold())


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "folders left out": _without_folders,
    "capitals and leading zeros left out": _plainly,
    "folders, capitals and leading zeros left out": lambda name: _plainly(_without_folders(name)),
}
"""Spellings in which names are compared, by their description."""
