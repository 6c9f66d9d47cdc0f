"""Scores of pictures in memory."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

import defocus
from defocus.benchmark.external_results.row import score_request
from defocus.benchmark.metric.metric import MetricUnavailableError
from defocus.errors import ImageError, InputError
from defocus.images import as_integer, write_image

RANDOM = np.random.default_rng(3)
SHARP = as_integer(RANDOM.random((70, 66, 3)), 16)
RESTORED = as_integer(np.clip(SHARP / 65535 + 0.1 * RANDOM.standard_normal(SHARP.shape), 0, 1), 16)
NAMES = ["psnr", "ssim", "mae"]


def test_every_form_has_the_same_score():
    expected = peak_signal_noise_ratio(SHARP, RESTORED, data_range=65535)
    tensor = torch.from_numpy(RESTORED.astype(np.float64) / 65535).permute(2, 0, 1)
    for restored in (RESTORED, RESTORED / 65535, tensor, tensor[None]):
        assert list(defocus.score(restored, SHARP, metrics=NAMES)) == NAMES
        found = defocus.score(restored, SHARP / 65535, metrics=["psnr"])
        assert found["psnr"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.full
@pytest.mark.parametrize("profile", ["defocus-v1", "dpdd8", "dpdd8-crop16", "basicsr", "jdrl-sdd"])
def test_the_command_gives_the_same(tmp_path, profile):
    for name, picture in (("restored", RESTORED), ("sharp", SHARP)):
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "a.png", picture)
    names = ["psnr", "ssim"]
    told = score_request(tmp_path / "restored", tmp_path / "sharp", None, profile, names)
    found = defocus.score(RESTORED, SHARP, profile=profile, metrics=names)
    assert found == {name: pytest.approx(told.mean[name], abs=1e-12) for name in names}


def test_a_mask_says_what_counts():
    mask = np.zeros((70, 66), bool)
    mask[10:40, 5:50] = True
    spoilt = RESTORED.copy()
    spoilt[50:] = 0
    first, second = (defocus.score(p, SHARP, metrics=NAMES, mask=mask) for p in (RESTORED, spoilt))
    assert first["psnr"] == second["psnr"]
    with pytest.raises(ImageError, match=r"mask is uint8 of shape \(70, 66\); give bool"):
        defocus.score(RESTORED, SHARP, mask=mask.astype(np.uint8))  # type: ignore[arg-type]


def test_metrics_of_the_input_need_it():
    found = defocus.score(RESTORED, SHARP, SHARP, metrics=["warp_px", "psnr"])
    assert set(found) == {"warp_px", "psnr"}
    with pytest.raises(ImageError, match="warp_px needs the blurry picture"):
        defocus.score(RESTORED, SHARP, metrics=["warp_px"])


def test_why_a_metric_is_missing_is_said_once(capsys):
    small = SHARP[:24, :30]
    assert [defocus.score(small, small)["lpips"] for _ in range(3)] == [None] * 3
    assert capsys.readouterr().err.count("LPIPS needs 31 px") == 1


def test_a_metric_that_was_asked_for_is_given_or_explained():
    small = np.zeros((6, 6, 3), np.uint8)
    with pytest.raises(MetricUnavailableError, match=r"ssim: .*7x7"):
        defocus.score(small, small, metrics=["psnr", "ssim"])


@pytest.mark.parametrize(
    ("restored", "settings", "message"),
    [
        (RESTORED.astype(np.int32), {}, "restored is int32"),
        (RESTORED.astype(np.float32), {}, "divide 8 bits by 255, 16 bits by 65535"),
        (RESTORED[:-1], {}, "restored is 66x69 but sharp is 66x70; they must have the same size"),
        (RESTORED.transpose(2, 0, 1), {}, "channels first"),
        (RESTORED, {"profile": "dpdd"}, "no profile 'dpdd'"),
        (RESTORED, {"metrics": "psnr"}, "metrics are of type str; give a list of names"),
        (RESTORED, {"metrics": 5}, "metrics are of type int"),
        (RESTORED, {"mask": [[True]]}, "mask is of type list; give a bool array"),
        (RESTORED, {"metrics": ["psnrr"]}, "no metric 'psnrr'"),
    ],
)
def test_bad_requests_are_one_line(restored, settings, message):
    with pytest.raises(InputError, match=message):
        defocus.score(restored, SHARP, **settings)


def test_a_networks_overshoot_is_the_profiles_business():
    output = SHARP / 65535 + 0.2
    clamped = defocus.score(output, SHARP, profile="dpdd8", metrics=["psnr"])["psnr"]
    free = defocus.score(output, SHARP, profile="dpdd16", metrics=["psnr"])["psnr"]
    assert free == pytest.approx(-20 * np.log10(0.2), abs=1e-6)
    assert clamped > free
