"""pairs:DIR - pictures of equal names in DIR/blurry and DIR/sharp, with or without splits."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from defocus.datasets.layouts.found import find
from defocus.datasets.layouts.ids import legal_id
from defocus.datasets.layouts.layout import read_mapping
from defocus.datasets.layouts.published.known import complete_pairs, pairs_of
from defocus.datasets.layouts.published.skip_missing import missing_text, skips_missing
from defocus.datasets.opening import opened_dataset
from defocus.datasets.pair import SPLITS, Dataset, Pair, Split
from defocus.datasets.reader_card import OWN_PICTURES, ReaderCard
from defocus.datasets.split import scene_splits
from defocus.errors import DatasetError
from defocus.extensions import warn_once
from defocus.images import IMAGE_SUFFIXES
from defocus.progress import counted, say, several
from defocus.reading import is_utf8

__all__ = ["CARD", "read"]

CARD = ReaderCard(
    title="a folder of pairs",
    source="your own disk",
    licence=OWN_PICTURES,
    redistributable=True,
)

ROLES = ("blurry", "sharp", "truth")


def read(path: Path) -> Dataset:
    """Open a folder of pictures, or one that a mapping file describes.

    ``blurry/0001.png`` and ``sharp/0001.png`` are a pair; suffixes may differ. ``truth/`` may hold
    the aligned truth of all pairs. The folders may be inside ``train/``, ``validation/`` and
    ``test/``, or contain these; otherwise scenes are split by the hash of their name. A scene is a
    folder, ``blurry/SCENE/0001.png`` and ``sharp/SCENE/0001.png``; without one, each pair is its
    own scene, and two pictures of one place may come into two splits.

    Raises:
        DatasetError: The folders do not exist or are written in capitals, or a picture has no
            partner.
        StorageError: The cache cannot be written.
    """
    root, pairs = _mapped(path) if path.is_file() else (path, _in_folders(path))
    if not pairs:
        raise DatasetError(f"{root}: no pictures in {root / 'blurry'}; see 'defocus-data list'")
    if path.is_dir():
        _say_scenes(root, pairs)
    return opened_dataset("pairs", root, pairs)


def _say_scenes(root: Path, pairs: Sequence[Pair]) -> None:
    """Say that folders are scenes: who sorted pictures by lens would lose every interval."""
    scenes = sorted({pair.scene for pair in pairs})
    if len(scenes) < len(pairs):
        warn_once(
            f"pairs:{root.name}: {counted(len(pairs), 'pair')} in {counted(len(scenes), 'scene')} "
            f"({several(scenes)}): a folder inside blurry/ is one scene; if its pictures show "
            "different scenes, put them into blurry/ itself"
        )


def _mapped(path: Path) -> tuple[Path, tuple[Pair, ...]]:
    root, layout = read_mapping(path)
    found = find(root, layout)
    if not found.rows:
        raise DatasetError(f"{path}: no picture in {root} fits; correct the patterns")
    if found.missing and not skips_missing():
        raise DatasetError(
            f"{missing_text(found.missing, root)}; add what is missing, correct {path.name}, or "
            "leave such pairs out with --skip-missing"
        )
    return root, complete_pairs(root, pairs_of(found.rows), found)


def _in_folders(root: Path) -> tuple[Pair, ...]:
    _refuse_other_letters(root)
    found = {split: _without_odd(root, _members(root, split)) for split in (None, *SPLITS)}
    if found[None] and any(found[split] for split in SPLITS):
        raise DatasetError(f"{root}: pictures both inside and outside of train, validation, test")
    _refuse_alone(root, [one for members in found.values() for one in _alone(members)])
    pairs = (pair for split, members in found.items() for pair in _pairs(split, members))
    return tuple(sorted(pairs, key=lambda pair: pair.id))


def _refuse_other_letters(root: Path) -> None:
    """Refuse ``Sharp/``, which would leave all pairs without a sharp member."""
    meant = {*ROLES, *SPLITS}
    inside = [root / name for name in sorted(meant) if (root / name).is_dir()]
    for path in sorted(path for folder in (root, *inside) for path in folder.iterdir()):
        name = path.name.lower()
        alone = path.name != name and not (path.parent / name).exists()
        if name in meant and alone and path.is_dir() and not path.is_symlink():
            raise DatasetError(f"{path}: is not read; rename it to '{name}'")


def _members(root: Path, split: Split | None) -> dict[str, dict[str, Path]]:
    """Pictures of one split by role and name (``stem`` or ``SCENE/stem``), of existing folders."""
    members: dict[str, dict[str, Path]] = {}
    for role in ROLES:
        folders = [root / role] if split is None else [root / split / role, root / role / split]
        pictures = {
            stem: path for folder in folders if folder.is_dir() for stem, path in _in_role(folder)
        }
        if pictures:
            members[role] = pictures
    return members


def _without_odd(
    root: Path, members: Mapping[str, Mapping[str, Path]]
) -> dict[str, dict[str, Path]]:
    """The members without the pairs of which one is no picture's file; they are named."""
    every = [one for pictures in members.values() for one in pictures.items()]
    odd = {name: fault for name, path in every if (fault := _fault(root, path))}
    for name, fault in odd.items():
        warn_once(f"pair {name} is left out: {fault}")
    kept = {
        role: {name: path for name, path in pictures.items() if name not in odd}
        for role, pictures in members.items()
    }
    return {role: pictures for role, pictures in kept.items() if pictures}


def _fault(root: Path, path: Path) -> str:
    """Why an entry is no picture's file that can be listed; empty if it is one."""
    name = str(path.relative_to(root))
    if not path.is_file():
        return f"{name}: no regular file; remove it from the pictures"
    return "" if is_utf8(name) else f"{name}: its name is not UTF-8; rename it"


def _in_role(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of a role's folder: its own pictures, and those in folders of scenes."""
    yield from _pictures(folder)
    for scene in sorted(folder.iterdir()):
        if scene.is_dir() and not scene.name.startswith(".") and scene.name not in SPLITS:
            for stem, path in _pictures(scene):
                yield f"{scene.name}/{stem}", path


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
    alone = {name for name, _, _ in _alone(members)}
    names = [name for name in _names(members) if name not in alone]
    scenes = {name: name.partition("/")[0] for name in names}
    own_splits = scene_splits(scenes.values()) if split is None else {}
    before = "" if split is None else f"{split}-"
    for name in names:
        partners = {role: pictures[name] for role, pictures in members.items()}
        yield Pair(
            id=before + legal_id(name.replace("/", "-")),
            scene=before + legal_id(scenes[name]),
            split=own_splits[scenes[name]] if split is None else split,
            blurry=partners["blurry"],
            sharp=partners.get("sharp"),
            truth=partners.get("truth"),
        )


def _names(members: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """Each name with a picture of it."""
    return {name: path for pictures in members.values() for name, path in pictures.items()}


def _alone(members: dict[str, dict[str, Path]]) -> list[tuple[str, Path, str]]:
    """Name and picture that a role lacks, and that role."""
    found = []
    for name, path in _names(members).items():
        lacking = [role for role in ROLES if name not in members.get(role, {})]
        lacking = [role for role in lacking if role == "blurry" or role in members]
        found += [(name, path, role) for role in lacking[:1]]
    return found


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
        groups = "; ".join(f"no picture {several(names)} in {r}" for r, names in lacking.items())
        raise DatasetError(
            f"{where}: {groups}; add what is missing, remove its partner, or leave such pairs out "
            "with --skip-missing"
        )
