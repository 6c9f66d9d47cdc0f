"""vabd:DIR - VABD: pairs of f/1.8, f/2.8 and f/8 with f/16, from one camera."""

from collections.abc import Mapping, Sequence
from itertools import product, starmap
from pathlib import Path

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import Pair, ReaderCard, Split

CARD = ReaderCard(
    title="VABD: one camera at f/1.8, f/2.8, f/8 and f/16",
    source="https://github.com/MoTong-AI-studio/VABM",
    licence="not stated",
    redistributable=False,
    citation="arXiv 2410.14400",
    defects=(
        "made for bokeh rendering: the folder 'input' has the sharp pictures, of f/16",
        "8-bit JPEG",
        "the depth maps come from a network; they are not read",
    ),
    unverified="how many scenes each split has, the size of pictures beside six of 1536x1024, "
    "and how well the members of a pair are aligned",
)

STOPS = {"1_8": 1.8, "2_8": 2.8, "8": 8.0}
"""Folder of the blurry pictures, and their f-number."""
SHARP_STOP = 16.0


def _part(split: Split, folder: str) -> Part:
    return Part(
        split=split,
        blurry=f"{split}/{folder}/{{name}}.*",
        sharp=f"{split}/input/{{name}}.*",
        id=f"{split}-{{name}}-f{STOPS[folder]:g}",
        scene=f"{split}-{{name}}",
    )


SPLITS: tuple[Split, ...] = ("train", "test")
LAYOUT = Layout(parts=tuple(starmap(_part, product(SPLITS, STOPS))))


def _apertures(root: Path, pairs: Sequence[Pair]) -> Mapping[str, Mapping[str, object]]:  # noqa: ARG001 - the folder says it
    apertures = {}
    for pair in pairs:
        folder = pair.blurry.parent.name
        if folder in STOPS:  # a mapping file may name other folders
            apertures[pair.id] = {
                "f_number_blurry": STOPS[folder],
                "f_number_sharp": SHARP_STOP,
            }
    return apertures


SET = PublishedSet(
    "vabd", CARD, (LAYOUT,), ("", "VABD", "Data", "Data/VABD"), _apertures
)
read, check = SET.read, SET.check
