"""``README.md``, the card of a release, and its citation, whatever the date and the computer."""

import functools
import json
import lzma
import re
import unicodedata
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import chain
from typing import Any
from urllib.parse import quote

from defocus.datasets.pair import without_empty
from defocus.datasets.release.details import (
    NO_LICENCE,
    NOT_DECLARED,
    Author,
    Details,
    NamedPerson,
    hub_licence,
    identifiers,
    licence_address,
    name_of,
    spdx,
)
from defocus.datasets.release.facts import ReleaseFacts
from defocus.datasets.release.formats.layout import ReleaseFormat
from defocus.datasets.release.provenance import (
    dropped_text,
    numbers_text,
    steps_text,
    taken_with_text,
)
from defocus.pictures import PICTURE_FORMAT, PICTURE_TYPE

Entry = dict[str, str]
"""An object of a document that holds only texts."""

_SPECIAL = re.compile(r"[&%$#_{}]")


def citation_text(facts: ReleaseFacts, details: Details) -> str:
    """``CITATION.cff``."""
    authors = details.authors or (f"The authors of {details.title}",)
    entries: dict[str, object] = {
        "cff-version": "1.2.0",
        "message": details.citation or "If you use this dataset, please cite it.",
        "type": "dataset",
        "title": details.title,
        "version": details.version,
        "authors": list(map(_cff_author, authors)),
        "keywords": [*details.keywords],
    }
    references = (
        [{"type": "article", "doi": details.paper, **_CFF_PAPER}]
        if details.paper
        else []
    )
    optional: dict[str, object] = {
        "license": spdx(details.licence),
        "license-url": "" if spdx(details.licence) else details.licence_url,
        "doi": details.doi,
        "date-released": details.date,
        "url": details.url,
        "abstract": " ".join(filter(None, (details.description, methods(facts)))),
        "references": references,
    }
    return _yaml(entries | without_empty(optional))


def _yaml(entries: Mapping[str, object]) -> str:
    """Lines of YAML, every value written as JSON, which is YAML too."""
    lines = []
    for key, value in entries.items():
        text = json.dumps(value, ensure_ascii=False)
        lines.append(f"{key}: {text}\n")
    return "".join(lines)


_CFF_PAPER = {
    "title": "The paper on this dataset",
    "authors": [{"name": "see the DOI"}],
}
"""Fields that the format requires of a reference whose DOI alone is known."""


def _cff_author(author: Author) -> Entry:
    if not isinstance(author, NamedPerson):
        return {"name": author}
    entry = {
        "family-names": author.family,
        "given-names": author.given,
        "orcid": f"https://orcid.org/{author.orcid}" if author.orcid else "",
        "affiliation": author.affiliation,
    }
    return without_empty(entry)


def methods(facts: ReleaseFacts) -> str:
    """How the dataset was made and what was measured of it, in plain sentences on one line."""
    texts = (facts.pictures, taken_with_text(facts.settings), steps_text(facts.steps))
    lines = chain.from_iterable(map(str.splitlines, texts))
    sentences = [line.removeprefix("- ") for line in lines]
    return " ".join([*sentences, *numbers_text(facts.numbers)])


def bibtex(details: Details) -> str:
    """A BibTeX entry; groups are kept together by braces."""
    authors = " and ".join(map(_bibtex_name, details.authors))
    year = details.date[:4]
    fields = {
        "title": f"{{{_escaped(details.title)}}}",
        "author": authors,
        "year": year,
        "version": details.version,
        "publisher": _escaped(details.publisher),
        "doi": details.doi,
        "url": details.url,
    }
    lines = [f"@misc{{{_bibtex_word(details)}{year},"]
    for key, value in without_empty(fields).items():
        lines.append(f"  {key} = {{{value}}},")
    return "\n".join([*lines, "}"])


def _bibtex_word(details: Details) -> str:
    """A word of ASCII letters for the entry's key: of the first author, else of the title."""
    first = details.authors[0] if details.authors else details.title
    name = first.family if isinstance(first, NamedPerson) else first.split()[0]
    for text in (name, *details.title.split()):
        plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).lower()
        if word := re.sub(r"[^a-z0-9]+", "", plain):
            return word
    return "dataset"


def _bibtex_name(author: Author) -> str:
    if not isinstance(author, NamedPerson):
        return f"{{{_escaped(author)}}}"
    return _escaped(
        f"{author.family}, {author.given}" if author.given else f"{{{author.family}}}"
    )


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", text)


def datacite_text(facts: ReleaseFacts, details: Details) -> str:
    """``datacite.json``: the attributes that DataCite registers with a DOI."""
    return json.dumps(datacite(facts, details), indent=1, ensure_ascii=False) + "\n"


def datacite(facts: ReleaseFacts, details: Details) -> dict[str, Any]:
    """DataCite's attributes of a release, without those that are unknown."""
    document = {
        "doi": details.doi,
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {
            "resourceTypeGeneral": "Dataset",
            "resourceType": "Pairs of pictures",
        },
        "titles": [{"title": details.title}],
        "creators": list(map(_datacite_creator, details.authors)),
        "publisher": {"name": details.publisher} if details.publisher else "",
        "publicationYear": details.date[:4],
        "dates": [{"date": details.date, "dateType": "Issued"}] if details.date else [],
        "subjects": [{"subject": word} for word in details.keywords],
        "language": "en",
        "version": details.version,
        "url": details.url,
        "sizes": [f"{facts.pairs} pairs"],
        "formats": [PICTURE_TYPE],
        "rightsList": [_rights(details)] if details.licence != NO_LICENCE else [],
        "relatedIdentifiers": list(_related(details)),
        "descriptions": [
            *_description("Abstract", details.description),
            *_description("Methods", methods(facts)),
        ],
    }
    return without_empty(document)


def _datacite_creator(author: Author) -> dict[str, Any]:
    if not isinstance(author, NamedPerson):
        return {"name": author, "nameType": "Organizational"}
    entry = {
        "name": f"{author.family}, {author.given}" if author.given else author.family,
        "nameType": "Personal",
        "givenName": author.given,
        "familyName": author.family,
        "affiliation": [{"name": author.affiliation}] if author.affiliation else [],
        "nameIdentifiers": [_orcid(author.orcid)] if author.orcid else [],
    }
    return without_empty(entry)


def _orcid(number: str) -> Entry:
    return {
        "nameIdentifier": f"https://orcid.org/{number}",
        "nameIdentifierScheme": "ORCID",
        "schemeUri": "https://orcid.org",
    }


def _rights(details: Details) -> Entry:
    entry = {
        "rights": details.licence,
        "rightsUri": details.licence_url or licence_address(details.licence),
        "rightsIdentifier": spdx(details.licence).lower(),
        "rightsIdentifierScheme": "SPDX" if spdx(details.licence) else "",
    }
    return without_empty(entry)


def _related(details: Details) -> Iterator[Entry]:
    relations = (
        ("IsSupplementTo", details.paper),
        ("IsNewVersionOf", details.new_version_of),
    )
    for relation, doi in relations:
        if doi:
            entry = {"relatedIdentifier": doi, "relatedIdentifierType": "DOI"}
            yield {**entry, "relationType": relation}


def _description(kind: str, text: str) -> list[Entry]:
    return [{"description": text, "descriptionType": kind}] if text else []


HOLDERS = re.compile(r"(Copyright \(c\) )<year> <(?:owner|copyright holders)>")
"""Blank that the texts of MIT, BSD and some other licences leave to be filled in."""


def licence_text(details: Details) -> str:
    """Text of ``LICENSE``: identifier, address, and the text of each licence and exception."""
    # Own terms (``LicenseRef-NAME``) have their address alone.
    if details.licence == NO_LICENCE:
        return "No licence was given: ask the authors before you use or share this dataset.\n"
    names = identifiers(details.licence)
    head = (
        f"SPDX-License-Identifier: {details.licence}\n"
        if names
        else f"{details.licence}\n"
    )
    address = details.licence_url
    lines = [
        head,
        f"{address}\n" if address else "",
        *(_of(name, details) for name in names),
    ]
    return "\n".join(filter(None, lines))


def _of(name: str, details: Details) -> str:
    """Name, address and text of a licence; a copyright line names year and holders."""
    texts = _texts()
    text = texts.get(name) or texts[name.removesuffix("+")]
    holders = (
        ", ".join(map(name_of, details.authors)) or f"the authors of {details.title}"
    )
    text = HOLDERS.sub(lambda match: f"{match[1]}{details.date[:4]} {holders}", text)
    return f"{name}\n\n{licence_address(name)}\n\n{text}"


@functools.cache
def _texts() -> Entry:
    file = resources.files("defocus.datasets.release").joinpath("licence_texts.json.xz")
    return dict(json.loads(lzma.decompress(file.read_bytes())))


SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)
MOST_SIZES = 4
MOST_WARNINGS = 6
ROLES = ("blurry", "sharp")
DEPTH_WARNING = f"""\
Pictures are {PICTURE_FORMAT} of 8 or 16 bits, sRGB. **Pillow, and with it most libraries, reads \
16-bit colour
as 8 bit without a word**: read the bytes with OpenCV (`cv2.imdecode(…, cv2.IMREAD_UNCHANGED)`,
which gives BGR) or with `defocus`.
"""
REMOVED = (
    "Positions, serial numbers and names were removed from pictures and metadata.\n"
)


def card_text(facts: ReleaseFacts, details: Details, layout: ReleaseFormat) -> str:
    """Text of ``README.md``: YAML front matter and a readable card."""
    making = taken_with_text(facts.settings) + steps_text(facts.steps)
    parts = [
        f"---\n{_front_matter(facts, details, layout)}---\n",
        f"# {details.title}\n",
        f"{_byline(details)}\n",
        f"{details.description}\n" if details.description else "",
        _pictures(facts),
        f"{_glance(facts, details)}\n",
        f"## Content\n\n{_content(facts)}",
        f"## What the pictures are\n\n{facts.pictures}",
        f"## How they were made\n\n{making}" if making else "",
        f"## Measured\n\n{_measured(facts)}" if facts.numbers else "",
        f"## Known biases\n\n{_sentence(details.biases)}\n" if details.biases else "",
        f"## Files\n\n{layout.usage}\n`pairs.csv` lists all pairs.\n{DEPTH_WARNING}",
        f"## Terms\n\n{_terms(details)}",
        f"## Cite\n\n```bibtex\n{bibtex(details)}\n```\n",
        f"## People and privacy\n\nRecognisable faces: {_sentence(details.faces)}\n{REMOVED}",
        "## Integrity\n\n`sha256sum -c manifest-sha256.txt` or `defocus-data verify .`\n",
    ]
    return "\n".join(filter(None, parts))


def _byline(details: Details) -> str:
    """Authors and version in one line."""
    people = ", ".join(map(name_of, details.authors))
    parts = [people, f"version {details.version}", details.date]
    doi = f"[doi:{details.doi}](https://doi.org/{details.doi})" if details.doi else ""
    return " · ".join(filter(None, [*parts, doi]))


def _front_matter(facts: ReleaseFacts, details: Details, layout: ReleaseFormat) -> str:
    """The YAML above the card."""
    licence = hub_licence(details.licence)
    entries: dict[str, object] = {"license": licence}
    if licence == "other":
        entries |= {"license_name": "see-license", "license_link": "LICENSE"}
    entries |= {
        "pretty_name": details.title,
        "task_categories": ["image-to-image"],
        "tags": [*details.keywords],
        "size_categories": [
            next((name for most, name in SIZES if facts.pairs < most), "n>1M")
        ],
    }
    configs = _configs(facts, layout)
    if configs:
        entries["configs"] = [{"config_name": "default", "data_files": configs}]
    return _yaml(entries)


def _configs(facts: ReleaseFacts, layout: ReleaseFormat) -> list[Entry]:
    """Which files each split has, for Hugging Face's library."""
    patterns = {"imagefolder": "{}/**", "webdataset": "{}-*.tar"}
    if layout.name not in patterns:
        return []
    pattern = patterns[layout.name]
    return [{"split": split, "path": pattern.format(split)} for split in facts.counts]


def _content(facts: ReleaseFacts) -> str:
    lines = ["| split | pairs | scenes |", "|---|---:|---:|"]
    for name, number in sorted(facts.counts.items()):
        lines.append(f"| {name} | {number.pairs} | {number.scenes} |")
    return "\n".join(lines) + "\n\nNo scene is in two splits.\n"


def _pictures(facts: ReleaseFacts) -> str:
    """The members of a pair side by side, as Markdown; empty where they lie in shards."""
    if len(facts.shown) != 2:
        return ""
    named = zip(ROLES, facts.shown, strict=True)
    blurry, sharp = (f"![{role}]({quote(name)})" for role, name in named)
    return f"| blurry | sharp |\n|---|---|\n| {blurry} | {sharp} |\n"


def _glance(facts: ReleaseFacts, details: Details) -> str:
    """Lines with what a reader asks first: how many, how large, with what, under which terms."""
    scenes = sum(one.scenes for one in facts.counts.values())
    sizes = ", ".join(f"{size} ({pairs})" for size, pairs in facts.sizes[:MOST_SIZES])
    more = len(facts.sizes) - MOST_SIZES
    settings = dict(facts.settings)
    rows = {
        "Pairs": f"{facts.pairs} of {scenes} scenes",
        "Sizes": sizes + (f" and {more} more" if more > 0 else ""),
        "Download": f"{facts.bytes / 1e6:.1f} MB" if facts.bytes else "",
        "Camera": settings.get("camera", ""),
        "Lens": settings.get("lens", ""),
        "Licence": details.licence,
        "Left out": _left_out(facts),
        "Warnings": _warnings(facts),
    }
    lines = [f"- **{name}**: {text}" for name, text in without_empty(rows).items()]
    return "\n".join(lines)


def _left_out(facts: ReleaseFacts) -> str:
    unread = len(facts.left_out or ())
    reasons = [
        dropped_text(facts.steps),
        f"{unread} that could not be read" if unread else "",
    ]
    return "; ".join(filter(None, reasons))


def _warnings(facts: ReleaseFacts) -> str:
    """Warnings of the audit; empty without an audit."""
    if facts.warnings is None:
        return ""
    more = len(facts.warnings) - MOST_WARNINGS
    lines = [*facts.warnings[:MOST_WARNINGS], *([f"{more} more"] if more > 0 else [])]
    return "; ".join(lines) or "none"


def _measured(facts: ReleaseFacts) -> str:
    lines = ["| over all pairs | median | 95 % | largest |", "|---|---:|---:|---:|"]
    for one in facts.numbers:
        title = f"{one.title}, {one.unit}" if one.unit else one.title
        lines.append(f"| {title} | {one.median:.3g} | {one.p95:.3g} | {one.max:.3g} |")
    return "\n".join(lines) + "\n"


def _terms(details: Details) -> str:
    address = details.licence_url or licence_address(details.licence)
    lines = [
        f"Licence: {_sentence(details.licence)}",
        f"<{address}>" if address else "",
    ]
    if details.citation:
        lines.append(f"Cite: {_sentence(details.citation)}")
    return "\n".join(filter(None, lines)) + "\n"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def undeclared(details: Details) -> list[str]:
    """Missing statements of a release, as a card's keys."""
    missing = []
    if details.licence == NO_LICENCE:
        missing.append("licence")
    if details.faces == NOT_DECLARED:
        missing.append("faces")
    if not details.authors:
        missing.append("authors")
    if not details.date:
        missing.append("date")
    return missing
