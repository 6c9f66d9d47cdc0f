"""``manifest.json``: pairs, sizes and hashes. Anybody may have written it; paths are checked."""

import json
from collections.abc import Callable
from itertools import chain
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from unicodedata import normalize

from pydantic import AfterValidator, Field, ValidationError, model_validator

from defocus.datasets.pair import MakingStep, Pair, Split, White, sorted_by_id
from defocus.datasets.pair_files import FILE_ROLES, id_problem, pair_files, path_problem
from defocus.errors import DatasetError, FileError
from defocus.pictures.values import FULL
from defocus.reading import read_json
from defocus.settings import Settings, document_problem
from defocus.storage.files import sha256_file, write_text

MANIFEST = "manifest.json"
RENDERING = "render.json"
"""File that 'defocus-data render' writes first; its manifest is written last."""
MAX_MANIFEST_BYTES = 256 * 1024 * 1024


def _checked_path(text: str) -> str:
    if problem := path_problem(text):
        raise ValueError(
            f"a file must be a relative path inside the dataset, without '..'; this one {problem}"
        )
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a name has no control characters")
    return text


def checked_id(text: str) -> str:
    """Check the id of a pair; raises ValueError, as pydantic wants it."""
    if problem := id_problem(text):
        raise ValueError(problem)
    return text


class ManifestFile(Settings):
    """One file: relative POSIX path, size in bytes, SHA-256 in hexadecimal."""

    path: Annotated[str, AfterValidator(_checked_path)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ManifestPair(Settings):
    """One pair; fields as in :class:`defocus.datasets.pair.Pair`."""

    id: Annotated[str, AfterValidator(checked_id)]
    scene: Annotated[str, Field(min_length=1), AfterValidator(_printable)]
    split: Split
    blurry: ManifestFile
    sharp: ManifestFile | None = None
    truth: ManifestFile | None = None
    flow: ManifestFile | None = None
    defocus_map: ManifestFile | None = None
    dual_pixel_left: ManifestFile | None = None
    dual_pixel_right: ManifestFile | None = None
    valid_mask: ManifestFile | None = None
    white: White | None = None  # of files of 16 bits; absent for all of them
    metadata: dict[str, Any] = Field(default_factory=dict)


class Manifest(Settings):
    """The whole document; ids are unique and no scene is in two splits."""

    format: Literal["defocus-dataset"] = "defocus-dataset"
    version: Literal[1] = 1
    source: str | None = None  # the reader whose card has the licence of the pictures
    steps: tuple[MakingStep, ...] | None = None  # made the dataset of another one
    pairs: tuple[ManifestPair, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        split_of: dict[str, Split] = {}
        ids: dict[str, str] = {}
        for pair in self.pairs:
            spelling = normalize("NFC", pair.id.casefold())
            other = ids.get(spelling)
            if other == pair.id:
                raise ValueError(f"the pair id '{pair.id}' is there twice")
            if other is not None:
                raise ValueError(
                    f"'{other}' and '{pair.id}' are one id where case is ignored"
                )
            ids[spelling] = pair.id
            if split_of.setdefault(pair.scene, pair.split) != pair.split:
                raise ValueError(f"the scene '{pair.scene}' is in two splits")
        spelt: dict[str, str] = {}
        for file in manifest_files(self):
            other = spelt.setdefault(normalize("NFC", file.path).casefold(), file.path)
            if other != file.path:
                raise ValueError(
                    f"'{other}' and '{file.path}' are one file where case is ignored"
                )
        return self


def read_manifest(root: Path) -> Manifest:
    """Read and check the manifest of a dataset folder, but not the files it names."""
    path = root / MANIFEST
    if not root.is_dir():
        raise DatasetError(f"{root}: no such dataset folder; check the path")
    try:
        return Manifest.model_validate(read_json(path, MAX_MANIFEST_BYTES))
    except FileNotFoundError as error:
        if (root / RENDERING).is_file():
            raise DatasetError(
                f"{root}: unfinished rendering; run the same command again"
            ) from error
        raise DatasetError(
            f"{root}: no {MANIFEST} there; is it a folder of pictures?"
        ) from error
    except ValidationError as error:
        raise DatasetError(f"{path}: {document_problem(error, 'manifest')}") from error
    except FileError as error:
        raise DatasetError(f"{error}; restore it") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); restore it") from error


def manifest_pairs(
    root: Path, manifest: Manifest
) -> tuple[tuple[Pair, ...], dict[Path, str]]:
    """A manifest's pairs with real paths, sorted by id, and each file's expected hash."""
    hashes: dict[Path, str] = {}
    real_root = root.resolve()

    def located(file: ManifestFile | None) -> Path | None:
        if file is None:
            return None
        path = root / file.path
        if not path.resolve().is_relative_to(real_root):
            raise DatasetError(
                f"{path}: a link that leaves the dataset; replace it by the file"
            )
        hashes[path] = file.sha256
        # others: by who reads them
        if path.is_file() and path.stat().st_size != file.bytes:
            raise DatasetError(
                f"{path}: has {path.stat().st_size} bytes, {file.bytes} by the manifest; restore it"
            )
        return path

    pairs = tuple(_pair(row, located) for row in sorted_by_id(manifest.pairs))
    return pairs, hashes


def _pair(
    row: ManifestPair, located: Callable[[ManifestFile | None], Path | None]
) -> Pair:
    # names of fields are not types: these are all paths
    files: dict[str, Any] = {role: located(getattr(row, role)) for role in FILE_ROLES}
    metadata = MappingProxyType(row.metadata)
    return Pair(
        id=row.id,
        scene=row.scene,
        split=row.split,
        metadata=metadata,
        white=row.white,
        **files,
    )


def make_manifest(
    root: Path,
    pairs: tuple[Pair, ...],
    source: str = "",
    steps: tuple[MakingStep, ...] = (),
) -> Manifest:
    """Make the manifest of pairs with files in ``root``; every file is read for its hash."""
    rows = sorted_by_id(pairs)
    try:
        entries = tuple(_row(root, pair) for pair in rows)
        return Manifest(source=source or None, steps=steps or None, pairs=entries)
    except ValidationError as error:
        raise DatasetError(
            f"{root}: {document_problem(error, 'manifest')}; rename it"
        ) from error


def _row(root: Path, pair: Pair) -> ManifestPair:
    return ManifestPair(
        id=pair.id,
        scene=pair.scene,
        split=pair.split,
        metadata=dict(pair.metadata),
        white=_unusual(pair.white),
        **{role: _file(root, path) for role, path in pair_files(pair).items()},
    )


def _unusual(white: int | None) -> int | None:
    """The white of a pair that must be stated; None where all bits are in use."""
    return None if white == FULL else white


def _file(root: Path, path: Path) -> Any:  # noqa: ANN401 - a ManifestFile; pydantic's kwargs are untyped
    try:
        size = path.stat().st_size
        sha256 = sha256_file(path)
    except OSError as error:
        raise DatasetError(
            f"{path}: {error.strerror}; restore it, or remove {path.parent} to rebuild it"
        ) from error
    return ManifestFile(
        path=path.relative_to(root).as_posix(), bytes=size, sha256=sha256
    )


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Write the manifest atomically, in its canonical form."""
    write_text(root / MANIFEST, manifest_text(manifest))


def manifest_text(manifest: Manifest) -> str:
    """The canonical form of a manifest: sorted keys, no absent keys, one line end."""
    document = manifest.model_dump(mode="json", exclude_none=True)
    text = json.dumps(
        document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    return text + "\n"


def manifest_files(manifest: Manifest) -> tuple[ManifestFile, ...]:
    """All files that a manifest names, in the order of its pairs."""
    roles_of = attrgetter(*FILE_ROLES)
    files = chain.from_iterable(map(roles_of, manifest.pairs))
    return tuple(file for file in files if file is not None)
