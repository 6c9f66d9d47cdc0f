"""Restoring a picture in memory: its form, its tiles, its strength."""

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import defocus
from defocus.baselines.registry import baseline
from defocus.baselines.weights import own as own_weights
from defocus.errors import ImageError, InputError
from defocus.pictures.read import read_image, read_stored
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_float_tiff, write_image
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings

NOISE = np.random.default_rng(8).random((40, 52, 3)).astype(np.float32)
FLOATS = np.clip(2 * cv2.GaussianBlur(NOISE, (0, 0), 2.0) - 0.5, 0, 1)
BYTES = as_integer(FLOATS, 8)


class Darker(nn.Module):
    """Takes a quarter of the light, and adds what a picture cannot have."""

    def __init__(self, beyond: float = 0.0) -> None:
        super().__init__()
        self.beyond = beyond

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return 0.75 * blurry + self.beyond


def test_every_form_of_one_picture_gives_the_same():
    forms: dict[str, Any] = {
        "bytes": BYTES,
        "words": BYTES.astype(np.uint16) * 257,
        "floats": BYTES / np.float32(255),
        "tensor": torch.from_numpy(BYTES).permute(2, 0, 1),
        "batch": torch.from_numpy(BYTES / np.float32(255)).permute(2, 0, 1)[None],
    }
    for name, form in forms.items():
        restored = defocus.restore(form, "wiener", guard=False)
        assert (type(restored), restored.dtype, restored.shape) == (
            type(form), form.dtype, form.shape
        ), name  # fmt: skip
        forms[name] = restored
    assert np.abs(forms["words"] / 65535 - forms["floats"]).max() <= 0.5 / 65535 + 1e-6
    assert np.abs(forms["bytes"] / 255 - forms["floats"]).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(
        forms["tensor"].permute(1, 2, 0).numpy(), forms["bytes"]
    )
    batch = forms["batch"][0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(batch, forms["floats"], atol=1e-6)
    assert np.abs(forms["floats"] - BYTES / 255).max() > 0.01  # something was restored


def test_grey_stays_grey_and_pictures_of_a_batch_do_not_mix():
    grey = defocus.restore(BYTES[:, :, 0], Darker(), guard=False)
    assert np.abs(grey - 0.75 * BYTES[:, :, 0]).max() <= 0.5 + 1e-4
    batch = torch.from_numpy(np.stack([FLOATS, 1 - FLOATS])).permute(0, 3, 1, 2)
    restoration = defocus.restore(batch, Darker(), guard=False)
    torch.testing.assert_close(restoration, 0.75 * batch)


def test_a_file_is_restored_as_the_command_does(tmp_path):
    path = tmp_path / "a.png"
    write_image(path, as_integer(np.tile(FLOATS, (8, 6, 1)), 16))
    wiener = baseline("wiener")
    for tile in (256, 0):
        out = tmp_path / f"out-{tile}"
        settings = RestoreSettings(out=out, tile=tile)
        restore_pictures([path], wiener, None, torch.device("cpu"), settings)
        restored = defocus.restore(str(path), "wiener", tile=tile)
        assert restored.dtype == np.uint16
        np.testing.assert_array_equal(restored, read_image(out / "a.png"))


@pytest.mark.parametrize(
    ("most", "given", "words"),
    [
        (0.9, None, ""),
        (220.0, None, "values reach 220, so white is taken as 255"),
        (5.0, 5.0, ""),
        (1e6, 1e6, ""),
        (1.4, 1.0, ""),
    ],
)
def test_a_file_of_floats_is_restored_as_the_command_does(
    tmp_path, capsys, most, given, words
):
    path = tmp_path / "a.tif"
    values = np.tile(FLOATS, (8, 6, 1)) * np.float32(most / FLOATS.max())
    write_float_tiff(path, values, photometric="rgb")
    settings = RestoreSettings(out=tmp_path / "out", white=given)
    cpu = torch.device("cpu")
    (written,) = restore_pictures([path], baseline("wiener"), None, cpu, settings)
    assert any(words in one for one in written.remarks) == bool(words)
    capsys.readouterr()
    restored = defocus.restore(path, "wiener", white=given)
    assert restored.dtype == np.float32
    np.testing.assert_array_equal(restored, read_stored(tmp_path / "out" / "a.tif"))
    said = capsys.readouterr().err
    assert said == (f"{path}: {words}\n" if words else "")


def test_floats_of_no_known_white_are_asked_about(tmp_path, refused):
    path = tmp_path / "a.tif"
    write_float_tiff(path, np.full((64, 64), 5.5, np.float32))
    with refused(ImageError):
        defocus.restore(path, "wiener")
    with refused(ImageError):
        defocus.restore(path, "wiener", white=-1.0)


def test_strength_blends():
    for strength in (0.0, 0.5, 1.0, 2.0):
        blended = defocus.restore(FLOATS, Darker(), strength=strength, guard=False)
        np.testing.assert_allclose(blended, FLOATS * (1 - 0.25 * strength), atol=1e-6)
    # stays in range
    assert defocus.restore(FLOATS, Darker(1.0), guard=False).max() == 1.0


def test_without_a_system_it_is_the_packages_own(tmp_path, monkeypatch, refused):
    monkeypatch.setattr(own_weights, "files", lambda package: tmp_path)
    with refused(InputError):
        defocus.restore(BYTES)
