"""``croissant.json``: the dataset described for search engines and loaders, Croissant 1.0."""

import json
import re
from pathlib import Path
from typing import Any

from defocus.datasets.pair import without_empty
from defocus.datasets.pair_files import ARRAYS, FILE_ROLES
from defocus.datasets.release.card import bibtex
from defocus.datasets.release.details import (
    Author,
    Details,
    NamedPerson,
    licence_address,
)
from defocus.datasets.release.facts import ReleaseFacts
from defocus.datasets.release.formats.layout import ReleaseFormat
from defocus.datasets.release.provenance import (
    numbers_text,
    steps_text,
    taken_with_text,
)
from defocus.pictures import PICTURE_TYPE
from defocus.storage.files import sha256_file

Entry = dict[str, Any]
"""An object of the document."""

INDEX = "pairs.csv"
KINDS = {".csv": "text/csv", ".tar": "application/x-tar", ".h5": "application/x-hdf5"}

_TERMS = (
    *(
        "citeAs",
        "column",
        "conformsTo",
        "data",
        "dataType",
        "equivalentProperty",
        "examples",
    ),
    *(
        "extract",
        "field",
        "fileProperty",
        "fileObject",
        "fileSet",
        "format",
        "includes",
    ),
    *(
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
    ),
    *(
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
        "source",
        "subField",
    ),
    "transform",
)
_SPECIAL: Entry = {
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}


def croissant_text(
    root: Path, facts: ReleaseFacts, details: Details, layout: ReleaseFormat
) -> str:
    """The document of a release whose other files are written; details may have a later DOI."""
    # Pictures that are files have a record set for each role, with ``ImageObject`` fields. Those in
    # shards are described by the shards alone, because the library ``mlcroissant`` keeps unpacked
    # archives by their name, and would mix those of two releases.
    distribution = [_file(root, name) for name in (INDEX, *facts.shards)]
    records = [_records(facts)]
    for role in _picture_roles(facts, layout):
        distribution.append(_file_set(role, layout))
        records.append(_pictures(role, layout, _descriptions(facts)[role]))
    document: Entry = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        **_citable(details),
        **_responsible(facts, details),
        "distribution": distribution,
        "recordSet": records,
    }
    kept = {key: value for key, value in document.items() if value not in ("", [])}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _citable(details: Details) -> Entry:
    """Schema.org's vocabulary for who made what, when and under which terms."""
    licence = licence_address(details.licence) or details.licence
    publisher = {"@type": "sc:Organization", "name": details.publisher}
    return {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", details.title).strip("-") or "dataset",
        "alternateName": details.title,
        "description": details.description or details.title,
        "license": details.licence_url or licence,
        "url": f"https://doi.org/{details.doi}" if details.doi else details.url,
        "version": details.version,
        "keywords": [*details.keywords],
        "creator": list(map(_creator, details.authors)),
        "publisher": publisher if details.publisher else "",
        "datePublished": details.date,
        "citeAs": details.citation or bibtex(details),
    }


def _picture_roles(facts: ReleaseFacts, layout: ReleaseFormat) -> list[str]:
    pictures = [
        role for role in FILE_ROLES if role in facts.columns and role not in ARRAYS
    ]
    return pictures if layout.loose else []


def _creator(author: Author) -> Entry:
    if not isinstance(author, NamedPerson):
        return {"@type": "sc:Organization", "name": author}
    institution = {"@type": "sc:Organization", "name": author.affiliation}
    entry = {
        "@type": "sc:Person",
        "name": f"{author.given} {author.family}".strip(),
        "givenName": author.given,
        "familyName": author.family,
        "url": f"https://orcid.org/{author.orcid}" if author.orcid else "",
        "affiliation": institution if author.affiliation else "",
    }
    return without_empty(entry)


def _responsible(facts: ReleaseFacts, details: Details) -> Entry:
    """Croissant's vocabulary for responsible AI: collection, annotation, biases, people."""
    taken = taken_with_text(facts.settings)
    annotations = ["The pictures are not annotated."]
    for step in facts.steps:
        if step.step == "curate":
            number = step.settings.get("by_people")
            annotations.append(
                f"{number} pairs were judged by a person, the others by rules on measurements."
            )
    collection = " ".join(
        _lines(f"{details.collection}\n{facts.pictures}{taken}")
    ).strip()
    return {
        "rai:dataCollection": collection,
        "rai:dataPreprocessingProtocol": _lines(steps_text(facts.steps)),
        "rai:dataAnnotationProtocol": annotations,
        "rai:dataAnnotationAnalysis": numbers_text(facts.numbers),
        "rai:dataBiases": details.biases,
        "rai:personalSensitiveInformation": details.faces,
    }


def _lines(text: str) -> list[str]:
    return [line.removeprefix("- ") for line in text.splitlines()]


def _context() -> Entry:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "dct": "http://purl.org/dc/terms/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "sc": "https://schema.org/",
        **{term: _SPECIAL.get(term, f"cr:{term}") for term in _TERMS},
    }


def _file(root: Path, name: str) -> Entry:
    path = root / name
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": KINDS[path.suffix],
        "sha256": sha256_file(path),
    }


def _file_set(role: str, layout: ReleaseFormat) -> Entry:
    return {
        "@type": "cr:FileSet",
        "@id": f"{role}-files",
        "name": f"{role}-files",
        "encodingFormat": PICTURE_TYPE,
        "includes": layout.pictures.format(role=role, id="*"),
    }


def _pictures(role: str, layout: ReleaseFormat, description: str) -> Entry:
    """The pictures of a role with the ids of their pairs."""
    files = {"@id": f"{role}-files"}
    pattern = ".*".join(
        map(re.escape, layout.pictures.format(role=role, id="\0").split("*"))
    )
    name = {
        "fileSet": files,
        "extract": {"fileProperty": "fullpath"},
        "transform": {"regex": pattern.replace(re.escape("\0"), "(.+)")},
    }
    picture = {"fileSet": files, "extract": {"fileProperty": "content"}}
    return {
        "@type": "cr:RecordSet",
        "@id": role,
        "name": role,
        "description": description,
        "field": [
            _field(f"{role}/id", "Name of the pair.", "sc:Text", name),
            _field(
                f"{role}/picture", f"{description} {DEPTH}", "sc:ImageObject", picture
            ),
        ],
    }


DEPTH = "Loaders that use Pillow give 8 bits of pictures of 16 bits."


def _field(name: str, description: str, kind: str, source: Entry) -> Entry:
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name.rpartition("/")[2],
        "description": description,
        "dataType": kind,
        "source": source,
    }


def _records(facts: ReleaseFacts) -> Entry:
    """The rows of the index, with paths if pictures are separate files."""
    descriptions = _descriptions(facts)
    fields = []
    for column in facts.columns:
        source = {"fileObject": {"@id": INDEX}, "extract": {"column": column}}
        field = _field(f"pairs/{column}", descriptions[column], "sc:Text", source)
        fields.append(field)
    return {
        "@type": "cr:RecordSet",
        "@id": "pairs",
        "name": "pairs",
        "description": "One blurry picture with its sharp one and what else is known of it.",
        "key": {"@id": "pairs/id"},
        "field": fields,
    }


def _descriptions(facts: ReleaseFacts) -> dict[str, str]:
    return {**DESCRIPTIONS, "sharp": facts.sharp}


DESCRIPTIONS = {
    "id": "Name of the pair.",
    "scene": "What is never in two splits.",
    "split": "train, validation or test.",
    "shard": "The file that holds the pair; empty where pictures are files of their own.",
    "blurry": "The picture out of focus.",
    "sharp": "The picture in focus.",
    "truth": "The sharp picture in the geometry of the blurry one.",
    "flow": "True flow from blurry to sharp, float32 (2, H, W), px.",
    "defocus_map": "Signed diameter of the circle of confusion, float32 (H, W), px.",
    "dual_pixel_left": "The view of the left half of the pupil.",
    "dual_pixel_right": "The view of the right half of the pupil.",
    "valid_mask": "White where the sharp picture is valid after compensation.",
}
