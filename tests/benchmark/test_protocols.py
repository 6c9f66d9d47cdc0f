"""Targets of the four protocols on pairs whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.metrics.psnr import METRIC as PSNR
from defocus.benchmark.scoring import protocols
from defocus.benchmark.scoring.protocols import PROTOCOLS, Target, make_target
from defocus.benchmark.scoring.score import score_against_input, score_picture
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DefocusError, InputError, NotApplicableError
from defocus.pictures import read as images
from defocus.pictures.values import as_float, as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.scene.pictures import texture

SHIFT = (4, -3)
"""The sharp picture shows at x + SHIFT what the blurry one shows at x."""

HEIGHT, WIDTH = 192, 256


def dataset_of(folder: Path, *, bits: int = 16, flat: bool = False) -> Dataset:
    """One pair: a photograph, blurred in place, and shifted by SHIFT in its sharp picture."""
    margin = 16
    big = linear_to_srgb(texture("astronaut", WIDTH + 2 * margin, HEIGHT + 2 * margin))
    if flat:
        big = np.full_like(big, 0.5)
    left, top = margin - SHIFT[0], margin - SHIFT[1]
    truth = big[margin : margin + HEIGHT, margin : margin + WIDTH]
    pictures = {
        "truth": truth,
        "sharp": big[top : top + HEIGHT, left : left + WIDTH],
        "blurry": gaussian_filter(truth, (1.5, 1.5, 0)),
    }
    for name, picture in pictures.items():
        write_image(folder / f"{name}.png", as_integer(picture, bits))
    blurry, sharp, truth = (
        folder / f"{name}.png" for name in ("blurry", "sharp", "truth")
    )
    pair = Pair("one", "one", "test", blurry, sharp, truth=truth)
    content = f"{bits}{flat}"
    return Dataset("test", folder, (pair,), content, folder / "derived", rendered=True)


@pytest.fixture(autouse=True)
def nothing_kept():
    protocols._targets.clear()


@pytest.fixture(scope="module")
def dis():
    return flow_estimator("dis")


def stored(dataset: Dataset, name: str) -> np.ndarray:
    from defocus.pictures.read import read_image

    return as_float(read_image(dataset.root / f"{name}.png"), np.float64)


class KnownFlow:
    """An estimator that keeps what it was given and answers with one shift everywhere."""

    name = "known"
    weights_sha256 = ""

    def __init__(self, shift: tuple[float, float]) -> None:
        self.shift = shift
        self.given: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        self.given.append((first, second))
        flow = torch.empty(1, 2, *first.shape[2:])
        flow[:, 0], flow[:, 1] = self.shift
        return flow


def psnr(restored: np.ndarray, target: Target) -> float:
    return PSNR.score(restored, target.reference, target.mask)


def test_a_perfect_output_and_one_in_the_wrong_geometry(tmp_path, dis):
    dataset = dataset_of(tmp_path)
    pair = dataset.pairs[0]
    values = {
        (name, output): psnr(
            stored(dataset, output),
            make_target(name, dataset, pair, stored(dataset, output), dis),
        )
        for name in PROTOCOLS
        for output in ("truth", "sharp", "blurry")
    }
    # restored onto the input's geometry: only the target that ignores the shift finds fault
    assert values["truth", "truth"] == 100.0
    assert values["input-aligned", "truth"] > 40
    assert values["deformed-gt", "truth"] > 40
    assert values["gt", "truth"] < 22
    # the sharp picture itself, shifted against the input: the deformed target cannot tell
    assert values["gt", "sharp"] == 100.0
    assert values["truth", "sharp"] < 22
    assert values["input-aligned", "sharp"] < 22
    assert values["deformed-gt", "sharp"] > 40
    # an output that is still blurry is no match anywhere
    assert values["input-aligned", "blurry"] < values["input-aligned", "truth"] - 5
    assert values["truth", "blurry"] < 35


@pytest.mark.parametrize("bits", [8, 16])
def test_gt_and_truth_are_the_stored_pictures_to_the_bit(tmp_path, dis, bits):
    dataset = dataset_of(tmp_path, bits=bits)
    for name, file in (("gt", "sharp"), ("truth", "truth")):
        target = make_target(
            name, dataset, dataset.pairs[0], np.zeros((HEIGHT, WIDTH, 3)), dis
        )
        integers = target.reference * (2**bits - 1)
        np.testing.assert_allclose(integers, np.rint(integers), atol=1e-9)
        np.testing.assert_array_equal(target.reference, stored(dataset, file))
        assert target.reference.dtype == np.float64
        assert target.mask.all()
        assert target.flow == ""


def test_input_aligned_is_one_target_for_every_output(tmp_path, dis):
    dataset = dataset_of(tmp_path)
    pair = dataset.pairs[0]
    first = make_target("input-aligned", dataset, pair, stored(dataset, "truth"), dis)
    second = make_target("input-aligned", dataset, pair, stored(dataset, "blurry"), dis)
    assert first is second
    assert first.flow == "dis"
    # what lies outside the sharp picture's frame cannot be known
    assert not first.mask[:, WIDTH - SHIFT[0] + 1 :].any()
    assert not first.mask[: -SHIFT[1] - 1].any()
    assert first.mask.mean() > 0.7


def test_deformed_gt_warps_the_sharp_picture_onto_the_output(tmp_path):
    dataset = dataset_of(tmp_path)
    estimator = KnownFlow((float(SHIFT[0]), float(SHIFT[1])))
    # beyond white: the estimator gets it clamped
    output = stored(dataset, "truth") + 0.5
    target = make_target("deformed-gt", dataset, dataset.pairs[0], output, estimator)
    first, second = estimator.given[0]
    assert first.dtype == second.dtype == torch.float32
    assert float(first.max()) == 1.0
    np.testing.assert_allclose(
        second[0].permute(1, 2, 0), stored(dataset, "sharp"), atol=1e-7
    )
    inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
    inside[-SHIFT[1] :, : WIDTH - SHIFT[0]] = True
    np.testing.assert_array_equal(target.mask, inside)
    np.testing.assert_allclose(
        target.reference[inside], stored(dataset, "truth")[inside], atol=1e-12
    )
    assert target.flow == "known"


def test_the_border_pixels_own_half_a_pixel(tmp_path):
    dataset = dataset_of(tmp_path)
    pair, output = dataset.pairs[0], stored(dataset, "blurry")
    near = make_target("deformed-gt", dataset, pair, output, KnownFlow((0.4, 0)))
    far = make_target("deformed-gt", dataset, pair, output, KnownFlow((0.6, 0)))
    assert near.mask.all()
    assert (~far.mask).sum() == HEIGHT


def test_an_unknown_misalignment_is_not_applicable_with_its_reason(
    tmp_path, dis, refused
):
    dataset = dataset_of(tmp_path, flat=True)
    with refused(NotApplicableError):
        make_target(
            "input-aligned", dataset, dataset.pairs[0], stored(dataset, "blurry"), dis
        )


def test_pairs_without_a_target(tmp_path, dis, refused):
    dataset = dataset_of(tmp_path)
    bare = replace(dataset.pairs[0], sharp=None, truth=None)
    output = stored(dataset, "blurry")
    for name in ("gt", "input-aligned", "deformed-gt"):
        with refused(NotApplicableError):
            make_target(name, dataset, bare, output, dis)
    with refused(NotApplicableError):
        make_target("truth", dataset, bare, output, dis)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_output_of_another_size_is_an_error(tmp_path, dis, name, refused):
    dataset = dataset_of(tmp_path)
    with refused(DefocusError):
        make_target(
            name, dataset, dataset.pairs[0], np.zeros((HEIGHT, WIDTH - 1, 3)), dis
        )


def test_an_unknown_protocol_names_those_there_are(tmp_path, dis, refused):
    dataset = dataset_of(tmp_path)
    with refused(InputError):
        make_target("gt2", dataset, dataset.pairs[0], np.zeros((4, 4, 3)), dis)


def test_targets_are_read_once_and_cannot_be_written_to(tmp_path, dis, monkeypatch):
    dataset = dataset_of(tmp_path)
    pair, output = dataset.pairs[0], np.zeros((HEIGHT, WIDTH, 3))
    reads = []
    read = images.read_image
    for module in (protocols, images):
        monkeypatch.setattr(
            module,
            "read_image",
            lambda path, white=None: reads.append(path) or read(path, white),
        )
    for _ in range(3):
        for name in ("gt", "truth", "deformed-gt"):
            make_target(name, dataset, pair, output, KnownFlow((0, 0)))
    assert sorted(path.name for path in reads) == ["sharp.png", "truth.png"]
    with pytest.raises(ValueError, match="read-only"):
        make_target("gt", dataset, pair, output, dis).reference[0] = 0
    make_target("gt", replace(dataset, content_hash="other"), pair, output, dis)
    assert len(reads) == 3  # other content, other target


def test_memory_is_bounded(tmp_path, dis, monkeypatch):
    dataset = dataset_of(tmp_path)
    output = np.zeros((HEIGHT, WIDTH, 3))
    one = HEIGHT * WIDTH * (3 * 8 + 1)
    monkeypatch.setattr(protocols, "_KEPT_BYTES", 3 * one)
    for index in range(9):
        pair = replace(dataset.pairs[0], id=f"pair{index}")
        make_target("gt", dataset, pair, output, dis)
    assert len(protocols._targets) == 3


def target(reference: np.ndarray) -> Target:
    return Target(reference, np.ones(reference.shape[:2], dtype=bool))


def test_a_metric_without_value_keeps_its_reason_and_the_others_their_values():
    scores = score_picture(np.zeros((6, 6, 3)), target(np.full((6, 6, 3), 0.5)))
    assert scores["psnr"].value == pytest.approx(6.0206, abs=1e-4)
    assert scores["psnr"].reason == ""
    assert scores["ssim"].value is None
    assert "7x7" in scores["ssim"].reason
    assert scores["lpips"].value is None
    assert "31 px" in scores["lpips"].reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_picture_that_is_not_finite_is_an_error(bad, refused):
    output = np.zeros((8, 8, 3))
    output[3, 3, 1] = bad
    with refused(DefocusError):
        score_picture(output, target(np.zeros((8, 8, 3))))


def test_another_size_is_an_error(refused):
    with refused(DefocusError):
        score_picture(np.zeros((8, 9, 3)), target(np.zeros((8, 8, 3))))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_no_picture_to_score(dtype, refused):
    floats = np.full((24, 24, 3), 0.5)
    integers = np.full((24, 24, 3), 100, dtype)
    with refused(InputError):
        score_picture(floats, target(integers))
    with refused(InputError):
        score_picture(integers, target(floats))
    with refused(InputError):
        score_against_input(floats, integers)
    with refused(InputError):
        score_picture(floats, target(integers.astype(np.float64)))
