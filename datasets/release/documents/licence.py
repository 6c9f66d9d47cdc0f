"""``LICENSE``: the text of the terms.

The texts are those of the SPDX licence list, in ``licence_texts.json``.
"""

import json
from importlib import resources

from defocus.datasets.release.details import Details, name_of
from defocus.datasets.release.terms import NO_LICENCE, licence_address, spdx

__all__ = ["licence_text"]


def licence_text(details: Details) -> str:
    """Text of ``LICENSE``: identifier, address, and the whole text of a well-known licence."""
    if details.licence == NO_LICENCE:
        return "No licence was given: ask the authors before you use or share this dataset.\n"
    name = spdx(details.licence)
    address = details.licence_url or licence_address(details.licence)
    lines = [f"SPDX-License-Identifier: {name}\n" if name else "", f"{details.licence}\n"]
    lines += [f"{address}\n" if address else "", _whole(name, details) if name else ""]
    return "\n".join(line for line in lines if line)


def _whole(name: str, details: Details) -> str:
    """The licence's text; that of MIT names year and holders."""
    file = resources.files("defocus.datasets.release.documents").joinpath("licence_texts.json")
    text: str = json.loads(file.read_text(encoding="utf-8"))[name]
    holders = ", ".join(map(name_of, details.authors)) or f"the authors of {details.title}"
    return text.replace("<year>", details.date[:4]).replace("<copyright holders>", holders)
