"""A grouped data set of FiftyOne, as its type ``FiftyOneDataset`` has it on a disk."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from defocus.extras.viewers.table import ShownPair, kind_of
from defocus.storage.files import write_json

PLACE = "data/{slice}/{id}"
"""Path of a picture, without its suffix."""

LOAD = (
    "fo.Dataset.from_dir(dataset_dir={folder!r}, dataset_type=fo.types.FiftyOneDataset)"
)
"""Python call that opens the folder, after ``import fiftyone as fo``."""

FORMAT_VERSION = "1.0.0"
"""Version of FiftyOne whose documents these are. Later versions read and convert them."""

GROUP, SLICES, FIRST = "group", ("blurry", "sharp"), "blurry"
"""Name of the field that holds a pair together, its members, and the one that is shown first."""

_FIELDS = "fiftyone.core.fields."
_KINDS: dict[type, str] = {
    bool: "BooleanField",
    int: "IntField",
    float: "FloatField",
    str: "StringField",
}


def write_fiftyone(
    folder: Path,
    *,
    name: str,
    pairs: Sequence[ShownPair],
    fields: Sequence[str],
) -> None:
    """Write ``metadata.json`` and ``samples.json`` beside the pictures, which are there."""
    kinds = {}
    for field in fields:
        kinds[field] = kind_of(pair.fields.get(field) for pair in pairs)
    samples = []
    for pair in pairs:
        for slice_name, path in pair.pictures.items():
            sample = _sample(name, pair, slice_name, path, kinds)
            samples.append(sample)
    write_json(folder / "metadata.json", _document(name, kinds))
    write_json(folder / "samples.json", {"samples": samples})


def _document(name: str, kinds: dict[str, type]) -> dict[str, Any]:
    """The document of the data set."""
    own = [_field(field, _KINDS[kind]) for field, kind in kinds.items()]
    return {
        "name": name,
        "version": FORMAT_VERSION,
        "persistent": False,
        "media_type": "group",
        "group_field": GROUP,
        "group_media_types": dict.fromkeys(SLICES, "image"),
        "default_group_slice": FIRST,
        "tags": [],
        "info": {},
        "classes": {},
        "default_classes": [],
        "mask_targets": {},
        "default_mask_targets": {},
        "skeletons": {},
        "sample_fields": [*_default_fields(), *own],
        "frame_fields": [],
        "saved_views": [],
        "workspaces": [],
        "annotation_runs": {},
        "brain_methods": {},
        "evaluations": {},
        "runs": {},
    }


def _default_fields() -> list[dict[str, Any]]:
    """The fields that every data set with groups has."""
    members = [
        _field("id", "ObjectIdField", db_field="_id"),
        _field("name", "StringField"),
    ]
    return [
        _field("id", "ObjectIdField", db_field="_id"),
        _field("filepath", "StringField"),
        _field("tags", "ListField", subfield=f"{_FIELDS}StringField"),
        _field(
            "metadata",
            "EmbeddedDocumentField",
            embedded="fiftyone.core.metadata.ImageMetadata",
        ),
        _field("created_at", "DateTimeField", read_only=True),
        _field("last_modified_at", "DateTimeField", read_only=True),
        _field(
            GROUP,
            "EmbeddedDocumentField",
            embedded="fiftyone.core.groups.Group",
            fields=members,
        ),
    ]


def _field(
    name: str,
    kind: str,
    *,
    db_field: str = "",
    subfield: str | None = None,
    embedded: str | None = None,
    fields: Sequence[dict[str, Any]] = (),
    read_only: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "ftype": f"{_FIELDS}{kind}",
        "embedded_doc_type": embedded,
        "subfield": subfield,
        "fields": list(fields),
        "db_field": db_field or name,
        "description": None,
        "info": None,
        "read_only": read_only,
        "created_at": None,
    }


def _sample(
    name: str,
    pair: ShownPair,
    slice_name: str,
    path: str,
    kinds: dict[str, type],
) -> dict[str, Any]:
    """The document of one picture."""
    digest = hashlib.sha256(f"{name}/{pair.id}/{slice_name}".encode()).hexdigest()
    group = hashlib.sha256(f"{name}/{pair.id}".encode()).hexdigest()
    values = {}
    for field, kind in kinds.items():
        value = pair.fields.get(field)
        values[field] = value if value is None else kind(value)
    return {
        "_id": {"$oid": digest[:24]},
        "filepath": path,
        "tags": [pair.split],
        "metadata": None,
        "_media_type": "image",
        "_rand": int(digest[24:32], 16) / 2**32,
        GROUP: {
            "_id": {"$oid": group[:24]},
            "_cls": "Group",
            "name": slice_name,
        },
        **values,
    }
