"""Details of a release from a TOML file: title, authors, licence, faces."""

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from defocus.datasets.api import reader_card
from defocus.datasets.pair import Dataset
from defocus.datasets.reader_card import OWN_PICTURES
from defocus.datasets.release.terms import NO_LICENCE, licence_problem
from defocus.errors import SettingsError
from defocus.settings import Settings, load_settings

__all__ = ["NOT_DECLARED", "Details", "details_of"]

NOT_DECLARED = "not declared: nobody has said whether there are any"


def _day(text: str) -> str:
    if text and not _is_day(text):
        raise ValueError("a date is a day that exists, written YYYY-MM-DD")
    return text


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


class Details(Settings):
    """Details for the documents of a release.

    Attributes:
        title: Name of the dataset.
        description: One paragraph.
        authors: Names of people or groups.
        licence: SPDX identifier, or an expression of several; a reader's card may have the terms in
            words.
        licence_url: Where the terms are.
        citation: Citation in words.
        doi: DOI of the release, without a prefix.
        version: Version of the release.
        date: Date of publication, ``YYYY-MM-DD``; the only part of a release that depends on the
            day.
        url: Web page of the dataset.
        keywords: Search keywords.
        faces: Whether people can be recognised in the pictures, and that they agreed.
    """

    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    authors: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    licence: str = NO_LICENCE
    licence_url: str = ""
    citation: str = ""
    doi: Annotated[str, Field(pattern=r"^(10\.\d{4,9}/\S+)?$")] = ""
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = "1.0.0"
    date: Annotated[str, AfterValidator(_day)] = ""
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    keywords: tuple[str, ...] = ("defocus deblurring", "image restoration")
    faces: str = NOT_DECLARED


def details_of(dataset: Dataset, file: Path | None) -> Details:
    """Read the details from the user's file, or take those known from the dataset's reader.

    Raises:
        SettingsError: The file is missing, not TOML, or has an unknown key or licence.
        DatasetError: The pictures come from a dataset without a reader.
    """
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
