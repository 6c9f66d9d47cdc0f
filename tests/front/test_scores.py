"""Scores of pictures in memory."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

import defocus
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.row import score_request
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_image

RANDOM = np.random.default_rng(3)
SHARP = as_integer(RANDOM.random((70, 66, 3)), 16)
RESTORED = as_integer(
    np.clip(SHARP / 65535 + 0.1 * RANDOM.standard_normal(SHARP.shape), 0, 1), 16
)
NAMES = ["psnr", "ssim", "mae"]


def test_every_form_has_the_same_score():
    expected = peak_signal_noise_ratio(SHARP, RESTORED, data_range=65535)
    tensor = torch.from_numpy(RESTORED.astype(np.float64) / 65535).permute(2, 0, 1)
    for restored in (RESTORED, RESTORED / 65535, tensor, tensor[None]):
        assert list(defocus.score(restored, SHARP, metrics=NAMES)) == NAMES
        scores = defocus.score(restored, SHARP / 65535, metrics=["psnr"])
        assert scores["psnr"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.full
@pytest.mark.parametrize(
    "profile", ["defocus-v1", "dpdd8", "dpdd8-crop16", "basicsr", "jdrl-sdd"]
)
def test_the_command_gives_the_same(tmp_path, profile):
    for name, picture in (("restored", RESTORED), ("sharp", SHARP)):
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "a.png", picture)
    names = ["psnr", "ssim"]
    expected = score_request(
        ScoreOptions(
            restored=tmp_path / "restored",
            sharp=tmp_path / "sharp",
            profile=profile,
            metric=names,
        )
    )
    scores = defocus.score(RESTORED, SHARP, profile=profile, metrics=names)
    assert scores == {
        name: pytest.approx(expected.mean[name], abs=1e-12) for name in names
    }


def test_a_mask_says_what_counts():
    mask = np.zeros((70, 66), bool)
    mask[10:40, 5:50] = True
    spoilt = RESTORED.copy()
    spoilt[50:] = 0
    first, second = (
        defocus.score(p, SHARP, metrics=NAMES, mask=mask) for p in (RESTORED, spoilt)
    )
    assert first["psnr"] == second["psnr"]


def test_metrics_of_the_input_need_it():
    scores = defocus.score(RESTORED, SHARP, SHARP, metrics=["warp_px", "psnr"])
    assert set(scores) == {"warp_px", "psnr"}


def test_why_a_metric_is_missing_is_said_once(capsys):
    small = SHARP[:24, :30]
    assert [defocus.score(small, small)["lpips"] for _ in range(3)] == [None] * 3
    assert capsys.readouterr().err.count("LPIPS needs 31 px") == 1


def test_a_networks_overshoot_is_the_profiles_business():
    output = SHARP / 65535 + 0.2
    clamped = defocus.score(output, SHARP, profile="dpdd8", metrics=["psnr"])["psnr"]
    free = defocus.score(output, SHARP, profile="dpdd16", metrics=["psnr"])["psnr"]
    assert free == pytest.approx(-20 * np.log10(0.2), abs=1e-6)
    assert clamped > free
