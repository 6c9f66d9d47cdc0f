"""The one place where pictures of programs are checked."""

from typing import Any

import numpy as np
import pytest
import torch

from defocus.errors import ImageError
from defocus.front.pictures import one_picture, pictures, require_network_input, two_pictures
from defocus.images import write_image

RANDOM = np.random.default_rng(5)
FLOATS = RANDOM.random((20, 30, 3)).astype(np.float32)


def spoilt(value: float) -> np.ndarray[Any, Any]:
    picture = FLOATS.copy()
    picture[3, 7, 1] = value
    return picture


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


BAD: dict[str, tuple[Any, str]] = {
    "a list": ([[1, 2], [3, 4]], "picture is of type list"),
    "signed integers": (np.zeros((8, 8, 3), np.int64), "picture is int64; pictures are uint8"),
    "booleans": (np.zeros((8, 8), bool), "picture is bool"),
    "half floats": (torch.zeros(3, 8, 8, dtype=torch.float16), "picture is float16"),
    "0..255": (FLOATS * 255, "instead of 0 to 1; divide 8 bits by 255"),
    "beyond 1": (spoilt(1.5), "to 1.5 instead of 0 to 1; clip"),
    "below 0": (spoilt(-0.5), "from -0.5"),
    "NaN": (spoilt(np.nan), "not finite at row 3, column 7"),
    "infinite": (spoilt(np.inf), "not finite at row 3, column 7"),
    "channels first": (FLOATS.transpose(2, 0, 1), r"looks like channels first; .*transpose"),
    "channels last": (torch.from_numpy(FLOATS), r"looks like channels last; .*permute\(2, 0, 1\)"),
    "batch, last": (torch.from_numpy(FLOATS)[None], r"permute\(0, 3, 1, 2\)"),
    "transparency": (np.zeros((8, 9, 4), np.uint8), "4 channels; leave transparency out"),
    "two channels": (np.zeros((8, 9, 2), np.uint8), r"shape \(8, 9, 2\); give \(H, W, 3\)"),
    "six channels": (torch.zeros(6, 8, 9), "6 channels"),
    "a batch": (np.zeros((2, 8, 9, 3), np.uint8), r"shape \(2, 8, 9, 3\)"),
    "a line": (np.zeros(8, np.uint8), r"shape \(8,\)"),
    "flat tensor": (torch.zeros(8, 9), r"give \(C, H, W\)"),
    "no pixels": (np.zeros((0, 9, 3), np.uint8), "no pixels"),
    "sparse": (torch.zeros(3, 8, 8).to_sparse(), "sparse or meta tensor"),
    "meta": (torch.zeros(3, 8, 8, device="meta"), "sparse or meta tensor"),
    "no tensor": (torch.zeros(0, 3, 8, 8), "no pixels"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture_is_one_line(case):
    picture, message = BAD[case]
    with pytest.raises(ImageError, match=message) as caught:
        pictures(picture, "picture")
    assert "\n" not in str(caught.value)


def test_bytes_in_the_order_of_another_machine_are_the_same_picture():
    words = np.arange(20 * 30 * 3, dtype=np.uint16).reshape(20, 30, 3)
    swapped = pictures(words.astype(words.dtype.newbyteorder()), "picture")
    np.testing.assert_array_equal(swapped.pixels[0], words)
    assert swapped.pixels.dtype.isnative


def test_rounding_is_no_reason_to_refuse():
    assert pictures(spoilt(1.00001), "picture").pixels.dtype == np.float32


def test_one_picture_is_one():
    with pytest.raises(ImageError, match="sharp has 2 pictures"):
        one_picture(torch.zeros(2, 3, 8, 8), "sharp")


def test_a_pair_has_one_size(tmp_path):
    first, second = np.zeros((8, 9, 3), np.uint8), np.zeros((8, 10, 3), np.uint16)
    with pytest.raises(ImageError, match="blurry is 9x8 but sharp is 10x8"):
        two_pictures(first, second)
    write_image(tmp_path / "a.png", first)
    write_image(tmp_path / "b.png", second)
    with pytest.raises(ImageError, match="a pair needs one size"):
        two_pictures(tmp_path / "a.png", str(tmp_path / "b.png"))
    write_image(tmp_path / "b.png", second[:, :9])
    members = two_pictures(tmp_path / "a.png", str(tmp_path / "b.png"))
    assert [member.pixels.dtype for member in members] == [np.uint8, np.uint16]
    assert two_pictures(tmp_path / "a.png", first)[0].pixels.shape == (1, 8, 9, 3)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint16), "given uint16; give floats"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "given uint8; give floats"),
        (torch.full((1, 3, 8, 8), 200.0), "floats from 200 to 200"),
        (torch.full((1, 3, 8, 8), float("nan")), "not finite"),
        (torch.zeros(3, 8, 8), r"it needs \(N, 3, H, W\)"),
        (FLOATS, "a value of type ndarray; it takes a tensor"),
        (torch.zeros(1, 8, 8, 3), r"given \(1, 8, 8, 3\)"),
    ],
)
def test_a_network_is_not_given_nonsense(tensor, message):
    with pytest.raises(ImageError, match=message):
        require_network_input(tensor, 3)


def test_16_bits_that_hold_8_bit_values_are_told(capsys):
    eight = (FLOATS * 255).astype(np.uint8)
    pictures(eight.astype(np.uint16), "blurry")
    assert "warning: blurry is uint16 but has no value above 255" in capsys.readouterr().err
    pictures(torch.from_numpy(eight.astype(np.uint16)).permute(2, 0, 1), "blurry")
    assert "no value above 255" in capsys.readouterr().err
    for fine in (eight, eight.astype(np.uint16) * 257, np.zeros((20, 30, 3), np.uint16)):
        pictures(fine, "blurry")
    assert capsys.readouterr().err == ""
