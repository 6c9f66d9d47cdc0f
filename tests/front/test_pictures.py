"""The one place where pictures of programs are checked."""

import numpy as np
import pytest
import torch

from defocus.front.pictures import pictures

RANDOM = np.random.default_rng(5)
FLOATS = RANDOM.random((20, 30, 3)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30, 1), (20, 30)])
def test_an_array_comes_back_as_it_was(dtype, shape):
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    array = (RANDOM.random(shape) * top).astype(dtype)
    given = pictures(array, "picture")
    assert given.pixels.shape == (1, 20, 30, 3)
    back = given.alike(given.floats(np.float64))
    assert back.dtype == array.dtype
    np.testing.assert_allclose(back, array, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
@pytest.mark.parametrize("shape", [(3, 20, 30), (1, 20, 30), (2, 3, 20, 30)])
def test_a_tensor_comes_back_as_it_was(dtype, shape):
    values = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    top = {torch.uint8: 255, torch.uint16: 65535}.get(dtype, 1)
    tensor = (values * top).to(dtype)
    given = pictures(tensor, "picture")
    assert given.pixels.shape[1:] == (20, 30, 3)
    back = given.alike(given.floats())
    assert back.dtype == dtype
    torch.testing.assert_close(back.double(), tensor.double(), rtol=1e-6, atol=1e-6)


def test_integers_of_floats_have_16_bits_and_results_are_cut_off():
    given = pictures(FLOATS, "picture")
    assert given.integers().dtype == np.uint16
    back = given.alike(FLOATS[None] * 3 - 1)
    assert (back.min(), back.max()) == (0.0, 1.0)


def test_bytes_in_the_order_of_another_machine_are_the_same_picture():
    words = 36 * np.arange(20 * 30 * 3, dtype=np.uint16).reshape(20, 30, 3)
    swapped = pictures(words.astype(words.dtype.newbyteorder()), "picture")
    np.testing.assert_array_equal(swapped.pixels[0], words)
    assert swapped.pixels.dtype.isnative


def test_rounding_is_no_reason_to_refuse():
    assert pictures(np.full((8, 8), 1.00001), "picture").pixels.dtype == np.float64


def test_16_bits_that_hold_8_bit_values_are_told(capsys):
    eight = (FLOATS * 255).astype(np.uint8)
    pictures(eight.astype(np.uint16), "blurry")
    assert (
        "warning: blurry is uint16 but has no value above 255"
        in capsys.readouterr().err
    )
    pictures(torch.from_numpy(eight.astype(np.uint16)).permute(2, 0, 1), "blurry")
    assert "no value above 255" in capsys.readouterr().err
    for fine in (
        eight,
        eight.astype(np.uint16) * 257,
        np.zeros((20, 30, 3), np.uint16),
    ):
        pictures(fine, "blurry")
    assert capsys.readouterr().err == ""
