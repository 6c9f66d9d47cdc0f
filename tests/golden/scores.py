"""What a fixed small study comes to: every protocol, profile and metric that needs no download.

Make ``scores.json`` anew after a revision was raised: ``python -m tests.golden.scores``."""

import argparse
import json
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.external_results.matching import dataset_subjects, match
from defocus.benchmark.external_results.scoring import score_outputs
from defocus.benchmark.metrics.metric import Metric, all_metrics
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.revisions import SCORING_REVISION
from defocus.benchmark.scoring.ceiling import ceiling_scores
from defocus.benchmark.scoring.profiles import DEFAULT, PROFILES, Profile
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.pair import Dataset, Pair
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image

COMMAND = "python -m tests.golden.scores"
FILE = Path(__file__).with_name("scores.json")

SIZE = (112, 144)

Picture = NDArray[np.unsignedinteger[Any]]


def metrics() -> dict[str, Metric]:
    """Those that lack nothing anywhere; others have tests of their own."""
    # Two need larger pictures, one a picture that is in focus somewhere.
    others = {"ms_ssim", "niqe", "in_focus_change"}
    every = all_metrics().items()
    return {
        name: metric
        for name, metric in every
        if not metric.remedy and name not in others
    }


def versions() -> dict[str, Any]:
    """The revisions that the numbers are of."""
    by_metric = {name: metric.version for name, metric in metrics().items()}
    return {"scoring_revision": SCORING_REVISION, "metrics": by_metric}


def measured(names: Collection[str] = tuple(PROFILES)) -> dict[str, float | None]:
    """Every score by its place, None where there can be none; ``names`` are of profiles."""
    profiles = [PROFILES[name] for name in names]
    with tempfile.TemporaryDirectory() as folder:
        dataset = _dataset(Path(folder))
        ceilings = _ceilings(dataset) if DEFAULT in profiles else ()
        return dict(
            [*_studied(dataset, profiles), *ceilings, *_outputs(dataset, profiles)]
        )


Lines = Iterator[tuple[str, float | None]]


def _studied(dataset: Dataset, profiles: Sequence[Profile]) -> Lines:
    """As a study scores, by every profile; another estimator beside the first under one."""
    first, second = flow_estimator("dis"), flow_estimator("pwcnet")
    for profile in profiles:
        independent = second if profile is DEFAULT else None
        scorer = PairScorer(dataset, first, metrics(), profile, independent)
        for pair in dataset.pairs:
            blurry = read_image(pair.blurry)
            for score in scorer.scores(pair, _restored(blurry), blurry):
                yield _line("study", score)


def _ceilings(dataset: Dataset) -> Lines:
    ceilings = {
        name: metric for name, metric in metrics().items() if metric.against == "target"
    }
    for pair in dataset.pairs:
        for score in ceiling_scores(dataset, pair, flow_estimator("dis"), ceilings):
            yield _line("ceiling", score)


def _line(where: str, score: Score) -> tuple[str, float | None]:
    place = (where, score.profile, score.protocol, score.metric, score.pair)
    return "/".join(place), score.value


def _outputs(dataset: Dataset, profiles: Sequence[Profile]) -> Lines:
    """As ``score`` scores files, which every profile reads its own way."""
    folder = dataset.root / "restored"
    folder.mkdir()
    for pair in dataset.pairs:
        values = np.clip(_restored(read_image(pair.blurry)), 0, 1) * 65535
        write_image(folder / f"{pair.id}.png", np.rint(values).astype(np.uint16))
    for profile in profiles:
        estimator = flow_estimator(
            "pwcnet" if profile.protocol == "deformed-gt" else "dis"
        )
        subjects = dataset_subjects(dataset)
        scores = score_outputs(
            match(folder, subjects), PairScorer(dataset, estimator, metrics(), profile)
        )
        for image in scores.images:
            for metric, value in image.items():
                if metric != "name":
                    place = ("score", profile.name, metric, image["name"])
                    yield "/".join(place), value


def _restored(blurry: Picture) -> NDArray[np.float64]:
    """Sharpened, so that values leave [0, 1]: in steps of float64, the same on every machine."""
    values = blurry / np.iinfo(blurry.dtype).max
    around = sum(np.roll(values, step, axis) for step in (-1, 1) for axis in (0, 1)) / 4
    return np.asarray(values + 1.5 * (values - around))


def _dataset(root: Path) -> Dataset:
    """One pair of 8 bits as captured, one of 16 bits with all that a rendered pair has."""
    pairs = tuple(_pair(root, number) for number in (0, 1))
    return Dataset("golden", root, pairs, "golden", root / ".derived")


def _pair(root: Path, number: int) -> Pair:
    height, width = SIZE[0] + 5 * number, SIZE[1] + 3 * number
    random = np.random.default_rng(number)
    noise = random.integers(0, 256, (height + 2, width + 2, 3), dtype=np.uint8)
    # fixed-point arithmetic, exact everywhere
    texture = cv2.GaussianBlur(noise, (0, 0), 1.2)
    sharp, truth = texture[2:, 2:], texture[1:-1, 1:-1]
    states = {
        "sharp": sharp,
        "truth": truth,
        "blurry": cv2.GaussianBlur(truth, (0, 0), 1.8),
    }
    paths = {state: root / f"{number}-{state}.png" for state in states}
    for state, picture in states.items():
        deep = picture.astype(np.uint16) * 257 - 40 * (picture > 0).astype(np.uint16)
        write_image(paths[state], np.ascontiguousarray(deep if number else picture))
    pair = Pair(
        f"pair{number}", f"scene{number}", "test", paths["blurry"], paths["sharp"]
    )
    if number == 0:
        return pair
    circles = root / "circles.npy"
    np.save(circles, np.tile(np.linspace(-6, 20, width, dtype=np.float32), (height, 1)))
    return Pair(
        pair.id,
        pair.scene,
        pair.split,
        pair.blurry,
        pair.sharp,
        truth=paths["truth"],
        defocus_map=circles,
        metadata={"place": "indoor"},
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    document = {**versions(), "scores": measured()}
    FILE.write_text(
        json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
