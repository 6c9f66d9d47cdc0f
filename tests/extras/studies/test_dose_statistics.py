"""What a study by dose makes of scores: intervals, shares and ranks, its document and its strip."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import open_results
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.pair import Pair
from defocus.extras.studies.ablation.lines import ablation_of
from defocus.extras.studies.dose.analysis import agreement, gain, share_of_gap
from defocus.extras.studies.dose.claims import line_of
from defocus.extras.studies.dose.document import dose_document
from defocus.extras.studies.dose.outputs.layout import CROP_PX
from defocus.extras.studies.dose.outputs.measures import OFFICIAL_GRID, restored_scores
from defocus.extras.studies.dose.outputs.strips import write_strip
from defocus.extras.studies.dose.plan import DoseStudy, dose_study
from defocus.extras.studies.dose_dataset.run import PHOTOGRAPH
from defocus.extras.studies.options import AblatedRows, AblationStudy
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from tests.benchmark.example_study import entry
from tests.extras.studies.conftest import render_doses


def test_an_interval_is_one_of_95_percent():
    """Of many scenes it is as wide as that of a normal mean."""
    gains = np.random.default_rng(0).normal(0.5, 1.0, (1, 100))
    estimate = gain(gains, np.zeros((1, 100)))
    expected = 2 * 1.96 * float(gains.std()) / np.sqrt(100)
    assert estimate.high - estimate.low == pytest.approx(expected, rel=0.1)


def test_a_share_is_as_sure_as_the_scenes_agree_on_it():
    """A line closes half of the gap in every scene, and the gaps differ."""
    rng = np.random.default_rng(1)
    plain = rng.normal(28, 4, (1, 40))
    gap = rng.uniform(0.5, 4.0, (1, 40))
    line = plain + gap / 2 + rng.normal(0, 0.01, (1, 40))
    share = share_of_gap(line, plain, plain + gap)
    assert share is not None
    assert share.value == pytest.approx(0.5, abs=0.01)
    assert share.high - share.low < 0.02


def test_a_protocol_that_scores_as_the_truth_does_agrees_with_it_for_sure():
    """Scenes rank the lines otherwise, so that other scenes would give another order of both."""
    rng = np.random.default_rng(2)
    truth = {
        name: rng.normal(28 + 0.1 * place, 1.0, (1, 40))
        for place, name in enumerate("abcde")
    }
    tau = agreement({name: values - 3 for name, values in truth.items()}, truth)
    assert tau is not None
    assert (tau.low, tau.value, tau.high) == (1, 1, 1)


SCENES_DB = (24.0, 28.0, 33.0)
"""PSNR of the blurry input at each test scene."""

GAINS: Mapping[str, tuple[float, float, float]] = {
    "blurry input": (0.0, 0.0, 0.0),
    "1 plain loss": (0.4, -0.2, 0.4),
    "JDRL": (0.5, 0.9, 0.7),
    "JDRL on registered pairs": (0.3, 1.2, 0.9),
    "registered pairs": (0.8, 1.6, 1.2),
    "registered, refined": (1.1, 1.7, 1.4),
    "control: pre-aligned pairs": (1.3, 2.0, 1.5),
    "control: true pairs": (1.9, 2.6, 2.1),
}
"""Over the blurry input at each test scene, dB; in the order of their means, not of each scene."""

EXCHANGED: Mapping[str, Sequence[tuple[str, str]]] = {
    "truth": (),
    "gt": (),
    "input-aligned": [("control: true pairs", "control: pre-aligned pairs")],
    "deformed-gt": [
        ("blurry input", "1 plain loss"),
        ("registered pairs", "registered, refined"),
    ],
    OFFICIAL_GRID: (),
}
"""Lines that change places under a protocol; ``gt`` ranks all of them the other way round."""


def scores_of(label: str, protocol: str) -> list[float]:
    """PSNR of a line at each test scene, dB."""
    partner = dict(EXCHANGED[protocol]) | {two: one for one, two in EXCHANGED[protocol]}
    sign = -1 if protocol == "gt" else 1
    gains = GAINS[partner.get(label, label)]
    return [scene + sign * one for scene, one in zip(SCENES_DB, gains, strict=True)]


@dataclass(frozen=True)
class Finished:
    """A study that trained nothing, whose scores are planted, and its document."""

    study: DoseStudy
    studies: list[Study]
    document: dict[str, Any]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The test pairs."""
        return self.studies[0].dataset.split("test")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The scores are in the store, and beside it what was measured of the pictures."""
    folder = tmp_path_factory.mktemp("finished")
    dosed = render_doses(
        folder,
        "size = 128\npairs = {train = 1, test = 3}\ndoses_px = [4]\nblur_px = [2, 4]\n",
    )
    study = dose_study(
        ablation_of("jdrl"),
        AblationStudy(out=folder / "out", dataset=f"manifest:{dosed}"),
        AblatedRows(doses=[4], narrow=True, central=True),
    )
    studies = [
        replace(part, home=None, runs=[replace(run, recipe=None) for run in part.runs])
        for part in study.studies()
    ]
    every = [(part, run) for part in studies for run in part.runs]
    blurry = next((part, run) for part, run in every if run.system == "input")
    restored_scores(*blurry)
    kept = json.loads(outputs_of(*blurry).read_text())
    with open_results(study.out / "results.sqlite") as results:
        for part, run in every:
            label, path = part.labels[run.system], outputs_of(part, run)
            grid = {OFFICIAL_GRID: scores_of(label, OFFICIAL_GRID)}
            path.parent.mkdir(exist_ok=True)
            first = part.dataset.split("test")[
                0
            ].id  # lacks a part, and a target of a protocol
            path.write_text(json.dumps({**kept, "scores": kept["scores"] | grid}))
            scores = [
                Score("defocus-v1", protocol, "psnr", pair.id, pair.scene, value)
                for protocol in ("truth", "gt", "input-aligned", "deformed-gt")
                for pair, value in zip(
                    part.dataset.split("test"), scores_of(label, protocol), strict=True
                )
            ]
            scores = [
                one
                for one in scores
                if one.protocol != "input-aligned" or one.pair != first
            ]
            scores += [replace(one, metric="psnr_edges") for one in scores
                       if one.protocol == "truth" and one.pair != first]  # fmt: skip
            results.record(replace(entry(0), run=run.id, system=run.system), scores)
        document = dose_document(study, studies, results)
    return Finished(study, studies, document)


def outputs_of(part: Study, run: Run) -> Path:
    """The file in which the measures of a run's pictures are kept."""
    return part.out / "runs" / run.id / "outputs.json"


def test_each_protocol_has_the_tau_of_its_own_scores(finished):
    """Of 28 pairs of lines, as many are out of order as a protocol exchanges."""
    (dose,) = finished.document["doses"]
    taus = {protocol: tau["value"] for protocol, tau in dose["tau"].items()}
    expected = {
        "gt": -1,
        "input-aligned": 26 / 28,
        "deformed-gt": 24 / 28,
        OFFICIAL_GRID: 1,
    }
    assert taus == pytest.approx(expected)


def test_a_share_is_one_of_the_gap_to_the_control_on_true_pairs(finished):
    (dose,) = finished.document["doses"]
    shares = {line["label"]: line["share"]["value"] for line in dose["lines"]}
    expected = {
        "1 plain loss": 0.0, "JDRL": 0.25, "registered pairs": 0.5, "control: true pairs": 1.0
    }  # fmt: skip
    assert {label: shares[label] for label in expected} == pytest.approx(expected)


def test_scores_and_outputs_of_a_scene_belong_together(finished):
    """Outputs that score as the truth does agree with it, whichever scenes are drawn."""
    (dose,) = finished.document["doses"]
    assert dose["tau"][OFFICIAL_GRID]["low"] == 1


def test_the_gain_of_a_scene_stands_at_its_place_among_the_pairs(finished):
    (dose,) = finished.document["doses"]
    assert dose["scene_gains"]["over_plain"] == pytest.approx([0.4, 1.8, 0.8])


@pytest.mark.parametrize(
    ("photographs", "origins", "names"),
    [((None, None, None), 3, "abc"), ((None, "p", "p"), 2, "abb"), ((), None, "abc")],
    ids=["textures", "a texture and a photograph", "not told"],
)
def test_scenes_before_one_photograph_are_drawn_together(
    finished, photographs, origins, names
):
    study, pairs = finished.study, []
    behind = dict(zip([pair.id for pair in finished.pairs], photographs, strict=False))
    for pair in study.dataset.pairs:
        metadata = {PHOTOGRAPH: behind[pair.id]} if pair.id in behind else {}
        others = {
            name: one for name, one in pair.metadata.items() if name != PHOTOGRAPH
        }
        pairs.append(replace(pair, metadata=others | metadata))
    dosed = replace(study, dataset=replace(study.dataset, pairs=tuple(pairs)))
    with open_results(study.out / "results.sqlite") as results:
        document = dose_document(dosed, finished.studies, results)
    assert document["origins"] == origins
    line = line_of(document["doses"][0], "registered pairs")
    assert line
    expected = gain(np.array([GAINS["registered pairs"]]), np.zeros((1, 3)), names)
    assert line["over_input"] == pytest.approx(asdict(expected))


def test_scenes_without_a_part_or_a_target_are_left_out_with_their_photographs(
    finished,
):
    (dose,) = finished.document["doses"]
    own = np.array([GAINS["registered pairs"]])[:, 1:]
    line = line_of(dose, "registered pairs")
    assert line
    expected = asdict(gain(own, np.zeros((1, 2)), "bc"))
    assert line["parts_over_input"]["psnr_edges"] == pytest.approx(expected)
    assert dose["part_scenes"]["psnr_edges"] == 2
    assert dose["tau"]["input-aligned"]["scenes"] == 2
    assert dose["tau"]["gt"]["scenes"] == 3


@pytest.fixture(scope="module")
def shown(finished):
    """What the strip says that it shows, and that pair."""
    (dose,) = finished.document["doses"]
    strip = write_strip(finished.study, finished.studies, dose)
    return strip, next(pair for pair in finished.pairs if pair.id == strip["scene"])


def test_a_strip_shows_the_scene_of_the_median_gain(finished, shown):
    """The gains are 0.4, 1.8 and 0.8 dB."""
    assert shown[1] == finished.pairs[2]


def test_a_strip_shows_where_the_blurry_picture_is_furthest_from_the_truth(shown):
    strip, pair = shown
    assert pair.truth is not None
    blurry, truth = (
        as_float(read_image(one), np.float64) for one in (pair.blurry, pair.truth)
    )
    square = np.square(blurry - truth).sum(axis=2)
    windows = np.lib.stride_tricks.sliding_window_view(square, (CROP_PX, CROP_PX))
    errors = windows.sum(axis=(2, 3))
    assert errors[strip["top"], strip["left"]] == pytest.approx(errors.max())
    assert errors.max() > 1.02 * errors.min()  # the scene has better and worse places
