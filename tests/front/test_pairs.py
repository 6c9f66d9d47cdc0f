"""The misalignment of pairs in memory, in every form."""

import numpy as np
import pytest
import torch

import defocus
from defocus.datasets import sample
from defocus.errors import AlignmentError


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    # all scenes would be rendered for this one
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEFOCUS_CACHE", str(tmp_path_factory.mktemp("cafe")))
        patch.setattr(
            sample, "SCENES", [one for one in sample.SCENES if one.name == "cafe"]
        )
        return defocus.open_dataset("sample:strong")[0]


@pytest.mark.full
def test_a_pair_is_measured_and_aligned_in_its_own_form(pair):
    assert pair.truth is not None
    measurement = defocus.measure_pair(pair.blurry, pair.sharp)
    true = pair.metadata["true_misalignment"]
    assert measurement.similarity.zoom == pytest.approx(true["zoom"], abs=2e-3)

    aligned = defocus.align_pair(pair.files.blurry, pair.files.sharp)
    assert aligned.sharp.dtype == np.uint16
    assert aligned.valid_mask.mean() > 0.8
    before = defocus.score(pair.sharp, pair.truth, metrics=["psnr"])["psnr"]
    after = defocus.score(
        aligned.sharp, pair.truth, metrics=["psnr"], mask=aligned.valid_mask
    )
    assert after["psnr"] > before + 3

    tensor = torch.from_numpy(pair.sharp.astype(np.float32) / 65535).permute(2, 0, 1)
    again = defocus.align_pair(pair.blurry, tensor)
    np.testing.assert_allclose(
        again.sharp.permute(1, 2, 0).numpy(),
        aligned.sharp / np.float32(65535),
        atol=1e-4,
    )


def test_a_picture_given_twice_is_said_and_without_texture_unknown(
    refused, capsys, snapshot
):
    flat = np.full((64, 64, 3), 9, np.uint8)
    assert defocus.measure_pair(flat, flat).status == "unknown"
    assert capsys.readouterr().err == snapshot
    with refused(AlignmentError):
        defocus.align_pair(flat, flat)
