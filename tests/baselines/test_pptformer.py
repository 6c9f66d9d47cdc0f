"""PPTformer: its guide, its attentions, its recipe."""

import torch

from defocus.baselines.registry import baseline
from defocus.baselines.systems.pptformer.network import PPTformer, regions
from defocus.errors import ImageError


def narrow() -> PPTformer:
    torch.manual_seed(0)
    return PPTformer(channels=4, blocks=(1, 1, 1), units=(1, 1, 1), heads=(1, 2, 2))


@torch.no_grad()
def test_it_starts_as_a_shallow_network_since_gamma_is_zero():
    network = narrow().eval()
    blurry = torch.rand(1, 3, 16, 20)
    one = network(blurry, parser=torch.rand(1, 3, 16, 20))
    other = network(blurry, parser=torch.rand(1, 3, 16, 20))
    torch.testing.assert_close(one, other)
    for name, parameter in network.named_parameters():
        if name.endswith("gamma"):
            parameter.fill_(0.5)
    one = network(blurry, parser=torch.zeros(1, 3, 16, 20))
    other = network(blurry, parser=torch.rand(1, 3, 16, 20))
    assert float((one - other).abs().max()) > 1e-6


@torch.no_grad()
def test_a_narrow_copy_heeds_its_guide_from_the_first_step():
    network = baseline("pptformer").narrowed().build().eval()
    torch.nn.init.normal_(network.restoration_network.exit[0].weight)
    blurry = torch.rand(1, 3, 16, 20)
    one, other = (network(blurry, parser=torch.rand(1, 3, 16, 20)) for _ in range(2))
    assert float((one - other).abs().max()) > 1e-4


def two_colours() -> torch.Tensor:
    """The left part dark, the right part bright, with a little noise."""
    picture = torch.full((1, 3, 24, 40), 0.2)
    picture[..., 16:] = 0.7
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(0))
    return picture + 0.02 * (noise - 0.5)


def test_the_stand_in_paints_regions_in_their_mean_colour(refused):
    picture = two_colours()
    painted = regions(picture)
    assert painted.shape == picture.shape
    assert len(painted[0].flatten(1).unique(dim=1).T) == 2
    for part in (slice(0, 14), slice(18, 40)):
        torch.testing.assert_close(
            painted[..., part],
            picture[..., part].mean((2, 3), keepdim=True).expand_as(painted[..., part]),
            rtol=0,
            atol=0.01,
        )
    with refused(ImageError):
        regions(torch.full((1, 3, 16, 16), torch.nan))


@torch.no_grad()
def test_without_a_parsed_picture_the_stand_in_guides_and_the_row_says_so():
    card = baseline("pptformer").card
    assert not card.needs
    assert "stand-in" in card.display_name
    assert "stand-in" in card.follows
    network, picture = narrow().eval(), two_colours()
    for name, parameter in network.named_parameters():
        if name.endswith("gamma"):
            parameter.fill_(0.5)
    torch.testing.assert_close(
        network(picture), network(picture, parser=regions(picture))
    )
