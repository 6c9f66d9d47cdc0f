"""sdd:DIR - SDD (JDRL): misaligned training pairs or their 4,830 patches, and 35 test pairs."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard, Split

CARD = ReaderCard(
    title="SDD (single image defocus deblurring)",
    source="https://github.com/liyucs/JDRL",
    licence="not stated",
    redistributable=False,
    citation="Li et al., Learning single image defocus deblurring with misaligned training pairs, "
    "AAAI 2023",
    counts={"train": 4830, "test": 35},
    sizes=((4096, 2160), (512, 512)),
    defects=(
        "pairs are misaligned by zoom and shift from the travel of the focus motor",
        "names of patches do not say their picture: all count as one scene, none is held out",
        "how the 4,830 patches were reduced and chosen is not documented",
    ),
    unverified="the folder of whole training pictures (115), which the published code does not "
    "name, is taken to be train/",
)


def _part(split: Split, folder: str, scene: str | None = None) -> Part:
    return Part(
        split=split,
        blurry=f"{folder}/blur/{{name}}.*",
        sharp=f"{folder}/gt/{{name}}.*",
        id=f"{folder.replace('_', '-')}-{{name}}",
        scene=scene,
    )


TEST = _part("test", "test")
LAYOUTS = (
    Layout(parts=(_part("train", "train_patches", "train-patches"), TEST)),
    Layout(parts=(_part("train", "train"), TEST), counts={"train": 115, "test": 35}),
)

SET = PublishedSet("sdd", CARD, LAYOUTS, ("", "SDD"))
read, check = SET.read, SET.check
