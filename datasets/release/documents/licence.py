"""``LICENSE``: the text of the terms.

The texts are those of the SPDX licence list, in ``licence_texts.json``.
"""

import json
from importlib import resources

from defocus.datasets.release.details import Details, name_of
from defocus.datasets.release.terms import NO_LICENCE, identifiers, licence_address

__all__ = ["licence_text"]


def licence_text(details: Details) -> str:
    """Text of ``LICENSE``: identifier, address, and the whole texts of well-known licences.

    Of other licences of the SPDX list it has the address of the text.
    """
    if details.licence == NO_LICENCE:
        return "No licence was given: ask the authors before you use or share this dataset.\n"
    names = identifiers(details.licence)
    head = f"SPDX-License-Identifier: {details.licence}\n" if names else f"{details.licence}\n"
    address = details.licence_url
    lines = [head, f"{address}\n" if address else "", *(_of(name, details) for name in names)]
    return "\n".join(line for line in lines if line)


def _of(name: str, details: Details) -> str:
    """Name, address and text of a licence; that of MIT names year and holders."""
    file = resources.files("defocus.datasets.release.documents").joinpath("licence_texts.json")
    text: str = json.loads(file.read_text(encoding="utf-8")).get(name, "")
    holders = ", ".join(map(name_of, details.authors)) or f"the authors of {details.title}"
    text = text.replace("<year>", details.date[:4]).replace("<copyright holders>", holders)
    return "\n".join(part for part in (f"{name}\n\n{licence_address(name)}\n", text) if part)
