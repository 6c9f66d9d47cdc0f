"""lfdof:DIR - LFDOF: refocused light fields, up to 15 blurry pictures of each scene."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard, Split

CARD = ReaderCard(
    title="LFDOF (light field defocus)",
    source="https://sweb.cityu.edu.hk/miullam/AIFNET/",
    licence="not stated for the pictures",
    redistributable=False,
    citation="Ruan et al., AIFNet: all-in-focus image restoration network using a light "
    "field-based dataset, IEEE TCI 7, 2021",
    counts={"train": 11261, "test": 725},
    sizes=((1008, 688),),
    bits=8,
    defects=(
        "the blur is made by refocusing light fields: synthetic apertures, few depth steps",
        "sharp pictures, and some blurry ones, have an alpha channel, which is dropped",
        "one sharp picture serves up to 15 blurry ones; not every scene has all 15",
    ),
)

BLURRY = "{scene}_ap{aperture}_{focus}"


def _part(split: Split, blurry: str, sharp: str) -> Part:
    return Part(
        split=split,
        blurry=f"{blurry}/{BLURRY}.*",
        sharp=f"{sharp}/{{scene}}.*",
        id=BLURRY,
        scene="{scene}",
    )


LAYOUTS = (
    Layout(
        parts=(
            _part("train", "train_data/input/{scene}", "train_data/ground_truth"),
            _part("test", "test_data/input/{scene}", "test_data/ground_truth"),
        )
    ),
    Layout(
        parts=(
            _part("train", "training/source", "training/target"),
            _part("test", "testing/source", "testing/target"),
        )
    ),
    Layout(parts=(_part("test", "input", "target"),)),
)

SET = PublishedSet("lfdof", CARD, LAYOUTS, ("", "LFDOF", "LFDOF_Dataset"))
read, check = SET.read, SET.check
