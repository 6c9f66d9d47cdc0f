"""realblur:DIR - RealBlur: pairs with motion blur, for alignment methods; split by its lists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import Completeness, PublishedSet
from defocus.datasets.layouts.skip_missing import whole_pairs
from defocus.datasets.opening import opened
from defocus.datasets.pair import Dataset, Pair, ReaderCard, Split, sorted_by_id
from defocus.errors import DatasetError
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.reading import read_text

LISTS: dict[Split, str] = {"train": "train", "test": "test"}
_PATH = re.compile(
    r"(?P<root>RealBlur-[JR][^/]*)/(?P<scene>scene\d+)/(?P<role>blur|gt)/(?P<file>[^/\\]+)"
)


@dataclass(frozen=True)
class ListLine:
    """One line of a list; kind is ``J`` or ``R``, paths are relative to the dataset's folder."""

    kind: str
    split: Split
    scene: str
    blurry: str
    sharp: str

    @property
    def id(self) -> str:
        """Unique over both kinds."""
        return f"{self.kind}-{self.scene}-{Path(self.blurry).stem}"


def listed_pairs(root: Path) -> Iterator[ListLine]:
    """All lines of the lists in the dataset's folder; paths outside it are a ``DatasetError``."""
    for kind in ("J", "R"):
        for split, word in LISTS.items():
            file = root / f"RealBlur_{kind}_{word}_list.txt"
            if file.is_file():
                yield from _list_lines(file, kind, split)


def _list_lines(file: Path, kind: str, split: Split) -> Iterator[ListLine]:
    for number, text in enumerate(read_text(file).splitlines(), start=1):
        if not text.strip():
            continue
        paths = list(map(_PATH.fullmatch, text.split()))
        first, second = paths if len(paths) == 2 else (None, None)
        if not first or not second or first["role"] != "gt" or second["role"] != "blur":
            raise DatasetError(
                f"{file}: line {number} lacks a sharp or a blurry path; restore it"
            )
        yield ListLine(kind, split, second["scene"], second[0], first[0])


CARD = ReaderCard(
    title="RealBlur-J and RealBlur-R",
    source="https://github.com/rimchang/RealBlur",
    licence="CC BY 4.0",
    redistributable=True,
    citation="Rim et al., Real-world blur dataset for learning and benchmarking deblurring "
    "algorithms, ECCV 2020",
    counts={"train": 2 * 3758, "test": 2 * 980},
    defects=(
        "motion blur, not defocus",
        "the published scores align the output to the sharp picture by ECC first",
    ),
)

REPACKED = PublishedSet(
    "realblur",
    CARD,
    (
        Layout(
            parts=tuple(
                Part(
                    split="test",
                    blurry=f"RealBlur_{kind}/input/{{name}}.*",
                    sharp=f"RealBlur_{kind}/target/{{name}}.*",
                    id=f"{kind}-{{name}}",
                    scene="{name}",
                )
                for kind in ("J", "R")
            )
        ),
    ),
    ("", "test", "RealBlur"),
)


def read(path: Path) -> Dataset:
    """Open the pairs of the lists whose kind is there, Restormer's repack, or a mapping file."""
    root = _with_lists(path)
    if root is None:
        return REPACKED.read(path)
    lines = _lines(root)
    pairs = sorted_by_id(_pair(root, line) for line in lines)
    whole = whole_pairs(pairs, f"realblur:{path}")
    return opened("realblur", root, whole, source="realblur")


def check(path: Path) -> Completeness:
    """Compare the folder with its lists, for both kinds."""
    root = _with_lists(path)
    if root is None:
        return REPACKED.check(path)
    counts: dict[str, int] = dict.fromkeys(CARD.counts, 0)
    listed = []
    for line in listed_pairs(root):
        listed += [line.blurry, line.sharp]
        counts[line.split] += 1
    missing = [name for name in listed if not (root / name).is_file()]
    for split, number in CARD.counts.items():
        lacking = number - counts[split]
        if lacking > 0:
            missing.append(f"{split}: {lacking} of {number} lines of the lists")
    there = set()
    for file in root.glob("RealBlur-*/scene*/*/*"):
        if file.suffix.lower() in IMAGE_SUFFIXES:
            there.add(file.relative_to(root).as_posix())
    return Completeness(
        missing=tuple(missing),
        extra=tuple(sorted(there - set(listed))),
        wrong=(),
        counts=counts,
    )


def _with_lists(path: Path) -> Path | None:
    if path.is_file():
        return None
    for place in (path, path / "RealBlur"):
        if next(listed_pairs(place), None):
            return place
    return None


def _lines(root: Path) -> list[ListLine]:
    """Lines of the kinds whose folder exists; each kind can be downloaded separately."""
    lines = list(listed_pairs(root))
    present = {line.kind for line in lines if (root / line.blurry).parents[2].is_dir()}
    return [line for line in lines if line.kind in present] or lines


def _pair(root: Path, line: ListLine) -> Pair:
    return Pair(line.id, line.scene, line.split, root / line.blurry, root / line.sharp)
