"""MS-SSIM, NIQE and DISTS against other implementations and recorded numbers of them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from skimage import data

from defocus.baselines.weights.backbone_files import BACKBONES
from defocus.benchmark.metrics import dists as dists_module
from defocus.benchmark.metrics import lpips as lpips_module
from defocus.benchmark.metrics.metric import MetricUnavailableError, all_metrics
from defocus.benchmark.scoring.profiles import DEFAULT, PROFILES
from defocus.storage.files import sha256_file

MS_SSIM, NIQE, DISTS, PSNR, SSIM = (
    all_metrics()[name] for name in ("ms_ssim", "niqe", "dists", "psnr", "ssim")
)
PYIQA = PROFILES["pyiqa"]
Picture = NDArray[np.float64]


def astronaut(side: int) -> tuple[Picture, Picture]:
    """A picture and the same behind a blur, 8 bits."""
    sharp = data.astronaut()[:side, :side]
    blurred = np.rint(cv2.GaussianBlur(sharp.astype(np.float64), (9, 9), 1.3))
    return blurred / 255, sharp / 255.0


def everywhere(picture: Picture) -> NDArray[np.bool_]:
    return np.ones(picture.shape[:2], dtype=bool)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (256, {"psnr": 28.646755, "ssim": 0.904767, "ms_ssim": 0.984157}),
        (299, {"psnr": 28.078635, "ssim": 0.884837, "ms_ssim": 0.980022}),
    ],
)
def test_the_profile_pyiqa_gives_the_packages_numbers(side, expected):
    """Recorded with pyiqa 0.1.16; an odd side gets zeros around before it is halved."""
    blurred, sharp = astronaut(side)
    for name, value in expected.items():
        score = all_metrics()[name].score(blurred, sharp, everywhere(sharp), PYIQA)
        assert score == pytest.approx(value, abs=3e-5), name


def plain_ms_ssim(first: Picture, second: Picture) -> float:
    """One channel of even sides, written anew with scipy."""
    taps = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    product = 1.0
    for level, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):

        def mean(values: Picture) -> Picture:
            return correlate1d(correlate1d(values, taps, axis=0), taps, axis=1)[
                5:-5, 5:-5
            ]

        a, b = mean(first), mean(second)
        spread = mean(first**2) - a**2 + mean(second**2) - b**2
        contrast = (2 * (mean(first * second) - a * b) + 0.03**2) / (spread + 0.03**2)
        if level == 4:
            contrast *= (2 * a * b + 0.01**2) / (a**2 + b**2 + 0.01**2)
        product *= contrast.mean() ** weight
        first, second = (
            p.reshape(len(p) // 2, 2, -1, 2).mean(axis=(1, 3)) for p in (first, second)
        )
    return product


def test_ms_ssim_is_the_mean_of_the_channels():
    blurred, sharp = astronaut(192)
    expected = np.mean(
        [plain_ms_ssim(blurred[..., c], sharp[..., c]) for c in range(3)]
    )
    score = MS_SSIM.score(blurred, sharp, everywhere(sharp), DEFAULT)
    assert score == pytest.approx(expected, abs=1e-9)
    assert MS_SSIM.score(sharp, sharp, everywhere(sharp), DEFAULT) == pytest.approx(1.0)


def test_ms_ssim_of_an_odd_picture_and_what_lies_outside_the_mask():
    blurred, sharp = astronaut(401)
    mask = everywhere(sharp)
    mask[:, :150] = False
    score = MS_SSIM.score(blurred, sharp, mask, DEFAULT)
    spoilt = np.where(mask[:, :, None], blurred, 0.0)
    assert MS_SSIM.score(spoilt, sharp, mask, DEFAULT) == score
    assert score != MS_SSIM.score(blurred, sharp, everywhere(sharp), DEFAULT)


def test_ms_ssim_needs_five_scales(refused):
    blurred, sharp = astronaut(175)
    with refused(MetricUnavailableError):
        MS_SSIM.score(blurred, sharp, everywhere(sharp), DEFAULT)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("chelsea", 2.6394778), ("astronaut", 3.0853013), ("coffee", 4.0972455)],
)
def test_niqe_gives_the_numbers_of_the_authors_program(name, expected):
    """Recorded with BasicSR's, which is MATLAB's to 1e-4, of the rounded mean of the channels."""
    grey = np.rint(getattr(data, name)().mean(axis=2)) / 255
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    score = NIQE.score(picture, picture, everywhere(picture), DEFAULT)
    assert score == pytest.approx(expected, abs=1e-4)


def test_niqe_counts_whole_blocks_under_the_mask_and_refuses_flat_pictures(refused):
    blurred, sharp = astronaut(400)
    mask = everywhere(sharp)
    mask[:100] = False
    spoilt = blurred.copy()
    spoilt[:96] = 0.0
    score = NIQE.score(blurred, sharp, mask, DEFAULT)
    assert NIQE.score(spoilt, sharp, mask, DEFAULT) == pytest.approx(score, rel=0.05)
    assert NIQE.score(blurred, sharp, everywhere(sharp), DEFAULT) != score
    with refused(MetricUnavailableError):
        NIQE.score(
            blurred, sharp, mask & False | (np.indices(mask.shape)[0] > 390), DEFAULT
        )
    flat = np.full_like(sharp, 0.5)
    with refused(MetricUnavailableError):
        NIQE.score(flat, sharp, everywhere(sharp), DEFAULT)


@pytest.fixture
def vgg(tmp_path, monkeypatch):
    """The features of a VGG-16 of a seed, stored where torch looks for the real one."""
    from torchvision.models import vgg16

    torch.manual_seed(3)
    with torch.device("meta"):
        shapes = vgg16().features
    features = shapes.to_empty(device="cpu")
    for layer in features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
            torch.nn.init.uniform_(layer.bias, -0.1, 0.1)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = BACKBONES["vgg"].path
    place.parent.mkdir(parents=True)
    torch.save(
        {f"features.{name}": value for name, value in features.state_dict().items()},
        place,
    )
    prefix = sha256_file(place)[:8]
    monkeypatch.setitem(
        BACKBONES, "vgg", replace(BACKBONES["vgg"], sha256_prefix=prefix)
    )
    for cached in (lpips_module.missing_backbone, dists_module._backbone):
        cached.cache_clear()
    yield features.eval()
    for cached in (lpips_module.missing_backbone, dists_module._backbone):
        cached.cache_clear()


def plain_dists(
    features: torch.nn.Sequential, first: Picture, second: Picture
) -> float:
    """Without a mask, with torch's own layers."""
    trust = torch.cat([entry[None] for entry in dists_module._trust()])
    trust /= trust.sum()
    taps = torch.tensor([1.0, 2.0, 1.0]) / 4
    window = torch.outer(taps, taps)[None, None]

    def stages(picture: Picture) -> list[torch.Tensor]:
        values = torch.from_numpy(picture).float().permute(2, 0, 1)[None]
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        kept = [values]
        values = (values - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1)
        for layer in features:
            if isinstance(layer, torch.nn.MaxPool2d):
                kept.append(values)
                channels = values.shape[1]
                squares = torch.nn.functional.conv2d(
                    values**2, window.repeat(channels, 1, 1, 1), None, 2, 1, 1, channels
                )
                values = torch.sqrt(squares + 1e-12)
            else:
                values = layer(values)
        return kept

    score, at = 1.0, 0
    for a, b in zip(stages(first), stages(second), strict=True):
        a, b = a.flatten(2)[0].double(), b.flatten(2)[0].double()
        means, spreads = (
            (a.mean(1), b.mean(1)),
            (a.var(1, correction=0), b.var(1, correction=0)),
        )
        together = ((a - means[0][:, None]) * (b - means[1][:, None])).mean(1)
        texture = (2 * means[0] * means[1] + 1e-6) / (
            means[0] ** 2 + means[1] ** 2 + 1e-6
        )
        structure = (2 * together + 1e-6) / (sum(spreads) + 1e-6)
        alpha, beta = trust[:, at : at + len(a)].double()
        score -= float(alpha @ texture + beta @ structure)
        at += len(a)
    return score


def test_dists_equals_the_formula_on_torchs_layers(vgg):
    blurred, sharp = astronaut(96)
    with torch.no_grad():
        expected = plain_dists(vgg, blurred, sharp)
    score = DISTS.score(blurred, sharp, everywhere(sharp), DEFAULT)
    assert score == pytest.approx(expected, abs=2e-5)
    assert score > 1e-3
    assert DISTS.score(sharp, sharp, everywhere(sharp), DEFAULT) == pytest.approx(
        0.0, abs=1e-5
    )


def test_dists_does_not_see_what_the_mask_hides(vgg, refused):
    blurred, sharp = astronaut(64)
    mask = everywhere(sharp)
    mask[:, :20] = False
    spoilt = np.where(mask[:, :, None], blurred, 0.7)
    assert DISTS.score(spoilt, sharp, mask, DEFAULT) == DISTS.score(
        blurred, sharp, mask, DEFAULT
    )
    with refused(MetricUnavailableError):
        DISTS.score(blurred[:12], sharp[:12], mask[:12], DEFAULT)


def test_metrics_without_reference_say_so_and_none_is_computed_unasked():
    metrics = all_metrics()
    without = {name for name, metric in metrics.items() if metric.against == "nothing"}
    assert without == {"niqe", "musiq", "clipiqa", "maniqa"}
    assert all(metrics[name].on_request for name in {*without, "ms_ssim", "dists"})
