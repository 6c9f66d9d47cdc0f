"""``LICENSE``: the text of the terms, from the SPDX licence list 3.27.0 with its exceptions."""

import functools
import json
import lzma
import re
from importlib import resources

from defocus.datasets.release.details import Details, name_of
from defocus.datasets.release.terms import NO_LICENCE, identifiers, licence_address

__all__ = ["licence_text"]

TEXTS = "licence_texts.json.xz"
HOLDERS = re.compile(r"(Copyright \(c\) )<year> <(?:owner|copyright holders)>")
"""What the texts of MIT, BSD and some others leave to be filled in."""


def licence_text(details: Details) -> str:
    """Text of ``LICENSE``: identifier, address, and the text of each licence and exception."""
    # Own terms (``LicenseRef-NAME``) have their address alone.
    if details.licence == NO_LICENCE:
        return "No licence was given: ask the authors before you use or share this dataset.\n"
    names = identifiers(details.licence)
    head = f"SPDX-License-Identifier: {details.licence}\n" if names else f"{details.licence}\n"
    address = details.licence_url
    lines = [head, f"{address}\n" if address else "", *(_of(name, details) for name in names)]
    return "\n".join(line for line in lines if line)


def _of(name: str, details: Details) -> str:
    """Name, address and text of a licence; a copyright line names year and holders."""
    texts = _texts()
    text = texts.get(name) or texts[name.removesuffix("+")]
    holders = ", ".join(map(name_of, details.authors)) or f"the authors of {details.title}"
    text = HOLDERS.sub(lambda found: f"{found[1]}{details.date[:4]} {holders}", text)
    return f"{name}\n\n{licence_address(name)}\n\n{text}"


@functools.cache
def _texts() -> dict[str, str]:
    file = resources.files("defocus.datasets.release.documents").joinpath(TEXTS)
    texts: dict[str, str] = json.loads(lzma.decompress(file.read_bytes()))
    return texts
