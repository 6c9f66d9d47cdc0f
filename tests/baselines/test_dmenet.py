"""DMENet: TensorFlow's layers, the map in pixels, the objective."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.dmenet import (
    DomainCritic,
    RealPictures,
    resized_label,
)
from defocus.baselines.registry import baseline
from defocus.baselines.systems.dmenet.network import (
    DMENet,
    UnscaledBatchNorm,
    blur_sigma_px,
    defocus_map_px,
)
from defocus.errors import InputError, SettingsError
from defocus.pictures.write import write_image
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.baselines.overfitting import paired_batch


def test_batch_norm_has_a_shift_and_no_scale():
    layer = UnscaledBatchNorm(2)
    assert list(layer.state_dict()) == ["bias", "running_mean", "running_var"]
    features = torch.randn(3, 2, 5, 5) * 3 + 1
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.5, -1.0]))
        trained = layer(features)
        torch.testing.assert_close(trained.mean(dim=(0, 2, 3)), layer.bias.data)
        # Decay 0.9: a tenth of the batch's mean goes into the moving one.
        torch.testing.assert_close(
            layer.running_mean, 0.1 * features.mean(dim=(0, 2, 3))
        )
        layer.eval()
        expected = (features[:, :1] - layer.running_mean[0]) / torch.sqrt(
            layer.running_var[0] + 1e-5
        )
        torch.testing.assert_close(layer(features)[:, :1], expected + 0.5)


def test_the_output_stands_for_diameters_up_to_fifteen_pixels():
    share = torch.tensor([0.0, 1 / 15, 0.2, 1.0])
    torch.testing.assert_close(
        defocus_map_px(share), torch.tensor([0.0, 1.0, 3.0, 15.0])
    )
    torch.testing.assert_close(blur_sigma_px(share), torch.tensor([0.0, 0.0, 1.0, 7.0]))


def test_labels_are_resized_with_aligned_corners():
    label = torch.arange(7.0)[None, None, None].expand(1, 1, 7, 7)
    resized = resized_label(label, (7, 3))
    assert resized.shape == (1, 1, 7, 3)
    assert resized[0, 0, 0].tolist() == [0.0, 3.0, 6.0]


def test_it_learns_a_map_by_heart_and_the_heads_after_ten_epochs():
    torch.manual_seed(0)
    network, criterion = DMENet(divide_channels_by=16).train(), objective("dmenet")
    batch = paired_batch(32)
    ramp = torch.linspace(0, 20, 32).expand(2, 1, 32, 32)  # above 15 px counts as 15 px
    batch = dataclasses.replace(batch, supervision={"defocus_map": ramp})
    early, parts = criterion(network, batch, Progress(0, 9.9))
    early.backward()
    assert set(parts) == {"map"}
    head = network.main_net.defocus_net.decoder.u3_aux.c2
    assert head.weight.grad is None
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3, betas=(0.9, 0.999))
    losses = []
    for step in range(12):
        loss, parts = criterion(network, batch, Progress(step, 10.0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert set(parts) == {"map", "heads", "perceptual"}
    assert head.weight.grad is not None
    assert torch.isfinite(head.weight.grad).all()


def real_pictures(folder: Path, side: int = 40) -> dict[str, object]:
    """Two folders: with masks whose left half is in focus, and without."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros_like(noise)
    mask[:, : side // 2] = 255
    for name, picture in (
        ("image/1.png", noise),
        ("gt/1.png", mask),
        ("bare/1.png", noise),
    ):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        write_image(path, picture)
    return {
        "labelled": str(folder),
        "unlabelled": str(folder / "bare"),
        "divide_channels_by": 16,
    }


def test_the_critic_is_padded_as_tensorflow_pads():
    critic = DomainCritic()
    kernels = 64 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512
    assert (
        sum(p.numel() for p in critic.parameters())
        == 16 * kernels + 64 + 128 + 256 + 512
    )
    with torch.no_grad():
        assert critic(torch.rand(1, 64, 30, 64)).shape == (1, 1, 1, 2)
        first = critic.layers[0]
        torch.nn.init.ones_(first.weight)
        seen = first(torch.ones(1, 64, 15, 16))[0, 0] / 64
    assert seen.shape == (8, 8)
    assert seen[0, 1] == 3 * 4  # one row above
    assert seen[7, 1] == 2 * 4  # two below


def test_it_adapts_to_real_pictures_after_ten_epochs(tmp_path):
    torch.manual_seed(0)
    recipe, network = baseline("dmenet").recipe(), DMENet(divide_channels_by=16).train()
    criterion = objective("dmenet", **real_pictures(tmp_path)).train()
    batch = paired_batch(32, 1)
    ramp = torch.linspace(0, 15, 32).expand(1, 1, 32, 32)
    batch = dataclasses.replace(batch, supervision={"defocus_map": ramp})
    optimisers = make_optimisers(recipe, network, criterion)

    def step(epoch: float) -> dict[str, float]:
        return optimiser_step(
            recipe,
            optimisers,
            network,
            criterion,
            batch,
            Progress(1, epoch),
            learning_rate=1e-3,
        )

    assert set(step(9.0)) == {"loss", "map"}
    losses = [step(10.0) for _ in range(5)]
    assert {"focus", "adversarial", "adversary"} < set(losses[0])
    assert losses[-1]["focus"] < losses[0]["focus"]
    for part in (network, criterion):
        assert all(
            torch.isfinite(p.grad).all()
            for p in part.parameters()
            if p.grad is not None
        )
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)  # the training seeds each step: crops come again
        drawn.append(RealPictures(tmp_path / "bare").draw(batch.blurry))
    assert torch.equal(*drawn)


def test_folders_that_cannot_be_used_are_named(tmp_path, refused):
    settings = real_pictures(tmp_path)
    with refused(SettingsError):
        objective("dmenet", labelled=settings["labelled"])
    with refused(SettingsError):
        objective("dmenet", **settings | {"unlabelled": str(tmp_path / "none")})
    criterion = objective("dmenet", **settings)
    batch = paired_batch(48)
    batch = dataclasses.replace(
        batch, supervision={"defocus_map": torch.zeros(2, 1, 48, 48)}
    )
    with refused(InputError):
        criterion(DMENet(divide_channels_by=16), batch, Progress(1, 10.0))
    (tmp_path / "gt" / "1.png").rename(tmp_path / "gt" / "2.png")
    with refused(SettingsError):
        objective("dmenet", **settings)
