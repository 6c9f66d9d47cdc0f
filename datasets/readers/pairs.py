"""pairs:DIR - pictures of equal names in DIR/blurry and DIR/sharp, with or without splits."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, starmap
from pathlib import Path

from defocus.datasets.layouts.layout import Layout, Mapping, Part, find, read_described
from defocus.datasets.layouts.published_set import complete_pairs, pairs_of
from defocus.datasets.layouts.skip_missing import missing_text, skips_missing
from defocus.datasets.opening import opened
from defocus.datasets.pair import (
    OWN_PICTURES,
    SPLITS,
    Dataset,
    Pair,
    ReaderCard,
    Split,
    scene_splits,
    sorted_by_id,
)
from defocus.datasets.pair_files import legal_id
from defocus.errors import DatasetError
from defocus.pictures.read import is_picture_file
from defocus.processes.isolation import LeftOut
from defocus.progress import counted, say, several, warn_once

FilesOf = dict[str, list[Path]]
"""Files by the name of their pair."""

CARD = ReaderCard(
    title="a folder of pairs",
    source="your own disk",
    licence=OWN_PICTURES,
    redistributable=True,
)

ROLES = ("blurry", "sharp", "truth")

Members = dict[str, dict[str, Path]]
"""Pictures by role and name."""


def read(path: Path) -> Dataset:
    """Open a folder of pictures, or one that a mapping file describes."""
    # ``blurry/0001.*`` and ``sharp/0001.*`` are a pair, suffixes may differ; ``truth/`` may
    # hold the aligned truth. The folders may be inside ``train/``, ``validation/`` and ``test/``,
    # or contain these. A scene is a folder in them; without one, each pair is its own scene, and
    # two pictures of one place may come into two splits. A pair with two files for one member is
    # left out. A mapping file without parts states the white of such folders.
    root = path
    white = None
    if path.is_file():
        root, mapping = read_described(_Mapping, path)
        if mapping.parts:
            return opened("pairs", root, _mapped(path, root, mapping))
        white = mapping.white
    pairs, left_out = _in_folders(root)
    if not pairs and left_out:
        raise DatasetError(f"{path}: no pair is whole; {left_out[0].reason}")
    if not pairs:
        raise DatasetError(
            f"{path}: no pictures in {root / 'blurry'}; see 'defocus-data list'"
        )
    _say_scenes(root, pairs)
    pairs = tuple(replace(pair, white=white) for pair in pairs)
    return opened("pairs", root, pairs, left_out=left_out)


class _Mapping(Mapping):
    """A mapping file; without parts the folders have their usual names."""

    parts: tuple[Part, ...] = ()


def _say_scenes(root: Path, pairs: Sequence[Pair]) -> None:
    """Print that folders are scenes: pictures sorted by lens would lose every interval."""
    scenes = sorted({pair.scene for pair in pairs})
    if len(scenes) < len(pairs):
        warn_once(
            f"pairs:{root.name}: {counted(len(pairs), 'pair')} in {counted(len(scenes), 'scene')} "
            f"({several(scenes)}): a folder inside blurry/ is one scene; if its pictures show "
            "different scenes, put them into blurry/ itself"
        )


def _mapped(path: Path, root: Path, layout: Layout) -> tuple[Pair, ...]:
    contents = find(root, layout)
    if not contents.rows:
        raise DatasetError(f"{path}: no picture in {root} fits; correct the patterns")
    if contents.missing and not skips_missing():
        raise DatasetError(
            f"{missing_text(contents.missing, root)}; add what is missing, correct {path.name}, or "
            "leave such pairs out with --skip-missing"
        )
    pairs = pairs_of(contents.rows, layout.white)
    return complete_pairs(root, pairs, contents)


def _in_folders(root: Path) -> tuple[tuple[Pair, ...], list[LeftOut]]:
    _refuse_other_letters(root)
    members_of = dict[Split | None, Members]()
    left_out = list[LeftOut]()
    for split in (None, *SPLITS):
        members_of[split], twice = _alone_in_role(root, split, _members(root, split))
        left_out += twice
    if members_of[None] and any(members_of[split] for split in SPLITS):
        raise DatasetError(
            f"{root}: pictures both inside and outside of train, validation, test"
        )
    _refuse_alone(root, list(chain.from_iterable(map(_alone, members_of.values()))))
    pairs = chain.from_iterable(starmap(_pairs, members_of.items()))
    return tuple(sorted_by_id(pairs)), left_out


def _refuse_other_letters(root: Path) -> None:
    """Refuse ``Sharp/``, which would leave all pairs without a sharp member."""
    meant = {*ROLES, *SPLITS}
    inside = filter(Path.is_dir, map(root.joinpath, sorted(meant)))
    for path in sorted(chain.from_iterable(map(Path.iterdir, (root, *inside)))):
        name = path.name.lower()
        alone = path.name != name and not (path.parent / name).exists()
        if name in meant and alone and path.is_dir() and not path.is_symlink():
            raise DatasetError(f"{path}: is not read; rename it to '{name}'")


def _members(root: Path, split: Split | None) -> dict[str, FilesOf]:
    """Pictures of one split by role and name (``stem`` or ``SCENE/stem``), of existing folders."""
    members: dict[str, FilesOf] = {}
    for role in ROLES:
        folders = (
            [root / role]
            if split is None
            else [root / split / role, root / role / split]
        )
        for folder in folders:
            for name, path in _in_role(folder) if folder.is_dir() else ():
                members.setdefault(role, {}).setdefault(name, []).append(path)
    return members


def _alone_in_role(
    root: Path, split: Split | None, members: dict[str, FilesOf]
) -> tuple[Members, list[LeftOut]]:
    """Pictures whose name is used once in their role, and pairs left out for a double name."""
    twice: FilesOf = {}
    for pictures in members.values():
        twice |= {name: paths for name, paths in pictures.items() if len(paths) > 1}
    left_out = []
    for name, paths in twice.items():
        first = paths[0].relative_to(root)
        reason = (
            f"{paths[1].relative_to(root)}: {first} is there too; remove one of them"
        )
        left_out.append(LeftOut(_id(split, name), reason))
    kept = {}
    for role, pictures in members.items():
        own = {name: paths[0] for name, paths in pictures.items() if name not in twice}
        if own:
            kept[role] = own
    return kept, left_out


def _id(split: Split | None, name: str) -> str:
    legal = legal_id(name.replace("/", "-"))
    # it may be too long with that
    return legal if split is None else legal_id(f"{split}-{legal}")


def _in_role(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of a role's folder: its own pictures, and those in folders of scenes."""
    # Names are composed, in the Unicode form NFC: a Mac writes ü as u with two dots, which looks
    # the same and is another name.
    for stem, path in _pictures(folder):
        yield unicodedata.normalize("NFC", stem), path
    for scene in sorted(folder.iterdir()):
        if (
            scene.is_dir()
            and not scene.name.startswith(".")
            and scene.name not in SPLITS
        ):
            for stem, path in _pictures(scene):
                yield unicodedata.normalize("NFC", f"{scene.name}/{stem}"), path


def _pictures(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if is_picture_file(path):
            yield path.stem, path


def _pairs(split: Split | None, members: Members) -> Iterator[Pair]:
    alone = {name for name, _, _ in _alone(members)}
    names = [name for name in _names(members) if name not in alone]
    scenes = {name: name.partition("/")[0] for name in names}
    own_splits = scene_splits(scenes.values()) if split is None else {}
    before = "" if split is None else f"{split}-"
    for name in names:
        partners = {role: pictures[name] for role, pictures in members.items()}
        yield Pair(
            id=_id(split, name),
            scene=before + legal_id(scenes[name]),
            split=own_splits[scenes[name]] if split is None else split,
            blurry=partners["blurry"],
            sharp=partners.get("sharp"),
            truth=partners.get("truth"),
        )


def _names(members: Members) -> dict[str, Path]:
    """Each name with a picture of it."""
    names = dict[str, Path]()
    for pictures in members.values():
        names |= pictures
    return names


def _alone(members: Members) -> list[tuple[str, Path, str]]:
    """Name and picture that a role lacks, and that role."""
    alone = []
    for name, path in _names(members).items():
        lacking = [role for role in ROLES if name not in members.get(role, {})]
        lacking = [role for role in lacking if role == "blurry" or role in members]
        alone += [(name, path, role) for role in lacking[:1]]
    return alone


def _refuse_alone(root: Path, alone: Sequence[tuple[str, Path, str]]) -> None:
    """Refuse pictures without a partner, all in one message; or say that they are left out."""
    if skips_missing():
        for name, path, role in alone:
            say(f"{path}: left out: no picture '{name}' in {role}")
    elif alone:
        lacking: dict[str, list[str]] = {}
        for name, _, role in alone:
            lacking.setdefault(role, []).append(f"'{name}'")
        where = alone[0][1] if len(alone) == 1 else root
        groups = "; ".join(
            f"no picture {several(names)} in {r}" for r, names in lacking.items()
        )
        raise DatasetError(
            f"{where}: {groups}{_zeros_hint(alone)}; add what is missing, remove its partner, or "
            "leave such pairs out with --skip-missing"
        )


def _zeros_hint(alone: Sequence[tuple[str, Path, str]]) -> str:
    """Two of the names that differ only in zeros before a number, such as 1 and 0001, in words."""
    by_number: dict[str, str] = {}
    for name, _, _ in alone:
        other = by_number.setdefault(re.sub(r"(?<!\d)0+(?=\d)", "", name), name)
        if other != name:
            return f"; '{other}' and '{name}' differ only in zeros: give both the same name"
    return ""
