"""Scores, silent failures, methods and stacks of the alignment benchmark, and its command."""

import csv
import json
import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest

from defocus.align.registration.register import Registration, Uncertainty
from defocus.errors import DatasetError, InputError
from defocus.pictures.write import write_image
from research.alignment_truth.benchmark import TruthPlan, TruthResults, run_benchmark
from research.alignment_truth.failures import (
    RegistrationTrial,
    corner_error_px,
    count_failures,
    trial,
)
from research.alignment_truth.methods import METHODS, Answer, Members, answers
from research.alignment_truth.rendered.pair import FULL, Ranges, at_width, render_pair
from research.alignment_truth.rendered.textures import load_textures
from research.alignment_truth.score import (
    PairScore,
    answered_by_all,
    ratio,
    score,
    summary,
)
from research.alignment_truth.stacks import (
    MERGED,
    score_frame,
    stack_frames,
    stack_means,
)
from research.alignment_truth.tables import MARKERS, document, put_into, sections

T = TypeVar("T")
R = TypeVar("R")

START, END = (marker.format(name="test") for marker in MARKERS)
STEADY = Ranges((0, 0), 0.0, (1, 1), 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def blurred():
    return render_pair(load_textures("train"), at_width(FULL, 512), 96, 128, 3, 1)


@pytest.fixture(scope="module")
def moved():
    """Sharp both, moved by one vector of about 4 px."""
    textures = load_textures("train")
    pairs = (
        render_pair(textures, replace(STEADY, shift_px=6.0), 160, 208, 1, k)
        for k in range(20)
    )
    return next(pair for pair in pairs if 3 < np.hypot(*pair.flow[:, 0, 0]) < 5)


def test_the_truth_itself_scores_zero_everywhere(blurred):
    scores = score(blurred, Answer(blurred.flow, blurred.inside), 0.0)
    assert scores.mean("all") == 0
    assert scores.reliable_share == 1
    assert scores.believed_without == 0
    assert scores.sums["all"][1] == blurred.inside.sum()


def test_an_error_of_known_length_is_the_mean_of_every_class(blurred):
    wrong = blurred.flow + np.array([0.3, -0.4], np.float32)[:, None, None]
    scores = score(blurred, Answer(wrong, np.ones_like(blurred.inside)), 0.0)
    for name, (_, count) in scores.sums.items():
        if count:
            assert scores.mean(name) == pytest.approx(0.5, abs=1e-4)
    assert scores.believed_without == pytest.approx(1 - blurred.inside.mean())


def test_classes_split_what_has_a_counterpart(blurred):
    sums = score(blurred, Answer(blurred.flow), 0.0).sums
    plain = (blurred.inside & ~blurred.edge).sum()
    for kind in ("coc", "flow"):
        bins = [
            n
            for name, (_, n) in sums.items()
            if name.startswith(f"{kind} ") and "<" not in name
        ]
        assert sum(bins) == plain
    assert sums["edge"][1] + plain == sums["all"][1]


def pair_score(total: float, count: int, *, answered: bool = True) -> PairScore:
    sums = {"blurred": (total, count), "reliable": (total, count)} if answered else {}
    share = 0.9 if answered else None
    return PairScore(answered, 1.0, sums, share, share)


def test_methods_are_compared_on_the_pairs_that_all_of_them_answered():
    refused = pair_score(0, 0, answered=False)
    scores = {
        "one": [pair_score(20, 10), pair_score(400, 10), refused],
        "two": [pair_score(5, 10), refused, pair_score(1, 10)],
    }
    assert answered_by_all(scores) == [True, False, False]
    assert ratio(scores["one"][:1], scores["two"][:1]) == pytest.approx(4.0)
    assert ratio(scores["one"], [refused]) is None


def test_summaries_weight_pixels_and_count_right_pairs():
    means = summary(
        [pair_score(4, 10), pair_score(90, 90), pair_score(0, 0, answered=False)]
    )
    assert (means.pairs, means.answered) == (3, 2)
    assert means.mean_px["reliable"] == pytest.approx(0.94)
    assert means.right_share == 0.5  # 0.4 px is right, 1 px is not
    assert means.reliable_share == pytest.approx(0.9)


def registration(matrix: np.ndarray | None) -> Registration:
    return Registration(None, matrix=matrix)


def test_a_trial_keeps_what_the_registration_says_of_itself(blurred):
    sure = Uncertainty(shift_px=0.1, zoom=0.001, rotation_deg=0.01, corner_px=0.3)
    registration = Registration(
        None,
        inlier_share=0.9,
        matrix=np.eye(3),
        model="similarity",
        uncertainty=sure,
        agreeing=80,
        blur_px=12.5,
    )
    said = trial(blurred, registration)
    assert (said.sigma_px, said.inlier_share, said.agreeing, said.blur_px) == (
        0.3,
        0.9,
        80,
        12.5,
    )
    assert said.model == "similarity"
    unknown = trial(blurred, Registration(None, "the texture repeats itself"))
    assert (unknown.sigma_px, unknown.reason) == (None, "the texture repeats itself")
    near, far = (RegistrationTrial(error, 9.0, sigma_px=0.3) for error in (0.6, 0.61))
    assert count_failures([near, far, unknown]).within == 0.5
    assert count_failures([unknown]).within is None


def test_the_corner_error_allows_the_parallax_that_the_scene_has_and_no_more():
    ranges = replace(STEADY, shift_px=5.0, zoom=(0.95, 1.05), parallax_px=8.0)
    textures = load_textures("train")
    pairs = [render_pair(textures, ranges, 64, 80, 5, k) for k in range(8)]
    pair = max(pairs, key=lambda pair: np.hypot(*pair.view.parallax_px))
    parallax = np.array(pair.view.parallax_px)
    exact = np.vstack([pair.view.similarity.matrix(80, 64), [0, 0, 1]])
    middle = exact.copy()
    middle[:2, 2] += (np.mean(pair.depth_range) - 0.5) * parallax
    assert corner_error_px(pair, middle) == pytest.approx(0, abs=1e-9)
    beyond = exact.copy()
    beyond[:2, 2] += (pair.depth_range[1] - 0.5) * parallax + 2 * parallax / np.hypot(
        *parallax
    )
    assert corner_error_px(pair, beyond) == pytest.approx(2, abs=1e-9)
    across = middle.copy()
    across[:2, 2] += 3 * np.array([-parallax[1], parallax[0]]) / np.hypot(*parallax)
    assert corner_error_px(pair, across) == pytest.approx(3, abs=1e-9)
    assert trial(pair, registration(None)).error_px is None
    assert trial(pair, registration(across)).error_px == pytest.approx(3)


def test_the_bound_is_that_of_clopper_and_pearson():
    right = [RegistrationTrial(0.2, 5.0)] * 2990 + [RegistrationTrial(None, 30.0)] * 10
    none = count_failures(right)
    assert (none.pairs, none.unknown, none.failed) == (3000, 10, 0)
    assert none.bound == pytest.approx(1 - 0.05 ** (1 / 3000))
    two = count_failures(
        [*right, RegistrationTrial(1.5, 5.0), RegistrationTrial(math.nan, 5.0)]
    )
    assert two.failed == 2
    assert none.bound < two.bound < 0.003
    assert count_failures([RegistrationTrial(5.0, 1.0)]).bound == 1.0


@pytest.mark.parametrize(
    "name",
    [
        "ECC affine",
        "tile phase correlation",
        "DIS",
        "registration",
        "registration + DIS",
    ],
)
def test_every_method_finds_a_shift_of_a_pair_without_blur(moved, name):
    [(_, answer, seconds)] = answers(Members(moved.blurry, moved.sharp), [name])
    scores = score(moved, answer, seconds)
    assert scores.answered
    error, nothing = (
        scores.mean("all"),
        score(moved, Answer(0 * moved.flow), 0.0).mean("all"),
    )
    assert error is not None
    assert nothing is not None
    assert error < 0.5 < 3 < nothing


def test_ecc_that_diverges_is_no_answer():
    flat = np.full((64, 64, 3), 0.5, np.float32)
    noise = np.random.default_rng(0).random((64, 64, 3), np.float32)
    assert METHODS["ECC affine"](Members(flat, noise)).flow is None


def stack(folder: Path) -> Path:
    """Two frames of a picture, each in focus on its half and displaced by 4 and -6 px."""
    from skimage import data

    merged = cv2.resize(data.astronaut(), (560, 448), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(merged, (0, 0), 5)
    left = np.linspace(6, -6, 560)[None, :, None].clip(0, 1)
    path = folder / "coins"
    path.mkdir()
    write_image(path / "expected.jpg", merged[24:-24, 40:-40])
    for name, share, step in (("one", left, 4), ("two", 1 - left, -6)):
        frame = (share * merged + (1 - share) * soft).astype(np.uint8)
        write_image(path / f"{name}.png", frame[24:-24, 40 + step : 520 + step])
    return path


def test_stacks_score_alignment_inside_the_region_in_focus(tmp_path):
    frames = stack_frames(stack(tmp_path).parent)
    assert [frame.name for frame, _ in frames] == ["one.png", "two.png"]
    names = ["zero flow", "registration"]
    scores = [score_frame(*frame, names) for frame in frames]
    assert all(0.1 < one.in_focus_share < 0.6 for one in scores)
    means = stack_means(scores)
    zero, own = (means[name] for name in names)
    assert own["answered"] == 2
    assert own["residual_px"] < 0.2 < 2 < zero["residual_px"]
    assert own["in_focus_db"] > zero["in_focus_db"] + 5
    assert own["in_focus_db"] > own["psnr_db"]


def test_a_folder_without_stacks_is_one_clear_line(tmp_path, refused):
    for folder in (tmp_path, tmp_path / "absent"):
        with refused(DatasetError):
            stack_frames(folder)


def test_tables_go_between_the_markers_of_a_page(tmp_path, refused):
    page = tmp_path / "page.md"
    first, last = (marker.format(name="test real-like") for marker in MARKERS)
    page.write_text(f"before\n{first}\n{last}\n{START}\nold\n{END}\nafter\n")
    put_into(page, {"test": "new"})
    assert (
        page.read_text() == f"before\n{first}\n{last}\n{START}\n\nnew\n\n{END}\nafter\n"
    )
    put_into(page, {"test real-like": "other"})
    assert f"before\n{first}\n\nother\n\n{last}\n{START}\n\nnew" in page.read_text()
    before = "no markers\n"
    page.write_text(before)
    with refused(InputError):
        put_into(page, {"test": "new"})
    assert page.read_text() == before
    with refused(InputError):
        put_into(tmp_path / "absent.md", {"test": "new"})


def test_still_pairs_have_rows_of_their_own_among_the_silent_failures():
    plan = TruthPlan("test", (), 1, 0, 4, None, ("zero flow",), "code", 1)
    still = {
        "cats-eye": [RegistrationTrial(0.3, 25.0), RegistrationTrial(None, 35.0)],
        "coma": [RegistrationTrial(2.0, 20.0)],
    }
    results = TruthResults({}, [RegistrationTrial(0.1, 5.0)] * 4, still, [])
    rows = [
        line.split(" | ")
        for line in sections(plan, results)["test"].splitlines()
        if "|" in line
    ]
    counts = {row[0].strip("| "): (row[1], row[3]) for row in rows[2:]}
    assert counts["all"] == counts["0–10 px"] == ("4", "0")
    assert counts["still pairs, cats-eye"] == ("2", "0")
    assert counts["still pairs, coma"] == ("1", "1")
    assert document(plan, results)["registration_of_still_pairs"]["coma"]["failed"] == 1


@pytest.mark.full
def test_the_command_writes_tables(tmp_path, run):
    page = tmp_path / "page.md"
    page.write_text(f"{START}\n{END}\n")
    arguments = (
        "--out",
        tmp_path / "out",
        "--pairs",
        "1",
        "--seed",
        "1",
        "--page",
        page,
        "--json",
    )
    result = run("research.alignment_truth", *arguments)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    methods = document["settings"]["pairs"]["methods"]
    assert set(methods) <= set(METHODS)
    assert (
        methods["zero flow"]["mean_px"]["all"]
        > methods["registration"]["mean_px"]["all"]
    )
    assert methods["DIS"]["times_better_than_dis"] == 1
    rows = list(
        csv.DictReader((tmp_path / "out" / "pairs.csv").read_text().splitlines())
    )
    assert {row["method"] for row in rows} == set(methods)
    assert (tmp_path / "out" / "tables.md").read_text() in page.read_text()
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == document


def test_what_is_done_is_kept_unless_it_is_damaged_or_of_other_code(tmp_path):
    plan = TruthPlan("test", (), 1, 3, 0, None, ("zero flow",), "code", 1)
    first = run_benchmark(plan, tmp_path)
    files = sorted((tmp_path / "pairs").iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    files[1].write_bytes(files[1].read_bytes()[:100])
    files[2].unlink()
    again = run_benchmark(plan, tmp_path)
    assert [
        file.stat().st_mtime_ns == then
        for file, then in zip(files, before, strict=True)
    ] == [
        True,
        False,
        False,
    ]
    for one, other in zip(
        *(r.scores["pairs"]["zero flow"] for r in (first, again)), strict=True
    ):
        assert one.sums == other.sums
    run_benchmark(replace(plan, revision="other code"), tmp_path)
    assert files[0].stat().st_mtime_ns != before[0]


def test_a_frame_that_changes_is_scored_again(tmp_path):
    rng = np.random.default_rng(0)
    folder, out = tmp_path / "stacks" / "one", tmp_path / "out"
    folder.mkdir(parents=True)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, (192, 256, 3)), (0, 0), 2).astype(
        np.uint8
    )
    write_image(folder / "frame.png", picture)
    assert cv2.imwrite(str(folder / MERGED), picture)
    plan = TruthPlan(
        "test", (), 1, 0, 0, tmp_path / "stacks", ("zero flow",), "code", 1
    )
    keys = []
    for shift in (0, 0, 2):
        write_image(folder / "frame.png", np.roll(picture, shift, axis=1))
        run_benchmark(plan, out)
        (stored,) = (out / "stacks").iterdir()
        keys.append(json.loads(stored.read_text())["key"])
    assert keys[0] == keys[1] != keys[2]


def test_processes_that_end_in_any_order_find_what_one_finds(tmp_path, monkeypatch):
    """Without the processes themselves: their start takes longer than all the work."""

    def as_processes(
        work: Callable[[T], R], items: Sequence[T], processes: int
    ) -> Iterator[R]:
        assert processes == 2
        for item in reversed(items):
            yield pickle.loads(pickle.dumps(partial(work, item)))()  # noqa: S301 - as they get it

    plan = TruthPlan("test", (), 1, 2, 0, None, ("zero flow",), "code", 1)
    one = run_benchmark(plan, tmp_path / "one").scores["pairs"]["zero flow"]
    monkeypatch.setattr("research.alignment_truth.benchmark.in_processes", as_processes)
    two = run_benchmark(replace(plan, jobs=2), tmp_path / "two").scores["pairs"][
        "zero flow"
    ]
    assert [score.sums for score in one] == [score.sums for score in two]
    assert one[0].sums != one[1].sums


def test_wrong_folders_leave_nothing_behind(tmp_path, refused):
    plan = TruthPlan("test", (tmp_path,), 0, 1, 0, None, ("zero flow",), "code", 1)
    with refused(DatasetError):
        run_benchmark(plan, tmp_path / "out")
    with refused(DatasetError):
        run_benchmark(replace(plan, folders=(), stacks=tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.full
@pytest.mark.realdata
def test_registration_improves_a_real_focus_stack(real_data):
    frame, merged = stack_frames(real_data / "focus-stacks")[2]
    means = stack_means(
        [score_frame(frame, merged, ["zero flow", "ECC affine", "registration"])]
    )
    mean = means["registration"]
    assert mean["residual_px"] is not None
    assert mean["residual_px"] < 0.5
    assert mean["in_focus_db"] > means["zero flow"]["in_focus_db"] + 3
