"""Licence terms: whether pictures may be redistributed, and how licences are named."""

import json
import re
from functools import cache
from pathlib import Path

from defocus.datasets.api import reader_card
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError
from defocus.near_names import did_you_mean

__all__ = [
    "NO_LICENCE",
    "canonical_expression",
    "hub_licence",
    "identifiers",
    "licence_address",
    "licence_problem",
    "require_redistributable",
    "spdx",
]


LIST = Path(__file__).with_name("spdx.json")
OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+", re.IGNORECASE)


@cache
def _names(kind: str) -> dict[str, str]:
    """The identifiers of the list by their lower case: ``licences`` or ``exceptions``."""
    return {name.lower(): name for name in json.loads(LIST.read_text(encoding="utf-8"))[kind]}


def canonical_expression(text: str) -> str | None:
    """An expression with its identifiers as the list writes them; None if it is none.

    Example:
        >>> canonical_expression("mit or (apache-2.0 with llvm-exception)")
        'MIT OR (Apache-2.0 WITH LLVM-exception)'
        >>> canonical_expression("MIT OR")
    """
    written: list[str] = []
    before, depth = "OR", 0  # what stands before: an operator, "(", ")" or a name
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        wanted = before in {"AND", "OR", "WITH", "("}
        part: str | None = word.upper()
        if word == "(":
            depth += 1
            right = wanted and before != "WITH"
        elif word == ")":
            depth -= 1
            right = not wanted and depth >= 0
        elif part == "WITH":
            right = before == "licence"
        elif part in {"AND", "OR"}:
            right = not wanted
        else:
            part = _names("exceptions").get(word.lower()) if before == "WITH" else _licence(word)
            right = wanted
        if part is None or not right:
            return None
        written.append(part)
        kinds = {"AND", "OR", "WITH", "(", ")"}
        before = part if part in kinds else "exception" if before == "WITH" else "licence"
    if depth or before in {"AND", "OR", "WITH", "("}:
        return None
    return " ".join(written).replace("( ", "(").replace(" )", ")")


def _licence(word: str) -> str | None:
    """An identifier as the list writes it, a name of one's own as it stands; None if neither."""
    if OWN.fullmatch(word):
        return f"LicenseRef-{word[len('LicenseRef-') :]}"
    name = _names("licences").get(word.removesuffix("+").lower())
    return None if name is None else name + "+" * word.endswith("+")


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
"""Where the text of every other licence of the SPDX list is."""
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
    """Why a text is no SPDX licence; empty if it is one (or ``LicenseRef-NAME``), or says none."""
    if licence == NO_LICENCE:
        return ""
    written = canonical_expression(licence)
    if written is None:
        near = did_you_mean(licence.replace(" ", "-"), ADDRESSES, most=1)
        hint = near or "such as 'CC-BY-4.0'."
        return (
            f"'{licence}' is no SPDX identifier; {hint} Own terms are written 'LicenseRef-NAME', "
            "with 'licence_url'"
        )
    return "" if written == licence else f"'{licence}' is written '{written}'"


def spdx(licence: str) -> str:
    """The SPDX identifier at the start of terms that are one licence; empty for others."""
    if licence != NO_LICENCE and not licence_problem(licence):
        return licence if identifiers(licence) == (licence,) else ""
    first = licence.replace(";", " ").replace(",", " ").split()[:1]
    return next((name for name in ADDRESSES if [name.lower()] == [f.lower() for f in first]), "")


def identifiers(licence: str) -> tuple[str, ...]:
    """All licences and exceptions of the SPDX list that the terms name, in their order."""
    if not licence or licence == NO_LICENCE or licence_problem(licence):
        return (spdx(licence),) if spdx(licence) else ()
    words = re.findall(r"[\w.+-]+", licence)
    names = [word for word in words if word not in {"AND", "OR", "WITH"}]
    return tuple(name for name in names if not name.startswith("LicenseRef-"))


def licence_address(licence: str) -> str:
    """Address of the terms of a licence of the SPDX list; empty for others and for several."""
    name = spdx(licence)
    return ADDRESSES.get(name, SPDX_ADDRESS.format(name.removesuffix("+"))) if name else ""


def hub_licence(licence: str) -> str:
    """Hugging Face's name of a licence; ``other`` if it has none."""
    name = spdx(licence)
    return HUB_NAMES.get(name, name.lower()) if name in ADDRESSES else "other"
