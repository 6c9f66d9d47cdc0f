"""Details of a release from a TOML file: title, people, licence, faces."""

import contextlib
import json
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from defocus.datasets.api import card_of, reader_card
from defocus.datasets.pair import OWN_PICTURES, Dataset
from defocus.errors import DatasetError, SettingsError
from defocus.near_names import did_you_mean
from defocus.settings import Settings, load_settings, parse_settings

LIST = Path(__file__).with_name("spdx.json")
OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+", re.IGNORECASE)


@cache
def _names(kind: str) -> dict[str, str]:
    """The identifiers of the list by their lower case: ``licences`` or ``exceptions``."""
    return {
        name.lower(): name
        for name in json.loads(LIST.read_text(encoding="utf-8"))[kind]
    }


def canonical_expression(text: str) -> str | None:
    """An expression with its identifiers as the list writes them, such as ``MIT``; None if none."""
    written: list[str] = []
    before, depth = "OR", 0  # what is before: an operator, "(", ")" or a kind of name
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        wanted = before in BEFORE_NAMES
        kind = word.upper()
        part: str | None = kind
        if word == "(":
            depth += 1
            right = wanted and before != "WITH"
        elif word == ")":
            depth -= 1
            right = not wanted and depth >= 0
        elif kind == "WITH":
            right = before == "licence"
        elif kind in {"AND", "OR"}:
            right = not wanted
        else:
            part, kind = _named(word, exception=before == "WITH")
            right = wanted
        if part is None or not right:
            return None
        written.append(part)
        before = kind
    if depth or before in BEFORE_NAMES:
        return None
    return " ".join(written).replace("( ", "(").replace(" )", ")")


def _named(word: str, *, exception: bool) -> tuple[str | None, str]:
    """A name as the list writes it, and its kind; None if the list lacks it."""
    if exception:
        return _names("exceptions").get(word.lower()), "exception"
    return _licence(word), "licence"


def _licence(word: str) -> str | None:
    """An identifier as the list writes it, another name as it is; None if neither."""
    if OWN.fullmatch(word):
        return f"LicenseRef-{word[len('LicenseRef-') :]}"
    name = _names("licences").get(word.removesuffix("+").lower())
    return None if name is None else name + "+" * word.endswith("+")


BEFORE_NAMES = {"AND", "OR", "WITH", "("}
"""Words after which an expression goes on with a name or another expression."""

NO_LICENCE = "none given"

ADDRESSES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "CC-BY-ND-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
    "MIT": "https://spdx.org/licenses/MIT.html",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
}
SPDX_ADDRESS = "https://spdx.org/licenses/{}.html"
"""Address of the text of every other licence of the SPDX list."""
HUB_NAMES = {"ODbL-1.0": "odbl", "ODC-By-1.0": "odc-by"}


def require_redistributable(dataset: Dataset) -> None:
    """Refuse pictures whose terms, or those of their original reader, forbid redistribution."""
    for reader in sorted({dataset.name.partition(":")[0], dataset.source} - {""}):
        card = reader_card(reader)
        if not card.redistributable:
            raise DatasetError(
                f"{card.title}: its pictures may not be given to others (terms: {card.licence}); "
                "release a sidecar instead, with 'defocus-data sidecar'"
            )


def licence_problem(licence: str) -> str:
    """Why a text is no SPDX licence or ``LicenseRef-NAME``; empty if it is, or names none."""
    if licence == NO_LICENCE:
        return ""
    written = canonical_expression(licence)
    if written is None:
        near = did_you_mean(licence.replace(" ", "-"), ADDRESSES, most=1)
        hint = near or "such as 'CC-BY-4.0'."
        return (
            f"'{licence}' is not an SPDX identifier; {hint} Own terms are written "
            "'LicenseRef-NAME', with 'licence_url'"
        )
    return "" if written == licence else f"'{licence}' is written '{written}'"


def spdx(licence: str) -> str:
    """The SPDX identifier at the start of terms that are one licence; empty for others."""
    if licence != NO_LICENCE and not licence_problem(licence):
        return licence if identifiers(licence) == (licence,) else ""
    first = licence.lower().replace(";", " ").replace(",", " ").split()[:1]
    return next((name for name in ADDRESSES if [name.lower()] == first), "")


def identifiers(licence: str) -> tuple[str, ...]:
    """All licences and exceptions of the SPDX list that the terms name, in their order."""
    if not licence or licence == NO_LICENCE or licence_problem(licence):
        return (spdx(licence),) if spdx(licence) else ()
    words = re.findall(r"[\w.+-]+", licence)
    names = []
    for word in words:
        if word in {"AND", "OR", "WITH"} or word.startswith("LicenseRef-"):
            continue
        names.append(word)
    return tuple(names)


def licence_address(licence: str) -> str:
    """Address of the terms of a licence of the SPDX list; empty for others and for several."""
    name = spdx(licence)
    if name:
        return ADDRESSES.get(name, SPDX_ADDRESS.format(name.removesuffix("+")))
    return ""


def hub_licence(licence: str) -> str:
    """Hugging Face's name of a licence; ``other`` if it has none."""
    name = spdx(licence)
    return HUB_NAMES.get(name, name.lower()) if name in ADDRESSES else "other"


NOT_DECLARED = "not declared: nobody has said whether there are any"


def _day(text: str) -> str:
    with contextlib.suppress(ValueError):
        if not text or date.fromisoformat(text).isoformat() == text:
            return text
    raise ValueError("a date is a day that exists, written YYYY-MM-DD")


def _written(value: object) -> object:
    """A date as text; TOML has its own dates, without quotes."""
    return value.isoformat() if type(value) is date else value


def _doi(text: str) -> str:
    if text and not is_doi(text):
        raise ValueError(
            "a DOI is written without an address, such as 10.5281/zenodo.123456"
        )
    return text


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+", text, re.ASCII):
        raise ValueError("a version is three numbers, such as 1.0.0")
    return text


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
    licence: str = (
        NO_LICENCE  # SPDX identifier or expression; a reader's card may have words
    )
    licence_url: str = ""  # where the terms are
    citation: str = ""  # in words
    doi: Doi = ""  # of the release, without a prefix
    version: Annotated[str, AfterValidator(_version)] = "1.0.0"
    # of publication; the only part of a release that depends on the day
    date: Annotated[str, BeforeValidator(_written), AfterValidator(_day)] = ""
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = (
        ""  # web page of the dataset
    )
    keywords: tuple[str, ...] = ("defocus deblurring", "image restoration")
    # whether people can be recognised in the pictures, and that they agreed
    faces: str = NOT_DECLARED
    publisher: str = ""  # such as ``Zenodo``
    paper: Doi = ""  # DOI of the paper on the dataset
    new_version_of: Doi = ""  # DOI of the release that this one replaces
    collection: str = (
        ""  # how the pictures were taken, where their metadata does not say
    )
    biases: str = ""  # what the pictures do not show, or show too often

    @property
    def labels(self) -> dict[str, str]:
        """Attributes by which a file of many pairs describes itself."""
        return {
            "title": self.title,
            "licence": self.licence,
            "version": self.version,
        }


def later_version(
    details: Details, version: str | None, before: Details | None
) -> Details:
    """The details with a version later than that of the release before, and with its DOI."""
    document: dict[str, object] = details.model_dump()
    if version is not None:
        document["version"] = version
    if before is not None and not details.new_version_of:
        document["new_version_of"] = before.doi
    changed = parse_settings(Details, document, origin="--version")
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
    card = card_of(dataset)
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
