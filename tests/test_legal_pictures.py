"""Legal pictures that a fit, a division, a logarithm or a percentile may break, in all their ways.

Out of each comes a result whose numbers are finite, or absent with a reason, or an error of the
project's own in one line. Warnings of NumPy are errors in all tests.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from torch import nn

from defocus.align.compensation.blur_map import blur_map, write_blur_map
from defocus.align.compensation.compensate import Release
from defocus.align.compensation.output import NUMBERS, write_aligned
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.photometry.gains import photometry
from defocus.benchmark.metrics.metric import find_metric
from defocus.benchmark.scoring.score import PairScorer
from defocus.blur.gradients import sobel_products
from defocus.blur.learned_map import estimate_blur_map
from defocus.capture.planning.exposure import Bracket, Exposure
from defocus.capture.quality.limits import LIMITS
from defocus.capture.quality.pair_quality import first_look, judge_pair
from defocus.capture.quality.shot_findings import PairShots, measure_grey_card
from defocus.command_line.commands import command_group
from defocus.datasets.audit.pair_audit import audit_pair
from defocus.datasets.audit.run import row_document, row_of_document
from defocus.datasets.cutting import kept
from defocus.datasets.pair import Dataset, Pair
from defocus.edges.edge import measure_edge
from defocus.edges.linear_light import linear_light
from defocus.errors import DefocusError
from defocus.pictures.metadata import Exif
from defocus.pictures.values import Image, as_float, as_linear
from defocus.pictures.write import write_image
from defocus.restoration.restoration import changed_share, restore_colours
from defocus.restoration.restorer import make_restorer
from tests.capture.raw_sessions import write_session

HEIGHT, WIDTH = 48, 64


def texture(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    cells = max(height // 6, 1), max(width // 6, 1), 3
    noise = np.random.default_rng(height + width).integers(0, 256, cells, np.uint8)
    return np.asarray(
        cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8
    )


def constant(value: int, dtype: type = np.uint8) -> Image:
    return np.full((HEIGHT, WIDTH, 3), value, dtype)


def with_pixel(ground: int, value: int) -> Image:
    picture = constant(ground)
    picture[HEIGHT // 2, WIDTH // 2] = value
    return picture


def lit(*channels: int) -> Image:
    return texture() * np.array(channels, np.uint8)


def stripes(axis: int) -> Image:
    bright = (np.indices((HEIGHT, WIDTH))[axis] % 8 < 4) * np.uint8(200)
    return np.repeat(bright[:, :, None], 3, axis=2)


def step() -> Image:
    return np.where(
        np.arange(WIDTH)[None, :, None] < WIDTH // 2, constant(0), constant(255)
    )


PICTURES: dict[str, Image] = {
    "texture": texture(),
    "16 bits": texture().astype(np.uint16) * 257,
    "black": constant(0),
    "white": constant(255),
    "white of 16 bits": constant(65535, np.uint16),
    "grey": constant(120),
    "no red": lit(0, 1, 1),
    "no green": lit(1, 0, 1),
    "no blue": lit(1, 1, 0),
    "green alone": lit(0, 1, 0),
    "red is full": np.maximum(lit(0, 1, 1), np.array([255, 0, 0], np.uint8)),
    "black and white": (texture() > 128) * np.uint8(255),
    "black and nearly black": (texture() > 128) * np.uint8(1),
    "one white pixel": with_pixel(0, 255),
    "one black pixel": with_pixel(255, 0),
    "lying stripes": stripes(0),
    "standing stripes": stripes(1),
    "a step": step(),
    "half black": np.where(step() > 0, texture(), np.uint8(0)),
    "noise": np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
    **{
        f"{width}x{height}{name}": picture
        for height, width in (
            (1, 1),
            (1, 64),
            (64, 1),
            (2, 2),
            (3, 90),
            (8, 8),
            (17, 17),
        )
        for name, picture in (
            ("", texture(height, width)),
            (" black", np.zeros((height, width, 3), np.uint8)),
        )
    },
}


def require_finite(value: Any, where: str = "result") -> None:
    """No NaN and no infinity, at any depth; None is a number that is said to be absent."""
    if isinstance(value, dict):
        for key, one in value.items():
            require_finite(one, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            require_finite(one, f"{where}[{number}]")
    elif isinstance(value, np.ndarray):
        assert value.dtype.kind != "f" or np.isfinite(value).all(), where
    elif isinstance(value, float | np.floating):
        assert math.isfinite(value), where


def measuring(blurry: Image, sharp: Image, _folder: Path) -> None:
    require_finite(measure(blurry, sharp, flow_estimator("dis")).misalignment.to_json())
    everywhere = np.ones(blurry.shape[:2], bool)
    light = photometry(as_linear(blurry), as_linear(sharp), everywhere, everywhere)
    require_finite(None if light is None else asdict(light))


def compensating(blurry: Image, sharp: Image, folder: Path) -> None:
    measurement = measure(blurry, sharp, flow_estimator("dis"))
    for model in ("global", "flow"):
        release = Release(model)  # type: ignore[arg-type] # one of its names
        write_aligned(folder / model, blurry, sharp, measurement, release)
        require_finite(json.loads((folder / model / NUMBERS).read_text()))
    blur = blur_map(measurement)
    if blur is not None:
        write_blur_map(folder, blur)


def pair_of(blurry: Image, sharp: Image, folder: Path) -> tuple[Pair, str]:
    """The pair in files, and a hash of them."""
    files = folder / "blurry.png", folder / "sharp.png"
    for file, picture in zip(files, (blurry, sharp), strict=True):
        write_image(file, picture)
    content = b"".join(file.read_bytes() for file in files)
    return Pair("a", "a", "test", *files), hashlib.sha256(content).hexdigest()


def auditing(blurry: Image, sharp: Image, folder: Path) -> None:
    pair, key = pair_of(blurry, sharp, folder)
    row, _ = audit_pair((pair, key, None), "dis")
    assert "unforeseen" not in row.reason
    document = row_document(row)
    require_finite(document)
    assert row_of_document(json.loads(json.dumps(document))).status == row.status
    require_finite(sobel_products([blurry, sharp]))
    assert kept(sobel_products([blurry, sharp]), 0.5)


class Network(nn.Module):
    """Shifts brightness beyond what is shown, or gives black."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return self.gain * (blurry - 0.1)


def restoring(blurry: Image, _sharp: Image, _folder: Path) -> None:
    given = np.asarray(as_float(blurry), np.float32)
    estimated = estimate_blur_map(given)
    require_finite((estimated.full(), estimated.sharp(), estimated.sharpest_px or 0.0))
    for gain in (0.0, 1.0, 1.4):
        restorer = make_restorer(Network(gain), 0, torch.device("cpu"))
        restoration = restore_colours(restorer, given, estimated)
        for strength in (0.5, 1.0, 2.0):
            restored = restoration.at(strength, leave_sharp=True)
            require_finite((restored, changed_share(given, restored)))


METRICS = ("psnr", "ssim", "ssim_gaussian", "mae", "fsim", "warp_px")


def scoring(blurry: Image, sharp: Image, folder: Path) -> None:
    pair, key = pair_of(blurry, sharp, folder)
    dataset = Dataset("pairs:a", folder, (pair,), key, folder / "derived")
    scorer = PairScorer(
        dataset, flow_estimator("dis"), {name: find_metric(name) for name in METRICS}
    )
    for score in scorer.scores(pair, as_float(blurry, np.float64), blurry):
        require_finite(score.value, f"{score.protocol} {score.metric}")
        assert score.value is not None or score.reason
        assert "Error" not in score.reason


BRACKET = Bracket(
    Exposure("f/4", "1/200", "100", 4.0, 0.005, 100.0, (4.0, 0.005, 100.0)),
    Exposure("f/22", "1/6", "100", 22.0, 0.16, 100.0, (22.0, 0.16, 100.0)),
)


def judging(blurry: Image, sharp: Image, folder: Path) -> None:
    pair, _ = pair_of(blurry, sharp, folder)
    assert pair.sharp is not None
    paths = {"blurry": pair.blurry, "sharp": pair.sharp}
    shots = PairShots(paths, vars(BRACKET), dict.fromkeys(paths, Exif()))
    require_finite(judge_pair(shots).numbers)
    require_finite(first_look(shots, LIMITS, "strict").numbers)
    require_finite(measure_grey_card(pair.blurry).to_json())


def measuring_edges(_blurry: Image, sharp: Image, _folder: Path) -> None:
    measure_edge(linear_light(sharp))


def require_result_or_line(
    way: Callable[[Image, Image, Path], None], sharp: Image, folder: Path
) -> None:
    """Go a way with a picture and its blurred twin: what it cannot take is said in one line."""
    blurry = cv2.GaussianBlur(sharp, (0, 0), 2).reshape(sharp.shape)
    line = "a result"
    try:
        way(np.asarray(blurry, sharp.dtype), sharp, folder)
    except DefocusError as error:
        line = str(error)
    assert line, "an error says why"
    assert "\n" not in line
    assert "please report" not in line


WAYS: tuple[Callable[[Image, Image, Path], None], ...] = (
    *(measuring, compensating, auditing, restoring, scoring, judging, measuring_edges),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", PICTURES)
def test_a_legal_picture_has_a_result_or_a_line(name, way, tmp_path, cache_folder):
    require_result_or_line(way, PICTURES[name], tmp_path)


OF_PAIRS = ("defocus-data", "pairs:mine", "--out", "out", "--on", "1")
COMMANDS = {
    "import": ("defocus-data", "session", "--out", "out", "--on", "1"),
    "audit": OF_PAIRS,
    "curate": (*OF_PAIRS, "--rules", "rules.toml"),
    "compensate": OF_PAIRS,
    "sidecar": OF_PAIRS,
    "split": OF_PAIRS,
    "patches": (*OF_PAIRS, "--side", "16"),
    "report": OF_PAIRS,
    "package": (*OF_PAIRS, "--to", "folder", "--card", "card.toml"),
    "restore": (
        "defocus-bench",
        "mine/test/sharp",
        "--baseline",
        "wiener",
        "--leave-sharp",
    ),
    "score": (
        "defocus-bench",
        "--restored",
        "mine/test/blurry",
        "--dataset",
        "pairs:mine",
    ),
    "run": (
        "defocus-bench",
        "--only",
        "input",
        "--dataset",
        "pairs:mine",
        "--out",
        "out",
    ),
}
CARD = """
title = "Mine"
licence = "CC-BY-4.0"
faces = "none"
[[authors]]
family = "A"
"""
GROUPS = {
    "defocus-data": "defocus.datasets.commands",
    "defocus-bench": "defocus.benchmark.commands",
}


@pytest.mark.full
@pytest.mark.parametrize("verb", COMMANDS)
def test_a_dataset_of_legal_pictures_has_a_result_or_a_line_for_each(
    verb, tmp_path, cache_folder, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text("most_gain_ev = 9.0\nsharper = false\n")
    Path("card.toml").write_text(CARD)
    for number, sharp in enumerate(PICTURES.values()):
        blurry = cv2.GaussianBlur(sharp, (0, 0), 2).reshape(sharp.shape)
        for role, picture in (
            ("sharp", sharp),
            ("blurry", np.asarray(blurry, sharp.dtype)),
        ):
            folder = Path("mine/test") / role
            folder.mkdir(parents=True, exist_ok=True)
            write_image(folder / f"p{number}.png", picture)
    if verb == "import":
        roles = ("blurry", "sharp")
        shots = [f"p{number}.png" for number in range(len(PICTURES))]
        write_session(
            Path("session"),
            [{role: Path("mine/test") / role / one for role in roles} for one in shots],
        )
    program, *words = COMMANDS[verb]
    group = command_group(program, GROUPS[program], "")
    result = CliRunner().invoke(group, [verb, *words], standalone_mode=False)
    assert result.exception is None or isinstance(result.exception, DefocusError), (
        result.output
    )
    assert "unforeseen" not in result.output
    assert result.return_value in {0, 1, None}
