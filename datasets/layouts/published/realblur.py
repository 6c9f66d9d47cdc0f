"""RealBlur: its lists assign pictures to splits, a pair in each line, by path below its kind."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from defocus.datasets.pair import Split
from defocus.errors import DatasetError
from defocus.reading import read_text

__all__ = ["ListLine", "listed_pairs"]

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
                yield from _lines(file, kind, split)


def _lines(file: Path, kind: str, split: Split) -> Iterator[ListLine]:
    for number, text in enumerate(read_text(file).splitlines(), start=1):
        if not text.strip():
            continue
        paths = [_PATH.fullmatch(path) for path in text.split()]
        first, second = paths if len(paths) == 2 else (None, None)
        if not first or not second or first["role"] != "gt" or second["role"] != "blur":
            raise DatasetError(f"{file}: line {number} is no sharp and blurry path; restore it")
        yield ListLine(kind, split, second["scene"], second[0], first[0])
