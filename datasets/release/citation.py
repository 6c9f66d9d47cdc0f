"""How a release is cited: ``CITATION.cff`` 1.2.0, BibTeX, and DataCite's metadata 4.5 as JSON."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from defocus.datasets.release.details import Author, Details, NamedPerson
from defocus.datasets.release.facts import ReleaseFacts
from defocus.datasets.release.provenance import numbers_text, steps_text, taken_with_text
from defocus.datasets.release.terms import NO_LICENCE, licence_address, spdx

__all__ = ["bibtex", "citation_text", "datacite", "datacite_text", "methods"]

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
        "authors": [_cff_author(one) for one in authors],
        "keywords": [*details.keywords],
    }
    references = [{"type": "article", "doi": details.paper, **_CFF_PAPER}] if details.paper else []
    optional: dict[str, object] = {
        "license": spdx(details.licence),
        "license-url": "" if spdx(details.licence) else details.licence_url,
        "doi": details.doi,
        "date-released": details.date,
        "url": details.url,
        "abstract": " ".join(part for part in (details.description, methods(facts)) if part),
        "references": references,
    }
    entries |= {key: value for key, value in optional.items() if value}
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in entries.items())
    return "".join(lines)


_CFF_PAPER = {"title": "The paper on this dataset", "authors": [{"name": "see the DOI"}]}
"""What the format requires of a reference of which only the DOI is known."""


def _cff_author(author: Author) -> dict[str, str]:
    if not isinstance(author, NamedPerson):
        return {"name": author}
    known = {
        "family-names": author.family,
        "given-names": author.given,
        "orcid": f"https://orcid.org/{author.orcid}" if author.orcid else "",
        "affiliation": author.affiliation,
    }
    return {key: value for key, value in known.items() if value}


def methods(facts: ReleaseFacts) -> str:
    """How the dataset was made and what was measured of it, in plain sentences on one line."""
    told = (facts.pictures, taken_with_text(facts.settings), steps_text(facts.steps))
    lines = [line.removeprefix("- ") for part in told for line in part.splitlines()]
    return " ".join([*lines, *numbers_text(facts.numbers)])


def bibtex(details: Details) -> str:
    """A BibTeX entry; groups are kept together by braces."""
    authors = " and ".join(_bibtex_name(author) for author in details.authors)
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
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@misc{{{_bibtex_word(details)}{year},", *lines, "}"])


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
    return _escaped(f"{author.family}, {author.given}" if author.given else f"{{{author.family}}}")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)


def datacite_text(facts: ReleaseFacts, details: Details) -> str:
    """``datacite.json``: the attributes that DataCite registers with a DOI."""
    return json.dumps(datacite(facts, details), indent=1, ensure_ascii=False) + "\n"


def datacite(facts: ReleaseFacts, details: Details) -> dict[str, Any]:
    """DataCite's attributes of a release, without those that are unknown."""
    document = {
        "doi": details.doi,
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Pairs of pictures"},
        "titles": [{"title": details.title}],
        "creators": [_datacite_creator(author) for author in details.authors],
        "publisher": {"name": details.publisher} if details.publisher else "",
        "publicationYear": details.date[:4],
        "dates": [{"date": details.date, "dateType": "Issued"}] if details.date else [],
        "subjects": [{"subject": word} for word in details.keywords],
        "language": "en",
        "version": details.version,
        "url": details.url,
        "sizes": [f"{facts.pairs} pairs"],
        "formats": ["image/png"],
        "rightsList": [_rights(details)] if details.licence != NO_LICENCE else [],
        "relatedIdentifiers": list(_related(details)),
        "descriptions": [
            *_description("Abstract", details.description),
            *_description("Methods", methods(facts)),
        ],
    }
    return {key: value for key, value in document.items() if value}


def _datacite_creator(author: Author) -> dict[str, Any]:
    if not isinstance(author, NamedPerson):
        return {"name": author, "nameType": "Organizational"}
    known = {
        "name": f"{author.family}, {author.given}" if author.given else author.family,
        "nameType": "Personal",
        "givenName": author.given,
        "familyName": author.family,
        "affiliation": [{"name": author.affiliation}] if author.affiliation else [],
        "nameIdentifiers": [_orcid(author.orcid)] if author.orcid else [],
    }
    return {key: value for key, value in known.items() if value}


def _orcid(number: str) -> dict[str, str]:
    return {
        "nameIdentifier": f"https://orcid.org/{number}",
        "nameIdentifierScheme": "ORCID",
        "schemeUri": "https://orcid.org",
    }


def _rights(details: Details) -> dict[str, str]:
    known = {
        "rights": details.licence,
        "rightsUri": details.licence_url or licence_address(details.licence),
        "rightsIdentifier": spdx(details.licence).lower(),
        "rightsIdentifierScheme": "SPDX" if spdx(details.licence) else "",
    }
    return {key: value for key, value in known.items() if value}


def _related(details: Details) -> Iterator[dict[str, str]]:
    relations = (("IsSupplementTo", details.paper), ("IsNewVersionOf", details.new_version_of))
    for relation, doi in relations:
        if doi:
            yield {
                "relatedIdentifier": doi,
                "relatedIdentifierType": "DOI",
                "relationType": relation,
            }


def _description(kind: str, text: str) -> list[dict[str, str]]:
    return [{"description": text, "descriptionType": kind}] if text else []
