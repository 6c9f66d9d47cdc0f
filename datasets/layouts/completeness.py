"""Completeness of a download: missing files, extra files and wrong sizes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from defocus.datasets.layouts.layout import PARTNERS, Found, Layout
from defocus.datasets.layouts.patterns import fits, fixed_folder
from defocus.datasets.pair import ReaderCard
from defocus.datasets.picture_size import picture_size, png_bits
from defocus.errors import ImageError
from defocus.images import IMAGE_SUFFIXES
from defocus.progress import track

__all__ = ["Completeness", "completeness", "wrong_pictures"]


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


def completeness(root: Path, layout: Layout, found: Found, card: ReaderCard) -> Completeness:
    """Compare a folder's files with the known facts of the complete dataset."""
    counts: Counter[str] = Counter(row.part.split or "unsplit" for row in found.rows)
    named: Counter[str] = Counter(
        row.part.split or "unsplit" for row in found.rows if row.part.names
    )
    missing = found.missing + found.absent
    extra = {path.relative_to(root).as_posix() for path in found.extra}
    for split, expected in (layout.counts or card.counts).items():
        if counts[split] < expected and not named[split]:
            missing.append(
                f"{split}: {expected - counts[split]} of {expected} blurry pictures; their names "
                "are not known"
            )
        elif counts[split] > expected:
            extra.add(f"{split}: {counts[split] - expected} blurry pictures too many")
    known = {path for row in found.rows for path in row.files.values()}
    legal = known | {fit.path for pattern in layout.others for fit in fits(root, pattern)}
    extra |= {path.relative_to(root).as_posix() for path in _pictures(root, layout) - legal}
    return Completeness(
        missing=tuple(missing),
        extra=tuple(sorted(extra)),
        wrong=tuple(wrong_pictures(root, sorted(known), card)),
        counts=dict(counts),
        pictures=len(known),
    )


def _pictures(root: Path, layout: Layout) -> set[Path]:
    """All pictures in the folders that the layout names."""
    patterns = [
        pattern
        for part in layout.parts
        for pattern in (part.blurry, *(getattr(part, role) for role in PARTNERS))
        if pattern is not None
    ]
    folders = {root / fixed_folder(pattern) for pattern in patterns}
    return {
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


def wrong_pictures(root: Path, paths: list[Path], card: ReaderCard) -> list[str]:
    """Files that are no pictures, or whose size or depth is not the card's, one line each."""
    wrong, sizes = [], card.sizes
    for path in track(paths, "looking at picture sizes"):
        name = path.relative_to(root).as_posix()
        try:
            size, bits = picture_size(path), png_bits(path)
        except ImageError:
            wrong.append(f"{name}: not a picture")
            continue
        if sizes and size is not None and size not in sizes and size[::-1] not in sizes:
            expected = " or ".join(f"{width}x{height}" for width, height in sizes)
            wrong.append(f"{name}: {size[0]}x{size[1]} instead of {expected}")
        if card.bits and bits and bits != card.bits:
            wrong.append(f"{name}: {bits} bits instead of {card.bits}")
    return wrong
