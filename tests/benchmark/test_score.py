"""``defocus-bench score`` and the profiles, against plain transcriptions of the recipes."""

import json
import re
import zlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.external_results.matching import (
    Match,
    Subject,
    dataset_subjects,
    match,
    nearly_equal,
)
from defocus.benchmark.external_results.mistakes import Look, look, looked_at
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.row import score_request, scoring_table
from defocus.benchmark.external_results.scoring import score_outputs
from defocus.benchmark.metrics.metric import all_metrics, profile_metrics
from defocus.benchmark.metrics.ssim import whole_windows
from defocus.benchmark.scoring.fused import fused_sums
from defocus.benchmark.scoring.profile_by_name import find_profile
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.scoring.protocols import deformed_target
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import InputError
from defocus.pictures.png import PNG_HEAD_BYTES, png_chunk
from tests.benchmark.recipes import RECIPES, eight_bit, full_scale, read, three
from tests.benchmark.test_protocols import KnownFlow
from tests.datasets.test_release_facts import wide_profile

pytestmark = pytest.mark.usefixtures("no_weights")

DB, UNITS = 1e-5, 1e-6


def scene(seed: int, height: int, width: int) -> np.ndarray:
    noise = cv2.GaussianBlur(
        np.random.default_rng(seed).random((height, width, 3)), (0, 0), 2
    )
    return np.asarray((noise - noise.min()) / (noise.max() - noise.min()))


def stored(path: Path, picture: np.ndarray, bits: int) -> Path:
    scaled = np.round(np.clip(picture, 0, 1) * (2**bits - 1))
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), scaled.astype(np.uint16 if bits == 16 else np.uint8))
    return path


def pair_of(kind: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Output and sharp picture in [0, 1] and the bits they are kept with."""
    random = np.random.default_rng(4)
    sharp = scene(1, 83, 101)
    if kind == "random":
        return random.random((40, 52, 3)), random.random((40, 52, 3)), 8
    if kind == "saturated":
        return np.round(3 * sharp - 1), np.round(3 * sharp - 0.9) * 0.98, 8
    if kind == "constant":
        return np.full((33, 35, 3), 51 / 255), np.full((33, 35, 3), 77 / 255), 8
    if kind == "tiny":
        return random.random((16, 16, 3)), random.random((16, 16, 3)), 16
    return sharp + 0.03 * random.standard_normal(sharp.shape), sharp, 16


@pytest.mark.parametrize(
    "kind", ["random", "saturated", "constant", "tiny", "sixteen-bit"]
)
def test_every_profile_gives_the_value_of_its_recipe(kind, tmp_path):
    output, sharp, bits = pair_of(kind)
    first = stored(tmp_path / "restored" / "a.png", output, bits)
    second = stored(tmp_path / "sharp" / "a.png", sharp, bits)
    for name, recipe in RECIPES.items():
        image = score_request(
            ScoreOptions(restored=first.parent, sharp=second.parent, profile=name)
        ).images[0]
        expected = recipe(first, second)
        for metric, value in expected.items():
            tolerance = DB if metric == "psnr" else UNITS
            assert image[metric] == pytest.approx(value, abs=tolerance), (name, metric)
    assert "mae" in all_metrics()
    cropped = score_request(
        ScoreOptions(restored=first.parent, sharp=second.parent, profile="dpdd8-crop16")
    )
    assert cropped.images[0]["mae"] is None
    assert any(note.startswith("mae: no part of the profile") for note in cropped.notes)


@pytest.mark.full
@pytest.mark.parametrize("name", ["jdrl-sdd", "jdrl-sdd-fixed"])
def test_jdrls_profiles_warp_the_sharp_picture_as_its_script_does(name, tmp_path):
    sharp = scene(2, 64, 96)
    first = stored(
        tmp_path / "restored" / "a.png", cv2.GaussianBlur(sharp, (0, 0), 1), 8
    )
    second = stored(tmp_path / "sharp" / "a.png", sharp, 8)
    image = score_request(
        ScoreOptions(restored=first.parent, sharp=second.parent, profile=name)
    ).images[0]

    output, truth = (
        torch.from_numpy(full_scale(p)[:, :, ::-1].transpose(2, 0, 1)[None].copy())
        for p in (read(first), read(second))
    )
    flow = flow_estimator("pwcnet")(output.float(), truth.float()).double()
    x = torch.linspace(-1, 1, 96, dtype=torch.float64).view(1, 1, 96).expand(1, 64, 96)
    y = torch.linspace(-1, 1, 64, dtype=torch.float64).view(1, 64, 1).expand(1, 64, 96)
    grid = torch.stack([x + flow[:, 0] / (95 / 2), y + flow[:, 1] / (63 / 2)], dim=3)
    corners = name == "jdrl-sdd-fixed"
    warped = torch.nn.functional.grid_sample(
        truth, grid, padding_mode="border", align_corners=corners
    )
    expected = three(*(p[0].permute(1, 2, 0).numpy() for p in (output, warped)))
    assert image["psnr"] == pytest.approx(expected["psnr"], abs=DB)
    assert image["ssim"] == pytest.approx(expected["ssim"], abs=UNITS)
    plain = three(full_scale(read(first)), eight_bit(second) / 255)
    assert image["psnr_unwarped"] == pytest.approx(plain["psnr"], abs=DB)
    assert 0 < image["flow_px"] < 5


def test_the_official_grid_alone_costs_an_equal_pair_its_score():
    """With no flow at all, the released warp moves the borders by half a pixel."""
    noise = cv2.GaussianBlur(
        np.random.default_rng(0).random((280, 420, 3)), (0, 0), 1.7
    )
    sharp = np.clip(0.5 + 0.15 * (noise - noise.mean()) / noise.std(), 0, 1)
    moved = deformed_target(sharp, sharp, KnownFlow((0, 0)), "official").reference
    kept = deformed_target(sharp, sharp, KnownFlow((0, 0)), "correct").reference
    assert three(moved, sharp)["psnr"] == pytest.approx(32, abs=1)
    assert np.abs(kept - sharp).max() < 1e-11


def test_profiles_are_frozen(refused):
    """A released profile never changes under its name; give a changed one a new name."""
    facts = {
        name: tuple(getattr(profile, field.name) for field in fields(profile)[2:])
        for name, profile in PROFILES.items()
    }
    own, high, box, gauss = "own", "high-byte", "uniform-7", "gaussian-11"
    of_printed = ("own", "corner", 1.0, "area", "pictures")
    plain = (False, False, False, 0.0, *of_printed)
    theirs = (True, True, True, 1e-8, *of_printed)
    assert facts == {
        "defocus-v1": (
            own,
            True,
            False,
            1,
            box,
            True,
            (),
            "input-aligned",
            "correct",
            *plain,
        ),
        "dpdd16": (own, False, False, 1, box, False, (), "gt", "correct", *plain),
        "dpdd8": (high, True, False, 1, box, False, (), "gt", "correct", *plain),
        "dpdd8-crop16": (
            high,
            True,
            False,
            16,
            box,
            False,
            ("mae",),
            "gt",
            "correct",
            *plain,
        ),
        "png8": (high, True, True, 1, box, False, (), "gt", "correct", *plain),
        "jdrl-sdd": (
            high,
            True,
            False,
            1,
            box,
            False,
            (),
            "deformed-gt",
            "official",
            *plain,
        ),
        "jdrl-sdd-fixed": (
            high,
            True,
            False,
            1,
            box,
            False,
            (),
            "deformed-gt",
            "correct",
            *plain,
        ),
        "basicsr": (high, True, True, 1, gauss, False, (), "gt", "correct", *plain),
        "pyiqa": (high, True, True, 1, gauss, False, (), "gt", "correct", *theirs),
    }
    with refused(InputError):
        find_profile("dpdd32")


@pytest.mark.parametrize("size", [(560, 1000), (64, 97), (7, 7), (7, 40), (31, 8)])
def test_the_fused_pass_equals_its_plain_twin_and_itself_to_the_bit(size):
    random = np.random.default_rng(0)
    first, second = random.random((*size, 3)), random.random((*size, 3))
    holes = np.ones(size, bool)
    holes[size[0] // 2 :: 9, :: max(size[1] // 2, 7)] = False
    for mask in (np.ones(size, bool), holes):
        if size == (560, 1000) and mask is holes:
            continue
        sums = fused_sums(first, second, mask)
        assert sums == fused_sums(first.copy(), second.copy(), mask.copy())
        assert sums.squared_error == pytest.approx(
            np.square(first - second)[mask].mean(), abs=1e-14
        )
        assert sums.absolute_error == pytest.approx(
            np.abs(first - second)[mask].mean(), abs=1e-14
        )
        if sums.ssim is None:
            assert not whole_windows(mask, 7).any()
        else:
            plain = all_metrics()["ssim"].score(first, second, mask)
            assert sums.ssim == pytest.approx(plain, abs=1e-12)
    assert fused_sums(first, first, np.ones(size, bool)).ssim == pytest.approx(
        1.0, abs=1e-12
    )


@pytest.fixture
def outputs(tmp_path):
    """Restored pictures in ``out``: whole, cut short, too narrow, unknown, and none of one."""
    for name in ("a", "cut", "deep/c", "good", "small"):
        (tmp_path / "sharp" / name).parent.mkdir(parents=True, exist_ok=True)
        stored(tmp_path / "sharp" / f"{name}.png", scene(3, 24, 32), 16)
    for name in ("a", "cut", "good", "small", "z"):
        stored(
            tmp_path / "out" / f"{name}.png",
            scene(4, 24, 30 if name == "small" else 32),
            8,
        )
    cut = tmp_path / "out" / "cut.png"
    cut.write_bytes(cut.read_bytes()[:-200])
    (tmp_path / "out" / "log.txt").write_text("no picture")
    for name in ("cafe", "park"):
        stored(tmp_path / "two" / f"{name}.tif", scene(5, 24, 32), 16)
        stored(tmp_path / "mine" / f"{name}_MyNet.png", scene(5, 24, 32), 16)
        for end in "AB":
            stored(tmp_path / "both" / f"{name}_{end}.png", scene(5, 24, 32), 8)


@pytest.mark.parametrize(
    "words",
    [
        "out sharp",
        "--restored out --sharp sharp --crop centre",
        "mine two",
        "both two",
        "mine two --match stem",
    ],
)
def test_the_command(run, outputs, words, said, snapshot):
    """One picture that is missing or cannot be scored stops no other; the code is 1 then."""
    score = ("defocus-bench", "score", *words.split(), "--profile", "dpdd8")
    assert said(run(*score, TORCH_HOME="none")) == snapshot


def test_the_command_gives_json(run, outputs):
    score = ("defocus-bench", "score", "out", "sharp", "--profile", "dpdd8", "--json")
    document = json.loads(run(*score, code=1, TORCH_HOME="none").stdout)
    keys = "profile images mean missing extra notes matched files left_out cropped warnings"
    assert list(document) == keys.split()
    assert (document["missing"], document["extra"]) == (["deep/c.png"], ["z.png"])
    assert [image["name"] for image in document["images"]] == ["a.png", "good.png"]
    assert {one["id"] for one in document["left_out"]} == {"cut.png", "small.png"}
    assert document["images"][0]["lpips"] is document["mean"]["lpips"] is None
    assert document["mean"]["psnr"] == document["images"][0]["psnr"]


def test_what_cannot_be_compared_is_refused_with_its_reason(tmp_path):
    sharp = stored(tmp_path / "sharp" / "a.png", scene(1, 24, 32), 8).parent
    other = stored(tmp_path / "other" / "a.png", scene(1, 24, 30), 8).parent
    (unlike,) = score_request(
        ScoreOptions(restored=other, sharp=sharp, profile="dpdd8")
    ).left_out
    assert re.search(r"a.png is 30x24 but .*a.png is 32x24", unlike.reason)
    assert any(
        "identical" in note
        for note in score_request(
            ScoreOptions(restored=sharp, sharp=sharp, profile="png8")
        ).notes
    )
    with pytest.raises(InputError, match="no such folder"):
        score_request(
            ScoreOptions(restored=tmp_path / "nowhere", sharp=sharp, profile="dpdd8")
        )
    with pytest.raises(InputError, match="drop --flow-weights"):
        score_request(
            ScoreOptions(
                restored=sharp,
                sharp=sharp,
                profile="dpdd8",
                flow_weights=tmp_path / "x.pth",
            )
        )
    with pytest.raises(InputError, match="no metric 'vmaf'"):
        score_request(
            ScoreOptions(restored=sharp, sharp=sharp, profile="dpdd8", metric=("vmaf",))
        )
    stored(other / "a.tif", scene(1, 24, 32), 8)
    with pytest.raises(InputError, match="differ in suffix alone"):
        score_request(ScoreOptions(restored=other, sharp=sharp, profile="dpdd8"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures in it"):
        score_request(
            ScoreOptions(restored=sharp, sharp=tmp_path / "empty", profile="dpdd8")
        )


def test_outputs_already_cropped_by_their_authors_fit(tmp_path):
    picture = scene(6, 50, 70)
    sharp = stored(tmp_path / "sharp" / "a.png", picture, 16).parent
    whole = stored(tmp_path / "whole" / "a.png", picture**1.1, 16).parent
    cut = stored(tmp_path / "cut" / "a.png", picture[:48, :64] ** 1.1, 16).parent
    first, second = (
        score_request(
            ScoreOptions(restored=p, sharp=sharp, profile="dpdd8-crop16")
        ).images
        for p in (whole, cut)
    )
    assert first == second


@pytest.mark.full
def test_the_common_centre_scores_as_pictures_cut_by_hand(tmp_path):
    sharp, restored = scene(6, 66, 98), scene(6, 66, 98)[1:-1, 3:-3] ** 1.1
    first = stored(tmp_path / "whole" / "a.png", restored, 8)
    second = stored(tmp_path / "sharp" / "a.png", sharp, 8)
    by_hand = stored(tmp_path / "by-hand" / "a.png", sharp[1:-1, 3:-3], 8)
    for name in ("dpdd8", "dpdd8-crop16", "jdrl-sdd"):
        scoring = score_request(
            ScoreOptions(restored=first, sharp=second, profile=name, crop="centre")
        )
        assert (
            scoring.images[0]
            == score_request(
                ScoreOptions(restored=first, sharp=by_hand, profile=name)
            ).images[0]
        )
        area = scoring.cropped["a.png"]
        assert (area.restored, area.reference) == ("92x64", "98x66")
        assert (area.scored, area.px) == (
            ("80x64", 5120) if "16" in name else ("92x64", 5888)
        )
    assert not score_request(
        ScoreOptions(restored=first, sharp=by_hand, profile="dpdd8", crop="centre")
    ).cropped


@pytest.mark.parametrize(
    ("large", "small", "near"),
    [
        (1680, 1679, True),
        (1680, 1664, True),  # cut to a multiple of 64
        (1679, 1664, True),
        (1728, 1680, True),  # filled up to one
        (1683, 1671, False),
        (1680, 840, False),
        (8, 4, False),
    ],
)
def test_sizes_that_are_nearly_equal(large, small, *, near):
    assert nearly_equal((large, 1120), (small, 1120)) is near
    assert nearly_equal((1120, small, 3), (1120, large, 3)) is near


def test_a_picture_of_half_the_size_has_no_common_centre(tmp_path):
    sharp = stored(tmp_path / "sharp.png", scene(1, 64, 64), 8)
    half = stored(tmp_path / "half.png", scene(1, 32, 32), 8)
    (cut,) = score_request(
        ScoreOptions(restored=half, sharp=sharp, profile="dpdd8", crop="centre")
    ).left_out
    assert "too different for a common centre" in cut.reason
    (whole,) = score_request(
        ScoreOptions(restored=half, sharp=sharp, profile="dpdd8")
    ).left_out
    assert whole.reason.endswith("sizes must be equal")


@pytest.mark.parametrize(
    "mistake", ["none", "swapped", "one swapped", "turned", "moved", "one of three"]
)
def test_a_mistake_of_saving_is_named_and_changes_no_score(mistake, tmp_path):
    for seed in range(3):
        sharp = scene(seed, 60, 90)
        stored(tmp_path / "sharp" / f"{seed}.png", sharp[8:-8, 8:-8], 8)
        output = cv2.GaussianBlur(sharp, (0, 0), 1)
        if mistake == "moved" or (mistake == "one of three" and not seed):
            output = np.roll(output, (-2, 3), (0, 1))
        swapped = mistake == "swapped" or (mistake == "one swapped" and not seed)
        order = (
            [2, 1, 0] if swapped else [1, 2, 0] if mistake == "turned" else [0, 1, 2]
        )
        output = output[8:-8, 8:-8, order]
        stored(tmp_path / "out" / f"{seed}.png", output, 8)
    scoring = score_request(
        ScoreOptions(
            restored=tmp_path / "out",
            sharp=tmp_path / "sharp",
            profile="dpdd8",
            metric=("psnr",),
        )
    )
    colours = (
        "the restored pictures look as if red and blue were swapped ({} of 3 pictures looked at): "
        "OpenCV writes BGR; save them as RGB"
    )
    said = {
        "swapped": colours.format(3),
        "one swapped": colours.format(1),
        # files are written from the last channel to the first, here as in the other cases
        "turned": "the restored pictures look as if their colours lay as BRG (3 of 3 pictures "
        "looked at): save them as RGB",
        "moved": "the restored pictures are shifted by (3, -2) px (right, down) against the sharp "
        "pictures (3 of 3 pictures looked at): scores suffer from it",
    }
    assert scoring.warnings == ((said[mistake],) if mistake in said else ())


def test_grey_flat_or_other_pictures_show_no_mistake():
    grey = np.repeat(scene(1, 60, 90)[:, :, :1], 3, axis=2)
    assert look(grey, grey) == Look("", (0, 0))
    assert look(np.full((60, 90, 3), 0.5), grey) == Look("", None)
    assert look(scene(1, 60, 90), scene(2, 60, 90)).offset is None
    assert look(grey[:20], grey[:20]).offset is None
    assert len(looked_at(1000)) == 8
    assert looked_at(9) <= set(range(9))


def test_a_dataset_tells_the_gain_over_the_input(tmp_path):
    sharp = scene(7, 40, 64)
    circle = np.zeros((40, 64), np.float32)
    circle[:, 32:] = -9  # the right half is out of focus, in front
    blurry = sharp.copy()
    blurry[:, 32:] = cv2.GaussianBlur(sharp, (0, 0), 4)[:, 32:]
    np.save(tmp_path / "coc.npy", circle)
    files = {"sharp": sharp, "blurry": blurry}
    paths = {
        name: stored(tmp_path / f"{name}.png", one, 8) for name, one in files.items()
    }
    pair = Pair(
        "p", "s", "test", paths["blurry"], paths["sharp"], defocus_map=tmp_path / "coc.npy",
        metadata={"place": "indoor"},
    )  # fmt: skip
    dataset = Dataset("made", tmp_path, (pair,), "0" * 64, tmp_path / ".derived")
    half = (full_scale(read(paths["blurry"])) + full_scale(read(paths["sharp"]))) / 2
    out = stored(tmp_path / "out" / "blurry.png", half[:, :, :], 8).parent

    def score(name: str) -> dict[str, Any]:
        profile = find_profile(name)
        metrics = profile_metrics(name)
        subjects = dataset_subjects(dataset)
        scores = score_outputs(
            match(out, subjects),
            PairScorer(dataset, flow_estimator("dis"), metrics, profile),
            "centre",
        )
        assert (scores.missing, scores.extra) == ([], [])
        # too small a picture to be registered, so unscored
        worse = 0 if name == "dpdd8" else None
        assert scores.mean.get("made_worse") == worse
        return scores.images[0]

    image = score("dpdd8")
    assert image["name"] == "p"
    assert image["psnr_gain"] == pytest.approx(6.02, abs=0.1)  # half the error
    assert image["psnr_in_focus"] > image["psnr"] > image["psnr_blurred"]
    assert image["psnr_coc_8_16"] == image["psnr_blurred"]
    assert image["psnr_coc_2_4"] is None
    assert image["psnr_indoor"] == image["psnr"]
    assert 20 < image["psnr_edges"] < 40
    assert score("defocus-v1")["warp_px"] < 1
    stored(out / "blurry.png", half[:, 4:-4], 8)
    cut = score("dpdd8")
    assert cut["psnr_in_focus"] == image["psnr_in_focus"], (
        "the circles are cut as the picture is"
    )


def test_an_output_under_two_names_of_its_pair_is_refused(tmp_path, refused):
    blurry, sharp = (
        stored(tmp_path / f"{n}.png", scene(8, 24, 24), 8) for n in ("in", "gt")
    )
    pair = Pair("p", "s", "test", blurry, sharp)
    dataset = Dataset("made", tmp_path, (pair,), "0" * 64, tmp_path / ".derived")
    out = stored(tmp_path / "out" / "in.png", scene(8, 24, 24), 8).parent
    assert [
        subject.name for subject, _ in match(out, dataset_subjects(dataset)).files
    ] == ["p"]
    stored(out / "gt.png", scene(8, 24, 24), 8)
    with refused(InputError):
        match(out, dataset_subjects(dataset))


def test_two_files_are_scored_whatever_their_names(tmp_path, refused):
    first = stored(tmp_path / "out" / "mine.png", scene(9, 24, 32), 8)
    second = stored(tmp_path / "sharp" / "theirs.tif", scene(9, 24, 32), 16)
    scoring = score_request(
        ScoreOptions(restored=first, sharp=second, profile="dpdd16")
    )
    assert scoring.matched == f"the command: {first} with {second}"
    assert scoring.files == {"mine.png": "mine.png"}
    assert 50 < scoring.mean["psnr"] < 70  # half a step of 8 bits
    with refused(InputError):
        score_request(
            ScoreOptions(restored=first, sharp=second.parent, profile="dpdd16")
        )


def test_a_rule_can_be_asked_for(tmp_path, refused):
    for number, name in enumerate(("1", "2", "3")):
        stored(tmp_path / "sharp" / f"{name}.png", scene(number, 24, 32), 8)
        stored(tmp_path / "out" / f"{number}.png", scene(number, 24, 32), 8)
    folders = (tmp_path / "out", tmp_path / "sharp")
    with refused(InputError):
        score_request(
            ScoreOptions(restored=folders[0], sharp=folders[1], profile="dpdd8")
        )
    in_order = score_request(
        ScoreOptions(
            restored=folders[0], sharp=folders[1], profile="dpdd8", rule="order"
        )
    )
    assert in_order.files == {"1.png": "0.png", "2.png": "1.png", "3.png": "2.png"}
    assert in_order.mean["psnr"] == 100


def test_the_mean_says_of_how_many_pictures_it_is_and_a_reason_is_said_once(tmp_path):
    sharp, blind = stored(tmp_path / "a.png", scene(3, 24, 32), 8), tmp_path / "b.png"
    stored(blind, scene(4, 24, 32), 8)
    pairs = [(Subject("a", sharp, ("a",)), sharp), (Subject("b", None, ("b",)), blind)]
    metrics = {name: all_metrics()[name] for name in ("psnr", "ssim")}
    profile, flow = find_profile("dpdd8"), flow_estimator("dis")
    scoring = score_outputs(Match(pairs), PairScorer(None, flow, metrics, profile))
    assert [note for note in scoring.notes if "no ground truth" in note] == [
        "psnr, ssim: no sharp picture: the set has no ground truth (b)"
    ]
    assert (
        scoring.reasons["b"]["ssim"] == "no sharp picture: the set has no ground truth"
    )
    counted = [
        {"name": "a", "psnr": 30.0, "niqe": 5.0},
        {"name": "b", "psnr": None, "niqe": 6.0},
    ]
    table = scoring_table(
        replace(scoring, images=counted, mean={"psnr": 30.0, "niqe": 5.5})
    )
    assert [one.name for one in table.columns] == [
        "Picture",
        "PSNR",
        "NIQE, 2 pictures",
    ]
    assert table.rows[-1] == ("mean of 1 picture", 30.0, 5.5)


def test_pictures_whose_files_mean_different_colours_are_named(tmp_path):
    """They are compared as they are: many programs drop the profile, and keep the numbers."""
    chunk = png_chunk(b"iCCP", b"wide\0\0" + zlib.compress(wide_profile()))
    for name in ("a.png", "b.png"):
        for role in ("sharp", "restored"):
            path = stored(tmp_path / role / name, scene(1, 48, 64), 8)
        if name == "b.png":
            png = path.read_bytes()
            path.write_bytes(png[:PNG_HEAD_BYTES] + chunk + png[PNG_HEAD_BYTES:])
    scoring = score_request(
        ScoreOptions(
            restored=tmp_path / "restored",
            sharp=tmp_path / "sharp",
            profile="defocus-v1",
            metric=("psnr",),
        )
    )
    (warning,) = scoring.warnings
    assert warning.startswith("b.png: the files of restored and sharp mean different")
