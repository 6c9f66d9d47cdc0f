"""realdof:DIR - RealDOF: 50 test pairs, taken at once by two cameras."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard

CARD = ReaderCard(
    title="RealDOF",
    source="https://github.com/codeslake/IFAN",
    licence="not stated for the pictures",
    redistributable=False,
    citation="Lee et al., Iterative filter adaptive network for single image defocus deblurring, "
    "CVPR 2021",
    counts={"test": 50},
    defects=(
        "pictures differ in size, about 2320x1536; a batch of whole ones is not possible",
        "aligned in software after capture; small misalignment is left",
        "the bit depth of the files is not documented; it is read from their headers",
    ),
)

NAMES = tuple(f"{number:02d}" for number in range(1, 51))


def _layout(blurry: str) -> Layout:
    return Layout(
        parts=(
            Part(
                split="test",
                blurry=f"{blurry}/{{name}}.*",
                sharp="target/{name}.*",
                names=NAMES,
            ),
        )
    )


SET = PublishedSet(
    "realdof", CARD, (_layout("source"), _layout("input")), ("", "RealDOF", "REALDOF")
)
read, check = SET.read, SET.check
