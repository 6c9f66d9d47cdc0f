"""rtf:DIR - RTF: 22 small test pairs with sharp pictures from a plenoptic camera."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard

CARD = ReaderCard(
    title="RTF (non-parametric blur map regression)",
    source="the authors of the paper",
    licence="not stated",
    redistributable=False,
    citation="D'Andrès et al., Non-parametric blur map regression for depth of field extension, "
    "IEEE TIP 2016",
    counts={"test": 22},
    sizes=((360, 360),),
    bits=8,
    defects=("360x360 pixels, 8 bit", "names inside a pair differ by their prefix"),
)

NAMES = tuple(f"{number:02d}" for number in range(1, 23))


def _layout(blurry: str, sharp: str) -> Layout:
    return Layout(
        parts=(
            Part(
                split="test",
                blurry=f"{blurry}image_{{name}}.*",
                sharp=f"{sharp}sharp_{{name}}.*",
                id="image_{name}",
                names=NAMES,
            ),
        )
    )


LAYOUTS = (_layout("", ""), _layout("image/0/", "GT/"))
FOLDERS = (
    "",
    "Ground_Truth_Data",
    "RTFDataset",
    "Defocus_Blur_Dataset/Ground_Truth_Data",
)

SET = PublishedSet("rtf", CARD, LAYOUTS, FOLDERS)
read, check = SET.read, SET.check
