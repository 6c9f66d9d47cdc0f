"""Texts of a release: card, licence, citation. They do not depend on date or computer."""

import json
from collections import Counter
from collections.abc import Sequence

from defocus.datasets.pair import Pair
from defocus.datasets.release.details import NOT_DECLARED, Details
from defocus.datasets.release.formats.layout import ReleaseFormat, Rows, splits_of
from defocus.datasets.release.provenance import pictures_text
from defocus.datasets.release.terms import NO_LICENCE, hub_licence, licence_address, spdx

__all__ = ["card_text", "citation_text", "licence_text"]

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
DEPTH_WARNING = """\
Pictures are PNG of 8 or 16 bits, sRGB. **Pillow, and with it most libraries, reads 16-bit colour
as 8 bit without a word**: read the bytes with OpenCV (`cv2.imdecode(…, cv2.IMREAD_UNCHANGED)`,
which gives BGR) or with `defocus`.
"""
REMOVED = "Positions, serial numbers and names were removed from pictures and metadata.\n"


def card_text(details: Details, layout: ReleaseFormat, rows: Rows) -> str:
    """Text of ``README.md``: YAML front matter and a readable card."""
    pairs = [row.pair for row in rows]
    parts = [
        f"---\n{_front_matter(details, layout, rows)}---\n",
        f"# {details.title}\n",
        f"{_byline(details)}\n",
        f"{details.description}\n" if details.description else "",
        f"## Content\n\n{_content(pairs)}",
        f"## What the pictures are\n\n{pictures_text(pairs)}",
        f"## Files\n\n{layout.usage}\n`pairs.csv` lists all pairs.\n{DEPTH_WARNING}",
        f"## Terms\n\n{_terms(details)}",
        f"## People and privacy\n\nRecognisable faces: {_sentence(details.faces)}\n{REMOVED}",
        "## Integrity\n\n`sha256sum -c manifest-sha256.txt` or `defocus-data verify .`\n",
    ]
    return "\n".join(part for part in parts if part)


def _byline(details: Details) -> str:
    """Authors and version in one line."""
    parts = [", ".join(details.authors), f"version {details.version}", details.date]
    doi = f"[doi:{details.doi}](https://doi.org/{details.doi})" if details.doi else ""
    return " · ".join(part for part in [*parts, doi] if part)


def _front_matter(details: Details, layout: ReleaseFormat, rows: Rows) -> str:
    """YAML, every value written as JSON, which is YAML too."""
    licence = hub_licence(details.licence)
    entries: dict[str, object] = {"license": licence}
    if licence == "other":
        entries |= {"license_name": "see-license", "license_link": "LICENSE"}
    entries |= {
        "pretty_name": details.title,
        "task_categories": ["image-to-image"],
        "tags": [*details.keywords],
        "size_categories": [_size(len(rows))],
    }
    configs = _configs(layout, rows)
    if configs:
        entries["configs"] = [{"config_name": "default", "data_files": configs}]
    return "".join(f"{key}: {_json(value)}\n" for key, value in entries.items())


def _configs(layout: ReleaseFormat, rows: Rows) -> list[dict[str, str]]:
    """Which files each split has, for Hugging Face's library."""
    patterns = {"imagefolder": "{}/**", "webdataset": "{}-*.tar"}
    if layout.name not in patterns:
        return []
    pattern = patterns[layout.name]
    return [{"split": split, "path": pattern.format(split)} for split in splits_of(rows)]


def _size(count: int) -> str:
    return next((name for most, name in SIZES if count < most), "n>1M")


def _content(pairs: Sequence[Pair]) -> str:
    counts = Counter(pair.split for pair in pairs)
    scenes = {split: len({p.scene for p in pairs if p.split == split}) for split in counts}
    lines = ["| split | pairs | scenes |", "|---|---:|---:|"]
    lines += [f"| {split} | {counts[split]} | {scenes[split]} |" for split in sorted(counts)]
    return "\n".join(lines) + "\n\nNo scene is in two splits.\n"


def _terms(details: Details) -> str:
    address = details.licence_url or licence_address(details.licence)
    lines = [f"Licence: {_sentence(details.licence)}", f"<{address}>" if address else ""]
    if details.citation:
        lines.append(f"Cite: {_sentence(details.citation)}")
    return "\n".join(line for line in lines if line) + "\n"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def licence_text(details: Details) -> str:
    """``LICENSE``."""
    if details.licence == NO_LICENCE:
        return "No licence was given: ask the authors before you use or share this dataset.\n"
    name = spdx(details.licence)
    lines = [f"SPDX-License-Identifier: {name}\n" if name else "", f"{details.licence}\n"]
    address = details.licence_url or licence_address(details.licence)
    return "\n".join([line for line in [*lines, f"{address}\n" if address else ""] if line])


def citation_text(details: Details) -> str:
    """``CITATION.cff``, version 1.2.0 of the format."""
    authors = details.authors or (f"The authors of {details.title}",)
    entries: dict[str, object] = {
        "cff-version": "1.2.0",
        "message": details.citation or "If you use this dataset, please cite it.",
        "type": "dataset",
        "title": details.title,
        "version": details.version,
        "authors": [{"name": name} for name in authors],
        "keywords": [*details.keywords],
    }
    optional = {
        "license": spdx(details.licence),
        "doi": details.doi,
        "date-released": details.date,
        "url": details.url,
        "abstract": details.description,
    }
    entries |= {key: value for key, value in optional.items() if value}
    return "".join(f"{key}: {_json(value)}\n" for key, value in entries.items())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def undeclared(details: Details) -> list[str]:
    """Missing statements of a release, as readable text."""
    missing = []
    if details.licence == NO_LICENCE:
        missing.append("no licence is given")
    if details.faces == NOT_DECLARED:
        missing.append("nobody has said whether faces can be recognised")
    if not details.authors:
        missing.append("no authors are named")
    if not details.date:
        missing.append("no date of publication is given")
    return missing
