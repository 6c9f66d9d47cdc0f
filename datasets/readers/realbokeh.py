"""realbokeh:DIR - RealBokeh: aperture series, f/2 to f/20 with f/22, by its metadata."""

from collections import Counter
from pathlib import Path

from defocus.datasets.layouts.published.completeness import Completeness, wrong_pictures
from defocus.datasets.layouts.published.realbokeh import all_series, chosen_pairs, located
from defocus.datasets.layouts.published.skip_missing import whole_pairs
from defocus.datasets.opening import opened
from defocus.datasets.pair import SPLITS, Dataset, Split
from defocus.datasets.reader_card import ReaderCard
from defocus.errors import DatasetError

__all__ = ["CARD", "check", "read"]

SCENES: dict[Split, int] = {"train": 3960, "validation": 220, "test": 220}
"""Metadata files of a complete copy."""

CARD = ReaderCard(
    title="RealBokeh, also called RealDefocus: aperture series at 3 megapixels",
    source="https://huggingface.co/datasets/timseizinger/RealBokeh_3MP",
    licence="CC-BY-NC-SA-4.0",
    redistributable=True,
    citation="Bokehlicious, ICCV 2025, arXiv 2503.16067",
    counts={"train": 20554, "validation": 1238, "test": 1257},
    sizes=((2000, 1500),),
    defects=(
        "made for bokeh rendering: the folder 'in' has the sharp pictures and 'gt' the blurry ones",
        "8-bit JPEG",
        "a hundredth of the training pairs are shifted by 2 to 5 px, another hundredth misaligned",
        "the folders hold some 4,400 pictures that no metadata file names; they are not read",
        "numbers of scenes begin anew in each split",
    ),
)


def read(path: Path) -> Dataset:
    """Open the pairs that the metadata files name, or those of a TOML file's apertures."""
    root, choice = located(path)
    pairs = tuple(sorted(chosen_pairs(list(all_series(root)), choice), key=lambda pair: pair.id))
    if not pairs:
        raise DatasetError(f"{path}: no series has these apertures; choose other ones")
    whole = whole_pairs(pairs, f"realbokeh:{path}")
    return opened("realbokeh", root, whole, source="realbokeh")


def check(path: Path) -> Completeness:
    """Compare the folder with its metadata files, and their number with the published one."""
    root, _ = located(path)
    series = list(all_series(root))
    named = [picture.path for one in series for picture in one.pictures]
    present = sorted({picture for picture in named if picture.is_file()})
    missing = [picture.relative_to(root).as_posix() for picture in named if not picture.is_file()]
    scenes = Counter(one.split for one in series)
    missing += [
        f"{split}: {SCENES[split] - scenes[split]} of {SCENES[split]} metadata files"
        for split in SPLITS
        if scenes[split] < SCENES[split]
    ]
    blurry: Counter[str] = Counter()
    for one in series:
        blurry[one.split] += len(one.pictures) - 1
    wrong = tuple(wrong_pictures(root, present, CARD))
    return Completeness(missing=tuple(missing), extra=(), wrong=wrong, counts=dict(blurry))
