"""dpdd:DIR - DPDD, Canon: 16-bit pairs of a wide and a narrow aperture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import SPLITS, Pair, ReaderCard, Split
from defocus.datasets.pair_files import read_array
from defocus.errors import DatasetError

# The sharp picture's number is the blurry one's plus or minus 1 (2 in two scenes): the two were
# taken one after the other in either order. Views have the blurry name with ``_L`` and ``_R``.
# Besides the official archive, its patches and Restormer's repack of it are read.


CARD = ReaderCard(
    title="DPDD (dual-pixel defocus deblurring), Canon EOS 5D Mark IV",
    source="https://github.com/Abdullah-Abuolaim/defocus-deblurring-dual-pixel",
    licence="not stated for the pictures (the repository's MIT licence is that of the code)",
    redistributable=False,
    citation="Abuolaim and Brown, Defocus deblurring using dual-pixel data, ECCV 2020",
    counts={"train": 350, "validation": 74, "test": 76},
    sizes=((1680, 1120), (512, 512), (256, 256)),
    bits=16,
    defects=(
        "blurry and sharp were taken one after the other: small shifts, moving things",
        "the README announces 75 validation pairs; the official lists have 74",
        "indoor and outdoor labels are a separate download, and exist only for the test split",
        "the patches of the official script number 7,000 for training and 888 for validation",
    ),
)

FOLDERS = (
    "",
    "dd_dp_dataset_png",
    "dd_dp_dataset_canon",
    "dd_dp_dataset_canon/dd_dp_dataset_png",
    "dd_dp_dataset_canon_patch",
    "DPDD",
)

SHORT: dict[Split, str] = {"train": "train", "validation": "val", "test": "test"}


DOWNLOADED: dict[Split, str] = {
    "train": "train/train",
    "validation": "val/val",
    "test": "test/DPDD",
}
"""Folders of Restormer's repack before its script has cut the pictures."""

Folders = tuple[str, str, str, str]
"""Folders of the blurry and the sharp pictures and of the left and the right views."""


def _official(split: Split) -> Part:
    """The archive as its authors made it, and IFAN's repack."""
    short = SHORT[split]
    return Part(
        split=split,
        blurry=f"{short}_c/source/1P0A{{number}}.*",
        sharp=f"{short}_c/target/*.*",
        sharp_by="number",
        dual_pixel_left=f"{short}_l/source/1P0A{{number}}_L.*",
        dual_pixel_right=f"{short}_r/source/1P0A{{number}}_R.*",
        id="1P0A{number}",
    )


def _renamed_folders(split: Split, folders: Folders, suffixes: tuple[str, str]) -> Part:
    """Layout of the same pictures in folders with other names."""
    blurry, sharp, left, right = folders
    return Part(
        split=split,
        blurry=f"{blurry}/{{name}}.*",
        sharp=f"{sharp}/*.*",
        sharp_by="number",
        dual_pixel_left=f"{left}/{{name}}{suffixes[0]}.*",
        dual_pixel_right=f"{right}/{{name}}{suffixes[1]}.*",
    )


def _equal_names(split: Split, folders: Folders, name: str = "{name}") -> Part:
    """Layout with equal names of all members of a pair; the part before a dash is the scene."""
    blurry, sharp, left, right = (f"{folder}/{name}.*" for folder in folders)
    return Part(
        split=split,
        blurry=blurry,
        sharp=sharp,
        dual_pixel_left=left,
        dual_pixel_right=right,
        id=f"{split}-{name}",
        scene=f"{split}-{{name}}",
    )


def _patches(split: Split) -> Part:
    """Layout of the official patches: one running number per split, without scenes."""
    short = SHORT[split]
    folders = (
        f"{short}_c/source",
        f"{short}_c/target",
        f"{short}_l/source",
        f"{short}_r/source",
    )
    return _equal_names(split, folders).model_copy(update={"scene": f"{split}-patches"})


def _restormer(folder: str, suffix: str = "") -> Folders:
    """Folders of Restormer's repack."""
    return (
        f"{folder}/inputC{suffix}",
        f"{folder}/target{suffix}",
        f"{folder}/inputL{suffix}",
        f"{folder}/inputR{suffix}",
    )


def _single(layout: Layout) -> Layout:
    """The layout without its views."""
    without = {"dual_pixel_left": None, "dual_pixel_right": None}
    parts = tuple(part.model_copy(update=without) for part in layout.parts)
    return layout.model_copy(update={"parts": parts})


DUAL_LAYOUTS = (
    Layout(parts=tuple(map(_official, SPLITS))),
    Layout(
        parts=tuple(map(_patches, SPLITS)),
        counts={"train": 7000, "validation": 888},
    ),
    *(
        Layout(
            parts=tuple(
                _renamed_folders(split, _restormer(folder), suffixes)
                for split, folder in folders.items()
            )
        )
        for folders in (DOWNLOADED, SHORT)
        for suffixes in (("_L", "_R"), ("", ""))
    ),
    Layout(
        parts=(
            _equal_names("train", _restormer("train/DPDD", "_crops"), "{name}-{crop}"),
            _equal_names("validation", _restormer("val/DPDD", "_crops")),
            _renamed_folders("test", _restormer("test/DPDD"), ("_L", "_R")),
        ),
        counts={"train": 7000, "validation": 74, "test": 76},
    ),
)

LAYOUTS = (
    *map(_single, DUAL_LAYOUTS),
    _single(
        Layout(
            parts=tuple(
                _equal_names(
                    split, (f"{folder}/{blurry}", f"{folder}/{sharp}", "-", "-")
                )
                for split, folder in SHORT.items()
                for blurry, sharp in (("blur", "gt"), ("input", "target"))
            )
        )
    ),
)


def indoor_outdoor(
    root: Path, pairs: Sequence[Pair]
) -> Mapping[str, Mapping[str, object]]:
    """Indoor and outdoor test pairs, if the lists of indices (1 to 76, by name) are there."""
    tests = [pair.id for pair in pairs if pair.split == "test"]
    places: dict[str, Mapping[str, object]] = {}
    for place in ("indoor", "outdoor"):
        file = next((f for f in sorted(root.rglob(f"{place}_labels.npy"))), None)
        for number in _labels(file) if file else []:
            if not 1 <= number <= len(tests):
                raise DatasetError(
                    f"{file}: label {number}, but there are {len(tests)} test pictures; complete "
                    "the download or remove the list"
                )
            places[tests[number - 1]] = {"place": place}
    return places


def _labels(file: Path) -> list[int]:
    try:
        return list(map(int, np.ravel(read_array(file))))
    except (DatasetError, ValueError, OverflowError) as error:
        raise DatasetError(
            f"{file}: not a list of labels ({error}); restore or remove it"
        ) from error


SET = PublishedSet("dpdd", CARD, LAYOUTS, FOLDERS, indoor_outdoor)
read, check = SET.read, SET.check
