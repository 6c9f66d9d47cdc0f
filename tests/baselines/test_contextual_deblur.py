"""ContextualDeblur: tiles, positions, the order of a token's values, its objective."""

import functools

import torch

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.contextual_deblur.network import (
    CONTEXTUAL_BLOCKS,
    ContextualDeblur,
    _initial_positions,
    _test_positions,
    places,
    stitch,
)
from tests.baselines.overfitting import paired_batch


def narrow() -> ContextualDeblur:
    torch.manual_seed(0)
    return ContextualDeblur(
        encoder=(24, 2), contextual=(2, CONTEXTUAL_BLOCKS), decoder=(32, 2)
    )


def test_tiles_stand_every_94_pixels_and_the_last_at_the_border():
    tops = sorted({top for top, _ in places(600, 320)})
    assert tops == [0, 94, 188, 280]
    assert places(320, 320) == [(0, 0)]
    assert places(100, 64) == [(0, 0)]
    assert {left for _, left in places(320, 414)} == {0, 94}


def test_overlapping_tiles_are_averaged_by_their_count():
    picture = torch.rand(2, 1, 330, 420)
    given = stitch(picture, lambda tiles: tiles[..., 5:-5, 5:-5], 10)
    torch.testing.assert_close(given, picture[..., 5:-5, 5:-5])
    counted = iter(range(100))
    numbered = stitch(
        picture[:1, :, :320],
        lambda tiles: tiles.new_tensor([[[[next(counted)]]] for _ in tiles]).expand(
            -1, 1, 310, 310
        ),
        10,
    )
    # Tiles at 0, 94 and 100: the first alone, all three, the last alone.
    assert numbered[0, 0, 0, [0, 97, 150, 409]].tolist() == [0.0, 0.5, 1.0, 2.0]


@torch.no_grad()
def test_memory_is_bounded_by_sixteen_tiles():
    sizes: list[int] = []

    def count(tiles: torch.Tensor) -> torch.Tensor:
        sizes.append(tiles.shape[0])
        return tiles[..., 5:-5, 5:-5]

    stitch(torch.rand(1, 1, 700, 800), count, 10)
    assert sum(sizes) == len(places(700, 800)) == 42
    assert max(sizes) == 16


def test_positions_of_small_tiles_are_a_corner_of_a_whole_tile_s():
    stored = _initial_positions(24)
    assert stored.shape == (1, 35 * 35 + 1, 24)
    assert float(stored[0, 0].abs().max()) == 0.0
    whole = _test_positions(stored, 31, 31)
    part = _test_positions(stored, 2, 3)
    assert whole.shape == (1, 962, 24)
    torch.testing.assert_close(part[:, 1:4], whole[:, 1:4])
    torch.testing.assert_close(part[:, 4:7], whole[:, 32:35])


@torch.no_grad()
def test_the_stored_positions_stay_as_they_were():
    """The official test writes other ones of another shape into the parameter."""
    network = narrow().eval()
    before = network.primary_encoder.pretrain_mae.pos_embed.clone()
    network(torch.rand(1, 3, 40, 50))
    after = network.primary_encoder.pretrain_mae.pos_embed
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert not after.requires_grad


@torch.no_grad()
def test_a_narrow_copy_has_small_tiles_and_patches():
    network = baseline("contextual-deblur").narrowed().build().eval()
    torch.nn.init.normal_(network.outputprojr_step.weight)
    for size in ((16, 17), (33, 131)):
        assert network(torch.rand(1, 3, *size)).shape == (1, 3, *size)
    picture = torch.rand(1, 3, 64, 160)
    changed = picture.clone()
    changed[..., 8] += 0.5
    seen = (network(changed) - network(picture)).abs().amax(dim=(0, 1, 2)) > 1e-4
    reach = network.tile + 6  # and half of the last convolution
    assert not seen[reach:].any(), "a tile of the whole network would see all columns"
    assert seen[network.tile - 4]


def test_the_objective_describes_tiles_picture_by_picture():
    network = narrow().train()
    pictures = torch.rand(2, 3, 30, 330)
    embeddings, logits = network.describe(pictures)
    assert embeddings.shape == (2, 2, 4)
    assert logits.shape == (2, 2)
    network.eval()
    alone = functools.partial(torch.testing.assert_close, rtol=1e-4, atol=1e-5)
    alone(network.describe(pictures)[1][1:], network.describe(pictures[1:])[1])


def test_another_network_is_refused(refused):
    with refused(TypeError):
        objective("contextual_deblur")(
            torch.nn.Conv2d(3, 3, 1), paired_batch(16), Progress(0, 0.0)
        )
