"""``croissant.json``: the dataset described for search engines and loaders, Croissant 1.0."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from defocus.datasets.pair import Pair
from defocus.datasets.release.details import Details
from defocus.datasets.release.provenance import pictures_text, sharp_text
from defocus.datasets.release.terms import licence_address
from defocus.files import sha256_file

__all__ = ["croissant_text"]

INDEX = "pairs.csv"
KINDS = {".csv": "text/csv", ".tar": "application/x-tar", ".h5": "application/x-hdf5"}

_TERMS = (
    *("citeAs", "column", "conformsTo", "data", "dataType", "equivalentProperty", "examples"),
    *("extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references"),
    *("regex", "repeated", "replace", "samplingRate", "separator", "source", "subField"),
    "transform",
)
_SPECIAL: dict[str, Any] = {
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}


def croissant_text(
    root: Path, details: Details, columns: list[str], shards: list[str], pairs: Sequence[Pair]
) -> str:
    """The document of a release whose other files are written.

    Args:
        root: The release.
        details: Details of the release.
        columns: Columns of ``pairs.csv``.
        shards: Files that hold the pairs; empty if pictures are separate files.
        pairs: The pairs, whose metadata says what their pictures are.
    """
    files = [_file(root, name) for name in (INDEX, *shards)]
    document: dict[str, Any] = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", details.title).strip("-") or "dataset",
        "alternateName": details.title,
        "description": details.description or details.title,
        "license": details.licence_url or licence_address(details.licence) or details.licence,
        "url": details.url or f"https://doi.org/{details.doi}" if details.doi else details.url,
        "version": details.version,
        "keywords": [*details.keywords],
        "creator": [{"@type": "sc:Organization", "name": name} for name in details.authors],
        "datePublished": details.date,
        "citeAs": details.citation,
        "rai:dataCollection": pictures_text(pairs).replace("\n", " ").replace("- ", "").strip(),
        "rai:personalSensitiveInformation": details.faces,
        "distribution": files,
        "recordSet": [_records(columns, {**DESCRIPTIONS, "sharp": sharp_text(pairs)})],
    }
    kept = {key: value for key, value in document.items() if value not in ("", [])}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _context() -> dict[str, Any]:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "dct": "http://purl.org/dc/terms/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "sc": "https://schema.org/",
        **{term: _SPECIAL.get(term, f"cr:{term}") for term in _TERMS},
    }


def _file(root: Path, name: str) -> dict[str, Any]:
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


def _records(columns: list[str], descriptions: Mapping[str, str]) -> dict[str, Any]:
    """The rows of the index, with paths if pictures are separate files."""
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"pairs/{column}",
            "name": column,
            "description": descriptions[column],
            "dataType": "sc:Text",
            "source": {"fileObject": {"@id": INDEX}, "extract": {"column": column}},
        }
        for column in columns
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "pairs",
        "name": "pairs",
        "description": "One blurry picture with its sharp one and what else is known of it.",
        "key": {"@id": "pairs/id"},
        "field": fields,
    }


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
}
