"""``score --as-printed``, on rendered pictures whose printed rows are computed independently."""

import json
from dataclasses import dataclass, field, replace
from functools import partial

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from defocus.benchmark.documents.paper_tables import paper_tables
from defocus.benchmark.documents.provenance import method_parts
from defocus.benchmark.external_results.as_printed import (
    as_printed,
    as_printed_of_dataset,
    as_printed_table,
    pairs_of_folders,
)
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.row import record_scoring, score_request
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.published.printed_input import (
    PrintedCell,
    PrintedRow,
    own_row,
    printed_rows,
)
from defocus.benchmark.results.store import STORE, read_results
from defocus.benchmark.scoring.profile_by_name import find_profile
from defocus.benchmark.scoring.profiles import Profile
from defocus.errors import InputError
from defocus.pictures.write import write_image
from tests.benchmark.recipes import pyiqa

pytestmark = pytest.mark.usefixtures("no_weights")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No profile of another test is there."""
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))


HEIGHT, WIDTH = 109, 150
"""Sides that no crop leaves as they are, px."""


def rendered(seed, bits, size=(HEIGHT, WIDTH)):
    """A blurry and a sharp picture: textured discs, each behind a disc of confusion of its own."""
    random = np.random.default_rng(seed)
    height, width = size
    sharp = np.tile(np.linspace(0.2, 0.7, width)[None, :, None], (height, 1, 3))
    blurry = sharp.copy()
    for _ in range(9):
        radius = int(random.integers(8, 30))
        centre = int(random.integers(width)), int(random.integers(height))
        texture = random.random(3) * (0.4 + 0.6 * random.random((height, width, 1)))
        alpha = cv2.circle(np.zeros(size), centre, radius, 1.0, -1)[:, :, None]
        confusion = 2 * int(random.integers(0, 4)) + 1
        disc = (
            cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (confusion, confusion)) * 1.0
        )
        disc /= disc.sum()
        sharp = sharp * (1 - alpha) + alpha * texture
        soft = cv2.filter2D(alpha, -1, disc, borderType=cv2.BORDER_REFLECT)[:, :, None]
        behind = cv2.filter2D(alpha * texture, -1, disc, borderType=cv2.BORDER_REFLECT)
        blurry = blurry * (1 - soft) + behind
    blurry = blurry + random.normal(0, 0.01, blurry.shape)
    top, kind = (65535, np.uint16) if bits == 16 else (255, np.uint8)
    return tuple(
        np.rint(np.clip(one, 0, 1) * top).astype(kind) for one in (blurry, sharp)
    )


def floats(picture, depth="own"):
    """What scripts read: own bits, the upper byte, or the nearest byte."""
    if picture.dtype == np.uint8:
        return picture / 255
    wide = picture.astype(np.float64)
    return {
        "own": wide / 65535,
        "high": (picture // 256) / 255,
        "nearest": np.round(wide / 257) / 255,
    }[depth]


def similarity(first, second, window):
    return float(
        structural_similarity(first, second, data_range=1, channel_axis=2, **window)
    )


GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


@dataclass(frozen=True)
class Processing:
    """One way to score, written with scikit-image, and what the search must find of it."""

    name: str
    expected: dict
    read: str = "high"
    frame: object = staticmethod(lambda picture: picture)
    window: dict = field(default_factory=dict)
    mean: str = "pictures"

    def row(self, pairs):
        frames = [
            [self.frame(floats(one, self.read)) for one in pair] for pair in pairs
        ]
        errors = np.array([np.mean((first - second) ** 2) for first, second in frames])
        if self.mean == "errors":
            psnr = 10 * np.log10(1 / errors.mean())
        else:
            psnr = np.mean(10 * np.log10(1 / errors))
        ssim = np.mean([similarity(*pair, self.window) for pair in frames])
        return printed(self.name, psnr, ssim)


def printed(name, psnr, ssim):
    """A row with the digits of the published ones."""
    psnr, ssim = round(float(psnr), 3), round(float(ssim), 4)
    cells = PrintedCell("psnr", psnr, 1e-3), PrintedCell("ssim", ssim, 1e-4)
    return PrintedRow(name, name, "stand-in", cells)


def multiple(picture, step):
    height, width = (side // step * step for side in picture.shape[:2])
    return picture[:height, :width]


def centre(picture, step):
    height, width = (side // step * step for side in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def scaled(picture, method):
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    return np.clip(cv2.resize(picture, (width, height), interpolation=method), 0, 1)


PLAIN = {
    "crop_multiple": 1,
    "crop_from": "corner",
    "size": 1.0,
    "ssim_window": "uniform-7",
    "ssim_of_luma": False,
    "mean": "pictures",
}
HIGH = {"sharp_depth": "high-byte", "restored_depth": "high-byte", "rounded": False}
OWN = {"sharp_depth": "own", "restored_depth": "own", "rounded": False}

OF_ANY_DEPTH = [
    Processing("plain", PLAIN),
    Processing(
        "crop-16", PLAIN | {"crop_multiple": 16}, frame=partial(multiple, step=16)
    ),
    Processing(
        "centre-8",
        PLAIN | {"crop_multiple": 8, "crop_from": "centre"},
        frame=partial(centre, step=8),
    ),
    Processing("gaussian", PLAIN | {"ssim_window": "gaussian-11"}, window=GAUSSIAN),
    Processing(
        "half",
        PLAIN | {"size": 0.5, "resampling": "area"},
        frame=partial(scaled, method=cv2.INTER_AREA),
    ),
    Processing("one-error", PLAIN | {"mean": "errors"}, mean="errors"),
]
OF_EIGHT_BITS = [
    *OF_ANY_DEPTH,
    Processing(
        "half-cubic",
        PLAIN | {"size": 0.5, "resampling": "cubic"},
        frame=partial(scaled, method=cv2.INTER_CUBIC),
    ),
]
OF_SIXTEEN_BITS = [replace(one, expected=one.expected | HIGH) for one in OF_ANY_DEPTH]
OF_SIXTEEN_BITS.append(Processing("own-depth", PLAIN | OWN, read="own"))


def luma_row(folder, pairs):
    """The row of the package pyiqa; it is given files."""
    values = []
    for number, pair in enumerate(pairs):
        files = [folder / f"{number}-{role}.png" for role in ("blurry", "sharp")]
        for path, picture in zip(files, pair, strict=True):
            byte = (
                (picture >> 8).astype(np.uint8)
                if picture.dtype == np.uint16
                else picture
            )
            write_image(path, byte)
        values.append(pyiqa(*files))
    mean = {name: np.mean([one[name] for one in values]) for name in ("psnr", "ssim")}
    return printed("luma", mean["psnr"], mean["ssim"])


LUMA = PLAIN | {"ssim_window": "gaussian-11", "ssim_of_luma": True}


def dpdd(root, pairs, part="test", first=1000):
    for number, (blurry, sharp) in enumerate(pairs):
        yield root / f"{part}_c/source/1P0A{10 * number + first}.png", blurry
        yield root / f"{part}_c/target/1P0A{10 * number + first + 1}.png", sharp


def lfdof(root, pairs):
    for number, (blurry, sharp) in enumerate(pairs):
        yield root / f"test_data/input/ISO_{number}/ISO_{number}_ap1_1.png", blurry
        yield root / f"test_data/ground_truth/ISO_{number}.png", sharp


def realdof(root, pairs):
    for number, (blurry, sharp) in enumerate(pairs):
        yield root / f"source/{number:02}.png", blurry
        yield root / f"target/{number:02}.png", sharp


def rtf(root, pairs):
    for number, (blurry, sharp) in enumerate(pairs, start=1):
        yield root / f"image_{number:02}.png", blurry
        yield root / f"sharp_{number:02}.png", sharp


def sdd(root, pairs):
    yield from (
        (root / f"train/{role}/0.png", pairs[0][at]) for at, role in enumerate(MEMBERS)
    )
    for number, pair in enumerate(pairs):
        yield from (
            (root / f"test/{role}/{number}.png", pair[at])
            for at, role in enumerate(MEMBERS)
        )


MEMBERS = ("blur", "gt")


def write(files):
    for path, picture in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, picture)


STAND_INS = {
    "dpdd": (16, dpdd),
    "realdof": (8, realdof),
    "lfdof": (8, lfdof),
    "rtf": (8, rtf),
    "sdd": (16, sdd),
}
"""Bits and layout of what stands in for five published sets."""


def differing(profile: Profile, expected):
    return {
        name: value
        for name, value in expected.items()
        if getattr(profile, name) != value
    }


@pytest.mark.full
def test_the_processing_of_forty_stand_ins_is_identified(tmp_path, monkeypatch):
    """Five sets, eight ways of scoring each, printed with three decimals of a dB."""
    wrong = {}
    for index, (name, (bits, layout)) in enumerate(STAND_INS.items()):
        pairs = [rendered(10 * index + number, bits) for number in range(4)]
        folder = tmp_path / name
        write(layout(folder / "set", pairs=pairs))
        ways = OF_SIXTEEN_BITS if bits == 16 else OF_EIGHT_BITS
        expected = {way.name: way.expected for way in ways} | {"luma": LUMA}
        rows = [*(way.row(pairs) for way in ways), luma_row(folder, pairs)]
        assert len(rows) == 8
        result = as_printed_of_dataset(rows, f"{name}:{folder / 'set'}")
        assert not result.left_out
        assert result.reproduced
        for found in result.explanations:
            if difference := differing(found.profile, expected[found.row.id]):
                wrong[name, found.row.id] = difference
    assert len(wrong) <= 1, wrong


SMALL = (45, 62)


@pytest.fixture(scope="module")
def two_folders(tmp_path_factory):
    """Blurry and sharp pictures of 8 bits in two sub-folders, and the pairs themselves."""
    root = tmp_path_factory.mktemp("folders")
    pairs = [rendered(number, 8, SMALL) for number in range(3)]
    for number, pair in enumerate(pairs):
        place = "indoor" if number else "outdoor"
        write(
            (root / role / place / f"{number}.png", pair[at])
            for at, role in enumerate(MEMBERS)
        )
    return root, pairs


def processing(name):
    return next(one for one in OF_EIGHT_BITS if one.name == name)


def test_a_row_of_a_sub_folder_is_identified_and_its_profile_gives_the_printed_values(
    two_folders,
):
    root, pairs = two_folders
    row = replace(processing("gaussian").row(pairs[1:]), id="paper-set")
    further = PrintedCell("lpips", 0.3, 0.1), PrintedCell("dreamsim", 0.4, 0.1)
    row = replace(row, cells=(*row.cells, *further))
    result = as_printed([row], pairs_of_folders(root / "blur", root / "gt"))
    (found,) = result.explanations
    assert (found.subset, len(found.pictures), found.reproduced) == ("indoor", 2, True)
    table, notes = as_printed_table(result)
    assert [line[2] for line in table.rows] == ["psnr", "ssim", "lpips", "dreamsim"]
    assert [line[4] is None for line in table.rows] == [False, False, True, True]
    assert notes[0].startswith(
        "--profile printed:paper-set: sharp picture with high-byte"
    )
    assert notes[1] == "lpips: no weights in this test"
    assert notes[2] == "dreamsim: there is no such metric here"

    again = score_request(
        ScoreOptions(
            restored=root / "blur" / "indoor",
            sharp=root / "gt" / "indoor",
            profile="printed:paper-set",
        )
    )
    psnr, ssim = (cell.value for cell in row.cells[:2])
    assert again.mean["psnr"] == pytest.approx(psnr, abs=5.1e-4)
    assert again.mean["ssim"] == pytest.approx(ssim, abs=5.1e-5)


@pytest.mark.parametrize("name", ["half-cubic", "centre-8", "one-error"])
def test_the_profile_that_was_found_scores_as_the_search_did(two_folders, name):
    root, pairs = two_folders
    row = processing(name).row(pairs)
    result = as_printed([row], pairs_of_folders(root / "blur", root / "gt"))
    (found,) = result.explanations
    assert not differing(found.profile, processing(name).expected)
    again = score_request(
        ScoreOptions(
            restored=root / "blur", sharp=root / "gt", profile=f"printed:{name}"
        )
    )
    for metric in ("psnr", "ssim", "mae"):
        assert again.mean[metric] == pytest.approx(found.values[metric], abs=1e-9)


@pytest.mark.parametrize("name", ["half", "centre-8"])
def test_outputs_for_a_dataset_are_scored_by_the_profile_that_was_found(tmp_path, name):
    pairs = [rendered(number, 8, SMALL) for number in range(2)]
    write(realdof(tmp_path, pairs))
    row = processing(name).row(pairs)
    (found,) = as_printed_of_dataset([row], f"realdof:{tmp_path}").explanations
    dataset = f"realdof:{tmp_path}"
    scoring = score_request(
        ScoreOptions(
            restored=tmp_path / "source", dataset=dataset, profile=f"printed:{name}"
        )
    )
    assert scoring.mean["psnr"] == pytest.approx(found.values["psnr"], abs=1e-9)
    rows = record_scoring(tmp_path / "study", "theirs", dataset, scoring)
    assert {one.profile for one in rows} == {f"printed:{name}"}
    values = {one.metric: one.value for one in rows}
    assert values["ssim"] == pytest.approx(found.values["ssim"], abs=1e-9)
    with read_results(tmp_path / "study" / STORE) as results:
        content = read_content(tmp_path / "study", results, leaderboard(results))
    (paper,) = paper_tables(content, "methods")
    assert paper.rows[0][0] == "theirs (made elsewhere)"
    (facts, *_) = method_parts(content, "")
    assert facts.facts == (
        (f"printed:{name}", find_profile(f"printed:{name}").reproduces),
    )


def test_a_row_that_nothing_reproduces_keeps_no_profile(two_folders, refused):
    root, _ = two_folders
    row = own_row("psnr=11.25,ssim=0.125")
    result = as_printed([row], pairs_of_folders(root / "blur", root / "gt"))
    assert not result.reproduced
    assert result.to_json()["rows"][0]["profile"] is None
    with refused(InputError):
        find_profile("printed:own")


def test_a_pair_that_cannot_be_read_is_left_out(two_folders, tmp_path):
    _, pairs = two_folders
    write(
        [(tmp_path / "blur/0.png", pairs[0][0]), (tmp_path / "blur/1.png", pairs[1][0])]
    )
    write(
        [
            (tmp_path / "gt/0.png", pairs[0][1]),
            (tmp_path / "gt/1.png", pairs[1][1][:-4]),
        ]
    )
    row = processing("plain").row(pairs[:1])
    result = as_printed([row], pairs_of_folders(tmp_path / "blur", tmp_path / "gt"))
    assert result.reproduced
    assert [one.id for one in result.left_out] == ["1.png"]


def test_a_picture_too_small_for_a_window_is_left_out_and_the_others_are_explained(
    two_folders, tmp_path
):
    _, pairs = two_folders
    for at, role in enumerate(MEMBERS):
        write([(tmp_path / role / "0.png", pairs[0][at])])
        write([(tmp_path / role / "1.png", pairs[1][at][:10, :20])])
    row = processing("plain").row(pairs[:1])
    result = as_printed([row], pairs_of_folders(tmp_path / "blur", tmp_path / "gt"))
    assert result.reproduced
    (small,) = result.left_out
    assert small.reason.endswith("1.png is 20x10; SSIM needs 11 px")


def test_printed_rows_have_their_sources_digits_and_names(refused):
    rows = {row.id: row for row in printed_rows("dpdd")}
    assert {*rows} == {"contextualdeblur-readme-dpdd", "ifan-poster-dpdd"}
    digits = {
        cell.metric: (cell.value, cell.digit) for cell in rows["ifan-poster-dpdd"].cells
    }
    assert digits["psnr"] == (23.89, 0.01)
    assert digits["mae"] == (0.0471, pytest.approx(1e-4))
    for name in ("rtf", "dpd"):
        with refused(InputError):
            printed_rows(name)
    for text in ("psnr", "psnr=high", "psnr=20,psnr=21", "lpips=0.2", "psrn=20"):
        with refused(InputError):
            own_row(text)


@pytest.mark.parametrize("name", ["printed:never-found", "printed:../../etc/passwd"])
def test_a_printed_profile_that_there_is_not_is_refused(name, refused):
    with refused(InputError):
        find_profile(name)


def test_the_command(run, two_folders, tmp_path):
    root, pairs = two_folders
    cells = processing("gaussian").row(pairs).cells
    like = ",".join(f"{cell.metric}={cell.value}" for cell in cells)
    folders = [str(root / role) for role in MEMBERS]
    text = run("defocus-bench", "score", *folders, "--like", like, code=0).stdout
    assert "--profile printed:own" in text
    scored = run(
        "defocus-bench", "score", *folders, "--profile", "printed:own", "--json", code=0
    )
    assert json.loads(scored.stdout)["mean"]["ssim"] == pytest.approx(
        cells[1].value, abs=5.1e-5
    )
    other = run(
        "defocus-bench", "score", *folders, "--as-printed", "dpdd", "--json", code=1
    )
    (first, _) = json.loads(other.stdout)["rows"]
    assert (first["printed"]["psnr"], first["reproduced"]) == (23.89, False)
    wrong = run(
        "defocus-bench",
        "score",
        "--dataset",
        "sample",
        *folders,
        "--like",
        like,
        code=2,
    )
    assert "give no others" in wrong.stderr
    ask = ["score", *folders, "--like", like]
    other = run("defocus-bench", *ask, "--profile", "dpdd8", code=2)
    assert "take pictures" in other.stderr


def test_the_validation_split_is_tried_where_the_test_split_explains_nothing(tmp_path):
    test = [rendered(number, 8, SMALL) for number in (0, 1)]
    validation = [rendered(number, 8, SMALL) for number in (2, 3)]
    write(dpdd(tmp_path, test))
    write(dpdd(tmp_path, test[:1], "train", 2000))
    write(dpdd(tmp_path, validation, "val", 3000))
    row = processing("plain").row(validation)
    (found,) = as_printed_of_dataset([row], f"dpdd:{tmp_path}").explanations
    assert (found.subset, found.reproduced) == ("validation", True)
