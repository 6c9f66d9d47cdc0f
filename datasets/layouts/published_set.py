"""Published datasets, opened and checked by the first known layout that matches."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from defocus.datasets.layouts.layout import (
    PARTNERS,
    Layout,
    LayoutContents,
    PairRow,
    filled,
    find,
    fits,
    fixed_folder,
    holds,
    read_mapping,
)
from defocus.datasets.layouts.skip_missing import missing_text, skips_missing
from defocus.datasets.opening import opened
from defocus.datasets.pair import Dataset, Pair, ReaderCard, scene_splits
from defocus.datasets.pair_files import legal_id
from defocus.errors import DatasetError, ImageError
from defocus.pictures.headers import picture_size, stated_bits
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.progress import say, track


@dataclass(frozen=True)
class Completeness:
    """Differences from the complete dataset; paths are relative to the folder."""

    missing: tuple[str, ...]  # missing files, or their number if the names are unknown
    extra: tuple[str, ...]  # pictures that belong to no pair
    wrong: tuple[str, ...]  # no pictures, or of a wrong size or bit depth
    counts: dict[str, int]  # existing blurry pictures of each split
    pictures: int = 0  # number of pictures whose size was looked at

    @property
    def ok(self) -> bool:
        """Whether there are no differences."""
        return not (self.missing or self.extra or self.wrong)


def completeness(
    root: Path, layout: Layout, contents: LayoutContents, card: ReaderCard
) -> Completeness:
    """Compare a folder's files with the known facts of the complete dataset."""
    rows = contents.rows
    counts = Counter(map(_split_name, rows))
    lacking, extra = _other_numbers(layout.counts or card.counts, counts, rows)
    named_files = set[Path]()
    for row in rows:
        named_files.update(row.files.values())
    strange = _pictures(root, layout) - named_files
    for pattern in layout.others:
        strange.difference_update(fit.path for fit in fits(root, pattern))
    strange.update(contents.extra)
    extra += [path.relative_to(root).as_posix() for path in strange]
    return Completeness(
        missing=(*contents.missing, *contents.absent, *lacking),
        extra=tuple(sorted(extra)),
        wrong=tuple(wrong_pictures(root, sorted(named_files), card)),
        counts=dict(counts),
        pictures=len(named_files),
    )


def _split_name(row: PairRow) -> str:
    return row.part.split or "unsplit"


def _other_numbers(
    expected: Mapping[Any, int], counts: Mapping[str, int], rows: Iterable[PairRow]
) -> tuple[list[str], list[str]]:
    """How many pictures of each split are missing without a known name, and how many too many."""
    named = {_split_name(row) for row in rows if row.part.names}
    missing = []
    extra = []
    for split, number in expected.items():
        lacking = number - counts[split]
        if lacking > 0 and split not in named:
            missing.append(
                f"{split}: {lacking} of {number} blurry pictures; their names are not known"
            )
        elif lacking < 0:
            extra.append(f"{split}: {-lacking} blurry pictures too many")
    return missing, extra


def _pictures(root: Path, layout: Layout) -> set[Path]:
    """All pictures in the folders that the layout names."""
    pictures = set()
    for part in layout.parts:
        for pattern in (part.blurry, *(getattr(part, role) for role in PARTNERS)):
            if pattern is not None:
                pictures |= set((root / fixed_folder(pattern)).rglob("*"))
    return {path for path in pictures if _is_picture(path, root)}


def _is_picture(path: Path, root: Path) -> bool:
    """Whether a file below a folder is a picture by its name, and not hidden."""
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden


def wrong_pictures(root: Path, paths: list[Path], card: ReaderCard) -> list[str]:
    """Files that are not pictures, or whose size or depth is not the card's, one line each."""
    wrong = []
    sizes = card.sizes
    for path in track(paths, "looking at picture sizes"):
        name = path.relative_to(root).as_posix()
        try:
            size = picture_size(path)
            bits = stated_bits(path)
        except ImageError:
            wrong.append(f"{name}: not a picture")
            continue
        if sizes and size is not None and size not in sizes and size[::-1] not in sizes:
            expected = " or ".join(f"{width}x{height}" for width, height in sizes)
            wrong.append(f"{name}: {size[0]}x{size[1]} instead of {expected}")
        if card.bits and bits and bits != card.bits:
            wrong.append(f"{name}: {bits} bits instead of {card.bits}")
    return wrong


Facts = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class PublishedSet:
    """A published dataset in a folder; of matching layouts, that with the fewest missing files.

    Attributes:
        name: Name of the reader.
        card: Facts about the dataset.
        layouts: The layouts in which it is found.
        folders: Subfolders of the given folder in which it may be, in this order; ``""`` is the
            folder itself.
        facts: Function from the folder and its pairs to further metadata of single pairs, JSON
            values by name, by the pair's id.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from defocus.datasets.layouts.layout import Layout, Part
        >>> from defocus.datasets.layouts.published_set import PublishedSet
        >>> from defocus.datasets.pair import ReaderCard
        >>> card = ReaderCard("My desk", "my camera", "CC BY 4.0", redistributable=True)
        >>> layout = Layout(parts=(Part(split="test", blurry="test/{name}.*"),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "test").mkdir()
        ...     Image.new("RGB", (32, 24)).save(f"{folder}/test/desk.png")
        ...     [pair.id for pair in PublishedSet("mine", card, (layout,)).read(Path(folder)).pairs]
        ['desk']
    """

    name: str
    card: ReaderCard
    layouts: tuple[Layout, ...]
    folders: tuple[str, ...] = ("",)
    facts: Callable[[Path, Sequence[Pair]], Facts] = lambda _root, _pairs: {}

    def read(self, path: Path) -> Dataset:
        """Open the dataset in a folder, or in the folder that a mapping file describes.

        Raises:
            DatasetError: No layout fits, a picture is missing and ``--skip-missing`` was not
                given, or the mapping file is wrong.
            StorageError: The cache cannot be written.
        """
        root, layout = self.located(path)
        contents = find(root, layout)
        if contents.missing and not skips_missing():
            raise DatasetError(
                f"{missing_text(contents.missing, root)}; complete the download "
                f"('defocus-data list {self.name}:{path}' names all that is missing), or leave "
                "such pairs out with --skip-missing"
            )
        pairs = pairs_of(contents.rows, layout.white)
        facts = self.facts(root, pairs)  # by their numbers in a complete copy
        described = []
        for pair in complete_pairs(root, pairs, contents):
            metadata = {**pair.metadata, **facts.get(pair.id, {})}
            described.append(replace(pair, metadata=MappingProxyType(metadata)))
        return opened(self.name, root, tuple(described), source=self.name)

    def check(self, path: Path) -> Completeness:
        """Compare the folder with the complete dataset."""
        root, layout = self.located(path)
        return completeness(root, layout, find(root, layout), self.card)

    def located(self, path: Path) -> tuple[Path, Layout]:
        """The folder of the dataset and the layout that it has there."""
        if path.is_file():
            root, layout = read_mapping(path)
            if not holds(root, layout):
                raise DatasetError(
                    f"{path}: no picture in {root} fits; correct the patterns"
                )
            return root, layout
        fitting = []
        for folder, layout in product(self.folders, self.layouts):
            place = path / folder
            if holds(place, layout):
                fitting.append((place, layout))
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return min(fitting, key=_shortfall)
        first = self.layouts[0].parts[0].blurry
        raise DatasetError(
            f"{path}: no {self.name} there, such as {first}; correct the path, or describe the "
            "copy with a mapping file"
        )


def _shortfall(place: tuple[Path, Layout]) -> tuple[int, int]:
    """Measure of how badly a layout fits a folder: missing files, then unseen pairs."""
    contents = find(*place)
    return len(contents.missing), -len(contents.rows)


def complete_pairs(
    root: Path, pairs: Sequence[Pair], contents: LayoutContents
) -> tuple[Pair, ...]:
    """The pairs with all their members; the others are named, and an error if none is left."""
    lacking = {row.files["blurry"] for row in contents.rows if row.lacks()}
    for pair in pairs:
        if pair.blurry in lacking:
            say(f"{root}: the pair {pair.id} is left out: a picture of it is missing")
    complete = tuple(pair for pair in pairs if pair.blurry not in lacking)
    if not complete:
        raise DatasetError(f"{root}: no pair is complete; complete the download")
    return complete


def pairs_of(rows: Iterable[PairRow], white: int | None = None) -> tuple[Pair, ...]:
    """Make pairs from rows, sorted by id; parts without a split are split by scene."""
    pairs: dict[str, Pair] = {}
    unsplit = [row for row in rows if row.part.split is None]
    splits = scene_splits(map(_scene, unsplit))
    for row in rows:
        name = legal_id(filled(row.part.id, row.values))
        scene = _scene(row)
        files: dict[str, Any] = dict(row.files)  # names of fields are not types
        pair = Pair(
            id=name,
            scene=scene,
            split=row.part.split or splits[scene],
            white=white,
            **files,
        )
        other = pairs.setdefault(pair.id, pair)
        if other is not pair:
            raise DatasetError(
                f"{pair.blurry} and {other.blurry} are both pair '{pair.id}'; give the parts "
                "different ids"
            )
    return tuple(pairs[name] for name in sorted(pairs))


def _scene(row: PairRow) -> str:
    return filled(row.part.scene or row.part.id, row.values)
