"""DnCNN, FFDNet: their traps and their training."""

import torch
from torch import nn

from defocus.baselines.systems.dncnn.network import DnCNN
from defocus.baselines.systems.ffdnet.network import FFDNet


@torch.no_grad()
def test_the_normalised_denoiser_is_the_merged_one() -> None:
    """Batch normalisation of eps 1e-4 goes into the convolutions, as in the released weights."""
    torch.manual_seed(0)
    network, merged = DnCNN(depth=5).double().eval(), DnCNN(depth=5, normalised=False).double()
    norms = [layer for layer in network.model if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
        nn.init.uniform_(norm.running_var, 1e-4, 1e-3)  # type: ignore[arg-type]
    ours = [layer for layer in network.model if isinstance(layer, nn.Conv2d)]
    theirs = [layer for layer in merged.model if isinstance(layer, nn.Conv2d)]
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        other.load_state_dict(one.state_dict())
        if 0 < index < len(ours) - 1:
            norm = norms[index - 1]
            scale = norm.weight / (norm.running_var + 1e-4).sqrt()  # type: ignore[operator]
            other.weight.mul_(scale[:, None, None, None])
            other.bias.sub_(norm.running_mean).mul_(scale).add_(norm.bias)  # type: ignore[union-attr,arg-type]
    picture = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(picture), merged(picture), rtol=1e-9, atol=1e-9)
    for convolution in theirs:
        nn.init.zeros_(convolution.weight)
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    assert torch.equal(merged(picture), picture), "it gives what is taken off the picture"


@torch.no_grad()
def test_the_denoiser_is_told_a_level_per_picture() -> None:
    network = FFDNet(width=8, depth=3).eval()
    picture = torch.rand(1, 3, 17, 21).expand(2, -1, -1, -1)
    both = network.denoised(picture, torch.tensor([0.1, 0.4]).view(2, 1, 1, 1))
    assert both.shape == picture.shape
    assert not torch.allclose(both[0], both[1])
    torch.testing.assert_close(
        network(picture)[:1],
        network.denoised(picture[:1], torch.full((1, 1, 1, 1), 15 / 255)),
        rtol=0,
        atol=1e-5,
    )
