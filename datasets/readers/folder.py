"""folder:DIR - pictures of equal names in DIR/blurry and DIR/sharp, with or without splits."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from defocus.datasets.cache import derived_folder
from defocus.datasets.fingerprint import content_hash, file_hashes, pair_files
from defocus.datasets.pair import SPLITS, Dataset, Pair, Split
from defocus.datasets.picture_size import picture_size
from defocus.datasets.split import scene_splits
from defocus.errors import DatasetError, ImageError
from defocus.images import IMAGE_SUFFIXES

__all__ = ["read"]

ROLES = ("blurry", "sharp", "truth")


def read(root: Path) -> Dataset:
    """The dataset of a folder of pictures.

    ``blurry/0001.png`` and ``sharp/0001.png`` are a pair; suffixes may differ. ``truth/`` may hold
    the aligned truth of all of them. The folders may lie inside ``train/``, ``validation/`` and
    ``test/``, or hold those; else scenes are split by the hash of their name, each pair a scene.

    Raises:
        DatasetError: No such folders, or a picture without its partner.
        ImageError: The pictures of a pair differ in size.
        StorageError: The cache cannot be written.
    """
    found = {split: _members(root, split) for split in (None, *SPLITS)}
    if found[None] and any(found[split] for split in SPLITS):
        raise DatasetError(f"{root}: pictures both inside and outside of train, validation, test")
    pairs = tuple(
        sorted(
            (pair for split, members in found.items() for pair in _pairs(split, members)),
            key=lambda pair: pair.id,
        )
    )
    if not pairs:
        raise DatasetError(f"{root}: no pictures in {root / 'blurry'}; see 'defocus-data list'")
    files = [path for pair in pairs for path in pair_files(pair).values()]
    content = content_hash(pairs, file_hashes(root, files))
    return Dataset(
        name=f"folder:{root.name}",
        root=root,
        pairs=pairs,
        content_hash=content,
        derived=derived_folder(content),
        rendered=all(pair.truth is not None for pair in pairs),
    )


def _members(root: Path, split: Split | None) -> dict[str, dict[str, Path]]:
    """Pictures of one split by role and stem; a role that has no folder is left out."""
    members: dict[str, dict[str, Path]] = {}
    for role in ROLES:
        folders = [root / role] if split is None else [root / split / role, root / role / split]
        pictures = {
            stem: path for folder in folders if folder.is_dir() for stem, path in _pictures(folder)
        }
        if pictures:
            members[role] = pictures
    return members


def _pictures(folder: Path) -> Iterator[tuple[str, Path]]:
    seen: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in seen:
            raise DatasetError(f"{path}: {seen[path.stem].name} is there too; remove one of them")
        seen[path.stem] = path
        yield path.stem, path


def _pairs(split: Split | None, members: dict[str, dict[str, Path]]) -> Iterator[Pair]:
    blurry = members.get("blurry", {})
    for pictures in members.values():
        for stem, path in pictures.items():
            if stem not in blurry:
                raise DatasetError(f"{path}: no picture '{stem}' in blurry; add it or remove this")
    own_splits = scene_splits(blurry) if split is None else {}
    for stem, path in blurry.items():
        partners = {
            role: _partner(path, members[role], role) for role in ROLES[1:] if role in members
        }
        for partner in partners.values():
            _check_sizes(path, partner)
        name = _id(stem) if split is None else f"{split}-{_id(stem)}"
        yield Pair(
            id=name,
            scene=name,
            split=own_splits[stem] if split is None else split,
            blurry=path,
            sharp=partners.get("sharp"),
            truth=partners.get("truth"),
        )


def _partner(blurry: Path, pictures: dict[str, Path], role: str) -> Path:
    if blurry.stem not in pictures:
        raise DatasetError(f"{blurry}: no picture '{blurry.stem}' in {role}; add it or remove this")
    return pictures[blurry.stem]


def _check_sizes(blurry: Path, partner: Path) -> None:
    first, second = picture_size(blurry), picture_size(partner)
    if first and second and first != second:
        raise ImageError(
            f"{blurry} is {first[0]}x{first[1]} but {partner} is {second[0]}x{second[1]}; "
            "a pair needs one size"
        )


def _id(stem: str) -> str:
    """The stem itself where it is a legal id, else a legal form of it that stays unique."""
    if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", stem):
        return stem
    legal = re.sub(r"[^A-Za-z0-9_-]", "_", stem)
    return f"{legal}-{hashlib.sha256(stem.encode()).hexdigest()[:8]}"
