"""Details of a release from a TOML file: title, people, licence, faces."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from defocus.datasets.api import reader_card
from defocus.datasets.pair import Dataset
from defocus.datasets.reader_card import OWN_PICTURES
from defocus.datasets.release.terms import NO_LICENCE, licence_problem
from defocus.errors import SettingsError
from defocus.settings import Settings, load_settings, parse_settings

__all__ = [
    "NOT_DECLARED",
    "Author",
    "Details",
    "NamedPerson",
    "details_of",
    "is_doi",
    "later_version",
    "name_of",
]

NOT_DECLARED = "not declared: nobody has said whether there are any"


def _day(text: str) -> str:
    if text and not _is_day(text):
        raise ValueError("a date is a day that exists, written YYYY-MM-DD")
    return text


def _written(value: object) -> object:
    """A date as text; TOML has dates of its own, without quotes."""
    return value.isoformat() if type(value) is date else value


def _doi(text: str) -> str:
    if text and not is_doi(text):
        raise ValueError("a DOI is written without an address, such as 10.5281/zenodo.123456")
    return text


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+", text, re.ASCII):
        raise ValueError("a version is three numbers, such as 1.0.0")
    return text


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _orcid(text: str) -> str:
    """Check an ORCID; its last character is a checksum, ISO 7064 MOD 11-2."""
    if text and not re.fullmatch(r"(\d{4}-){3}\d{3}[\dX]", text, re.ASCII):
        raise ValueError("an ORCID is written 0000-0002-1825-0097, without an address")
    total = 0
    for digit in text.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    if text and text[-1] != "0123456789X"[(12 - total % 11) % 11]:
        raise ValueError("no ORCID: its last character does not fit the others")
    return text


def _some_name(text: str) -> str:
    if not text.strip():
        raise ValueError("a name has letters")
    return text


class NamedPerson(Settings):
    """One author, with an ORCID such as ``0000-0002-1825-0097``."""

    family: Annotated[str, Field(min_length=1)]
    given: str = ""
    orcid: Annotated[str, AfterValidator(_orcid)] = ""
    affiliation: str = ""


Author: TypeAlias = NamedPerson | Annotated[str, AfterValidator(_some_name)]
_DOI = r"10\.\d{4,9}/\S+"
Doi = Annotated[str, AfterValidator(_doi)]


def is_doi(text: object) -> bool:
    """Whether something is a DOI, without a prefix."""
    return isinstance(text, str) and re.fullmatch(_DOI, text) is not None


def name_of(author: Author) -> str:
    """Name of a person or group, as it is read."""
    if isinstance(author, NamedPerson):
        return f"{author.given} {author.family}".strip()
    return author


class Details(Settings):
    """Details for the documents of a release."""

    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    authors: tuple[Author, ...] = ()
    licence: str = NO_LICENCE  # SPDX identifier or expression; a reader's card may have words
    licence_url: str = ""  # where the terms are
    citation: str = ""  # in words
    doi: Doi = ""  # of the release, without a prefix
    version: Annotated[str, AfterValidator(_version)] = "1.0.0"
    # of publication; the only part of a release that depends on the day
    date: Annotated[str, BeforeValidator(_written), AfterValidator(_day)] = ""
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""  # web page of the dataset
    keywords: tuple[str, ...] = ("defocus deblurring", "image restoration")
    # whether people can be recognised in the pictures, and that they agreed
    faces: str = NOT_DECLARED
    publisher: str = ""  # such as ``Zenodo``
    paper: Doi = ""  # DOI of the paper on the dataset
    new_version_of: Doi = ""  # DOI of the release that this one replaces
    collection: str = ""  # how the pictures were taken, where their metadata does not say
    biases: str = ""  # what the pictures do not show, or show too often


def later_version(details: Details, version: str | None, before: Details | None) -> Details:
    """The details with a version later than that of the release before, and with its DOI."""
    told: dict[str, object] = details.model_dump()
    if version is not None:
        told["version"] = version
    if before is not None and not details.new_version_of:
        told["new_version_of"] = before.doi
    changed = parse_settings(Details, told, origin="--version")
    if before is not None and _parts(changed.version) <= _parts(before.version):
        raise SettingsError(
            f"version {changed.version} is not later than {before.version} of --previous; give "
            "--version"
        )
    return changed


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def details_of(dataset: Dataset, file: Path | None) -> Details:
    """Read the details from the user's file, or take those known from the dataset's reader."""
    if file is not None:
        details = load_settings(Details, file)
        if problem := licence_problem(details.licence):
            raise SettingsError(f"{file}: 'licence': {problem}")
        return details
    card = reader_card(dataset.source or dataset.name.partition(":")[0])
    if card.licence == OWN_PICTURES:
        return Details(title=dataset.root.name)
    return Details(
        title=card.title,
        licence=card.licence,
        citation=card.citation,
        authors=card.authors,
        date=card.date,
        faces=card.faces or NOT_DECLARED,
    )
