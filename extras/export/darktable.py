"""Package of weights for darktable's neural restore: ``NAME.dtmodel`` and what goes with it.

Format: github.com/darktable-org/darktable-ai of May 2026; darktable 5.6, src/common/ai_models.c."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from defocus import __version__
from defocus.errors import InputError, NotApplicableError
from defocus.extras.export.graph import Graph
from defocus.extras.export.origin import WeightsOrigin
from defocus.reading import intact, read_json
from defocus.storage.files import (
    make_folder,
    sha256_file,
    write_bytes,
    write_json,
    write_text,
)

TILE_PX = 512
TILES_PX = (2048, 1536, 1024, 768, 512, 384, 256)
"""Sides of tiles that darktable tries by itself; a graph has one of them."""

LICENCE = "MIT"
VERSIONS = "versions.json"
CARD = "README.md"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every entry, so that equal weights give equal packages."""


def require_darktable(origin: WeightsOrigin, tile_px: int) -> None:
    """Refuse weights that darktable's rules do not admit, before a graph is made."""
    if origin.own is None:
        raise NotApplicableError(
            f"darktable admits only weights whose licence, training data and training code are "
            f"open; of these of {origin.system.card.name} that is not known: use --to onnx"
        )
    if tile_px not in TILES_PX:
        raise InputError(
            f"--tile is {tile_px}; darktable has tiles of {', '.join(map(str, TILES_PX))} px"
        )


def refuse_foreign_package(name: str, folder: Path) -> None:
    """Refuse a folder with files of our names that we did not write, before a graph is made.

    A package is ours if ``versions.json`` has its hash, a card if it begins as ours do."""
    package = folder / f"{name}.dtmodel"
    card = folder / CARD
    facts = _versions(folder / VERSIONS)["models"].get(name)
    noted = facts.get("sha256") if isinstance(facts, dict) else None
    for path, is_own in (
        (package, package.is_file() and noted == f"sha256:{sha256_file(package)}"),
        (
            card,
            card.is_file()
            and card.read_bytes().partition(b"\n\n")[2].startswith(_SHOWN.encode()),
        ),
    ):
        if os.path.lexists(path) and not is_own:
            raise InputError(
                f"{path}: a file of that name exists; choose another --out"
            )


def write_darktable(origin: WeightsOrigin, graph: Graph, folder: Path) -> Path:
    """Write the package, its card and the entry for a model repository; return the package.

    A ``versions.json`` that is there keeps its other models."""
    name = origin.system.card.name
    versions = _versions(folder / VERSIONS)
    manifest = _manifest(origin, graph)
    package = make_folder(folder) / f"{name}.dtmodel"
    write_bytes(package, _zipped(name, manifest, graph))
    versions["models"][name] = {
        "version": manifest["version"],
        "sha256": f"sha256:{sha256_file(package)}",
    }
    write_json(folder / VERSIONS, versions)
    write_text(folder / CARD, _page(origin, graph, manifest))
    return package


def _zipped(name: str, manifest: dict[str, Any], graph: Graph) -> bytes:
    """One top folder of the model's id: darktable takes the id from the first entry."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in (
            (
                "config.json",
                json.dumps(manifest, indent=2, ensure_ascii=False).encode(),
            ),
            ("model.onnx", graph.model.SerializeToString()),
        ):
            entry = zipfile.ZipInfo(f"{name}/{file}", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def _manifest(origin: WeightsOrigin, graph: Graph) -> dict[str, Any]:
    card = origin.system.card
    major, minor, *_ = __version__.split(".")
    return {
        "id": card.name,
        "name": card.display_name,
        "description": "Defocus deblurring: makes pictures sharper that are out of focus",
        "task": "denoise",
        "backend": "onnx",
        "version": f"{major}.{minor}",
        "num_inputs": 1,
        "attributes": {"input_sizes": [graph.side_px]},
        "model_card": _shown_card(),
    }


def _shown_card() -> dict[str, str]:
    """What darktable shows of a model."""
    return {
        "long_description": _SHOWN,
        "scope": "defocus deblurring of photographs",
        "author": "The defocus authors",
        "source": f"Python package defocus {__version__}",
        "paper": "none; public report: docs/weights.md of the source",
        "license": LICENCE,
        "training_data": _DATA,
        "training_data_license": _DATA_LICENCE,
        "notes": (
            "With 'preserve wide-gamut' on, pixels outside sRGB keep their value and so stay "
            f"blurred. {_LIMITS}"
        ),
    }


_SHOWN = (
    "Deblurs photographs that are out of focus. It is listed with the denoisers because darktable "
    "has no task for deblurring. Use it at 100 % strength: below, darktable adds the blur at "
    "strong edges back."
)
"""Description of the package. It is also the beginning of our cards, by which they are
recognised."""
_DATA = (
    "renderings of our own: 355 photographs that are CC0, in the public domain or free to use, and "
    "textures made by rule, through drawn lenses and cameras"
)
_DATA_LICENCE = (
    'CC0 (206 photographs), public domain (6), "free to use these media files however you wish" or '
    "released for any use (143); MIT (textures and renderings)"
)
_LIMITS = (
    "What is soft by itself, such as fur, can lose; circles of confusion above 30 px were not "
    "trained on; motion blur is not restored."
)


def _criteria(origin: WeightsOrigin) -> dict[str, str]:
    """The eleven points of darktable-ai's rules, by the names of its card table."""
    return {
        "Model license": f"{LICENCE} (weights and code; compatible with GPL-3.0)",
        "OSAID v1.0": "Open Source AI: code, weights and a full description of the data",
        "MOF": "Class II (Open Tooling): weights, training, inference and evaluation code",
        "Training data license": _DATA_LICENCE,
        "Training data provenance": (
            f"{_DATA}; source, licence and hash of each photograph in photographs.csv; no scraped "
            "or personal data sets"
        ),
        "Training code": (
            "MIT: defocus-bench train, in the same source; a script ran its recipe on one GPU"
        ),
        "Known limitations": _LIMITS,
        "Published research": (
            "no paper; public report with all measurements and their command: docs/weights.md"
        ),
        "Inference": "Local only, no cloud dependencies",
        "Scope": (
            "Photo editing: defocus deblurring; corrects a defect of the capture, invents no "
            "content, makes no likeness of a person"
        ),
        "Reproducibility": (
            f"defocus-bench export-weights {origin.system.card.name} --to dtmodel makes the same "
            "file; a training of the same recipe on the same photographs, both of which are "
            "published, gives weights that are alike, not the same"
        ),
    }


def _page(origin: WeightsOrigin, graph: Graph, manifest: dict[str, Any]) -> str:
    """The card as darktable-ai asks for it: source, architecture, ONNX, selection criteria."""
    card = origin.system.card
    side = graph.side_px
    shape = f"float32 [1, 3, {side}, {side}]"
    model = {
        "File": "`model.onnx`",
        "Input": f"`input`, {shape}",
        "Output": f"`output`, {shape}",
        "Resolution": f"Static, {side} x {side}",
        "Opset": str(graph.model.opset_import[0].version),
        "Normalize": "[0, 1], sRGB-encoded; the output is not clamped",
        "Tiling": f"Yes (`input_sizes: [{side}]`)",
    }
    return "\n".join(
        [
            f"# {card.display_name}",
            "",
            manifest["model_card"]["long_description"],
            "",
            "## Source",
            "",
            f"- {manifest['model_card']['source']}, licence {LICENCE}",
            f"- Weights: SHA-256 {origin.stored.source_sha256}",
            "",
            "## Architecture",
            "",
            f"{card.follows[:1].upper()}{card.follows[1:]}.",
            "",
            "## ONNX Models",
            "",
            *_table(model),
            "",
            "## Selection Criteria",
            "",
            *_table(_criteria(origin)),
            "",
        ]
    )


def _table(rows: dict[str, str]) -> list[str]:
    return [
        "| Property | Value |",
        "|---|---|",
        *(f"| {key} | {rows[key]} |" for key in rows),
    ]


def _versions(path: Path) -> dict[str, Any]:
    """The file of a model repository, with the models that are in it already."""
    if not path.exists():
        return {"models": {}}
    with intact(path, "delete it or give another --out", InputError, OSError):
        document = read_json(path)
        models = document["models"]
        if not isinstance(models, dict):
            raise TypeError("models is not a table")
    return {"models": models}
