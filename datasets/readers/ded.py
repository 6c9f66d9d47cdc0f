"""ded:DIR - DED (DID-ANet): light field pairs of defocused and sharp pictures."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard

CARD = ReaderCard(
    title="DED (defocus map estimation and deblurring)",
    source="https://github.com/xytmhy/DID-ANet-Defocus-Deblurring",
    licence="not stated",
    redistributable=False,
    citation="Ma et al., Defocus image deblurring network with defocus map estimation as "
    "auxiliary task, IEEE TIP 2022",
    defects=(
        "no official split: the published loader draws one at random, unseeded; here by scene",
        "the test part of the download has no sharp pictures",
        "8-bit JPEG",
    ),
    unverified="whether pictures are in a folder for each scene or all in one; how many there are",
)

LAYOUTS = (
    Layout(
        parts=(
            Part(
                blurry="image/{scene}/image_{number}.*",
                sharp="sharp/{scene}/*_{number}.*",
                id="{scene}-{number}",
                scene="{scene}",
            ),
        )
    ),
    Layout(
        parts=(
            Part(
                blurry="image/image_{number}.*",
                sharp="sharp/*_{number}.*",
                id="image_{number}",
            ),
        )
    ),
)

SET = PublishedSet("ded", CARD, LAYOUTS, ("", "DED_Dataset", "DED"))
read, check = SET.read, SET.check
