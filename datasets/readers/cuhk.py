"""cuhk:DIR - CUHK blur detection, only the defocused pictures; no sharp ones."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard

CARD = ReaderCard(
    title="CUHK blur detection dataset, defocus part",
    source="http://www.cse.cuhk.edu.hk/~leojia/projects/dblurdetect/dataset.html",
    licence="not read; an academic page",
    redistributable=False,
    citation="Shi, Xu and Jia, Discriminative blur detection features, CVPR 2014",
    counts={"test": 704},
    defects=(
        "no sharp pictures",
        "suffixes are partly in capitals",
        "there is no official list of the usual 604 training and 100 test pictures of detection",
    ),
    unverified="the archive's own folders; 'image/out_of_focus####.jpg' is read off programs that "
    "use it, as is the count of 704",
)

LAYOUTS = (
    Layout(
        parts=(
            Part(
                split="test",
                blurry="image/out_of_focus{number}.*",
                id="out_of_focus{number}",
            ),
        ),
        others=("image/motion{number}.*",),
    ),
    Layout(parts=(Part(split="test", blurry="{name}.*"),)),
)

SET = PublishedSet("cuhk", CARD, LAYOUTS, ("", "CUHK"))
read, check = SET.read, SET.check
