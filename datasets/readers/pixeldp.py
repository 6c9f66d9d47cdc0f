"""pixeldp:DIR - DPDD, Pixel 4: phone pictures with dual-pixel views, no sharp ones."""

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import ReaderCard

CARD = ReaderCard(
    title="DPDD, Google Pixel 4 part (PixelDP)",
    source="https://github.com/Abdullah-Abuolaim/defocus-deblurring-dual-pixel",
    licence="not stated for the pictures",
    redistributable=False,
    citation="Abuolaim and Brown, Defocus deblurring using dual-pixel data, ECCV 2020",
    defects=(
        "no sharp pictures: the phone's aperture is fixed",
        "grey, since the views cover one green channel alone",
        "stored upright; the published code turns them before its network",
        "whether the values are linear light is not documented",
    ),
    unverified="count, size, and the names of the views",
)


def _layout(left: str, right: str, leaf: str) -> Layout:
    return Layout(
        parts=(
            Part(
                split="test",
                blurry=f"test_c/{leaf}{{name}}.*",
                dual_pixel_left=f"test_l/{leaf}{{name}}{left}.*",
                dual_pixel_right=f"test_r/{leaf}{{name}}{right}.*",
            ),
        )
    )


LAYOUTS = (
    _layout("_L", "_R", "source/"),
    _layout("", "", "source/"),
    _layout("_L", "_R", ""),
    _layout("", "", ""),
)

SET = PublishedSet("pixeldp", CARD, LAYOUTS, ("", "PixelDP", "dd_dp_dataset_pixel"))
read, check = SET.read, SET.check
