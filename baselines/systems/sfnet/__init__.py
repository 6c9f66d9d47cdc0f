"""SFNet's cards, and what the networks that share its U have in common."""

from defocus.baselines.card import Baseline, Card

GOPRO_WINDOW_PX = 80
RELEASED_BLOCKS = 4


def of_three_scales(
    module: str,
    network: str,
    card: Card,
    **narrow: object,
) -> Baseline:
    """A network with SFNet's U.

    The last layers of its narrow copies begin at zero, so that they return their input."""
    zeroed = ("feat_extract.5", "ConvsOut.0", "ConvsOut.1")
    return Baseline.of_folder(module, f"network:{network}", card, narrow, zeroed)


def of_two_depths(
    module: str,
    display_name: str,
    source: str,
    **narrow: int,
) -> tuple[Baseline, ...]:
    """A network with SFNet's number of blocks, which is not released, and one with its own."""
    name = display_name.lower()
    card = Card(
        name,
        display_name,
        source=source,
        follows="the released network with 16 blocks per size, as SFNet has; number of blocks and "
        "training are ours, since nothing for deblurring is released",
        licence="official code: MIT; no defocus weights; reimplemented here, MIT",
    )
    deep = of_three_scales(module, display_name, card, **narrow)
    released = deep.variant(
        f"{name}-{RELEASED_BLOCKS}",
        f"{display_name} ({RELEASED_BLOCKS} blocks)",
        network={"blocks": RELEASED_BLOCKS},
        follows=f"the released network as published for hazy pictures: {RELEASED_BLOCKS} blocks "
        f"per size; training as {name}",
    )
    return deep, released


SFNET = of_three_scales(
    __name__,
    "SFNet",
    Card(
        name="sfnet",
        display_name="SFNet",
        source="Cui et al., Selective Frequency Network for Image Restoration, ICLR 2023; "
        "github.com/c-yn/SFNet at b2d3c691",
        follows="the released network of motion deblurring; the training is ours, that of motion "
        "deblurring on defocus pictures, since theirs for defocus is not released",
        licence="official code: MIT; no defocus weights; reimplemented here, MIT",
        published_as="sfnet-single",
    ),
    width=8,
    blocks=2,
)

BASELINES = (
    SFNET,
    SFNET.variant(
        "sfnet-local",
        "SFNet (local pooling)",
        network={"window_px": GOPRO_WINDOW_PX},
        follows="as sfnet in training; restores with means over windows of 5/16 of each map, as "
        "the official test for GoPro does: which window defocus pictures had is not stated",
    ),
)
