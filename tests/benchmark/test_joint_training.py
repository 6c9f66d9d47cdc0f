"""The report's comparison of JDRL with the plain loss: what was measured, and no more."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark.documents.figures.jdrl_effect import only_joint_training
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Entry, open_results
from defocus.reports.model import Gallery, Page, Part
from tests.benchmark.example_study import entry, make_study, page_of

HEADING = "JDRL and the plain loss"


def section(page: Page) -> tuple[Part, ...]:
    return dict(page.sections)[HEADING]


def record(
    out: Path, run_entry: Entry, values: np.ndarray, px: float | None = None
) -> None:
    """Give a run other scores under truth, one picture per scene."""
    where = [
        (f"image-{number:03d}", f"scene-{number:03d}") for number in range(len(values))
    ]
    score = partial(Score, "defocus-v1", "truth")
    scores = [
        score("psnr", *place, float(v)) for place, v in zip(where, values, strict=True)
    ]
    scores += [score("warp_px", *place, px) for place in where if px is not None]
    with open_results(out / "results.sqlite") as results:
        results.record(run_entry, scores)


def rewrite(
    out: Path, joint: np.ndarray, plain: np.ndarray, moved: tuple[float, float]
) -> None:
    """Give the two trainings of U-Net other scores."""
    record(out, entry(0), np.full(len(plain), 20.0), 0.0)
    record(out, entry(1), plain, moved[0])
    record(out, entry(2), joint, moved[1])


def test_the_second_section_compares_the_two_against_the_truth(tmp_path):
    out = make_study(tmp_path, 3, 24, protocols=("truth", "gt"), pictures=3)
    images = out / "runs" / "unet-paper" / "images"
    for number in range(3):
        shutil.copy(
            images / f"image-{number:03d}.sharp.png",
            images / f"image-{number:03d}.truth.png",
        )
    plain = np.linspace(17.0, 19.0, 12)
    rewrite(out, plain + 2.0 + np.linspace(-0.1, 0.1, 12), plain, (1.51, 0.04))
    page = page_of(out)
    assert [heading for heading, _ in page.sections][:2] == ["Leaderboard", HEADING]
    said, strip, table = section(page)
    assert "compared with the truth" in said.text
    assert "the plain loss gains −2.00 dB and moves the picture by 1.51 px" in said.text
    assert "JDRL gains +0.00 dB and moves the picture by 0.04 px" in said.text
    assert (
        "JDRL is 2.00 dB above the plain loss over 12 pictures (95 % interval +1.9"
        in said.text
    )
    labels = [tile.label for tile in strip.tiles]
    assert labels == ["blurry", "sharp as captured", "plain loss", "JDRL", "truth"]
    # of three kept, the median difference
    assert strip.tiles[2].line == "17.18 dB, moved 1.51 px"
    (row,) = table.rows
    assert (row[0], row[1], row[2]) == (
        "U-Net",
        pytest.approx(-2.0),
        pytest.approx(0.0),
    )
    printed = page_of(out, printed=True)
    assert isinstance(section(printed)[1], Gallery)


@pytest.mark.parametrize(
    ("joint", "verdict"),
    [
        (np.tile([20.5, 19.5], 6), "from the plain loss, +0.00 dB over 12 pictures"),
        (np.linspace(19.4, 19.6, 12), "JDRL is 0.50 dB below the plain loss"),
        (
            np.array([21.0, 21.0]),
            "JDRL less the plain loss: +1.00 dB over 2 pictures, too few",
        ),
    ],
)
def test_the_sentence_says_no_more_than_was_measured(tmp_path, joint, verdict):
    out = make_study(tmp_path, 2, 4, protocols=("truth",))
    rewrite(out, joint, np.full(len(joint), 20.0), (0.1, 0.1))
    said = section(page_of(out))[0]
    assert verdict in said.text


def test_networks_trained_on_other_pairs_are_not_partners(tmp_path):
    out = make_study(tmp_path, 1, 4, protocols=("truth",))
    with open_results(out / "results.sqlite") as results:
        other = replace(entry(2), train_dataset="lfdof:elsewhere")
        results.record(other, results.scores("unet-paper"))
    assert HEADING not in dict(page_of(out).sections)


def test_a_network_on_registered_pairs_stands_beside_the_two(tmp_path):
    out = make_study(tmp_path, 2, 12, protocols=("truth",))
    plain = np.linspace(19.0, 21.0, 12)
    rewrite(out, plain + 0.5, plain, (0.2, 0.1))
    gains = np.linspace(0.8, 1.0, 12)
    run_entry = replace(
        entry(1), run="registered", grouping="r", system="registered-unet"
    )
    record(out, run_entry, plain + gains)
    said, *_, table = section(page_of(out))
    assert (
        "U-Net on registered pairs, our own way to train, gains +0.90 dB." in said.text
    )
    assert (
        "That is 0.40 dB above U-Net with JDRL over 12 pictures (95 % interval +0.3"
        in said.text
    )
    names = [column.name for column in table.columns[-2:]]
    assert names == ["Gain, registered pairs", "Registered pairs less JDRL"]
    ((*_, gained, beside),) = table.rows
    assert gained == pytest.approx(0.9)
    assert beside.value == pytest.approx(0.4)


def test_the_network_on_registered_pairs_has_a_strip_too(tmp_path):
    out = make_study(tmp_path, 3, 24, protocols=("truth",), pictures=2)
    plain = np.linspace(17.0, 19.0, 12)
    rewrite(out, plain + 0.5, plain, (0.2, 0.1))
    others = {
        "registered-unet": (replace(entry(1), system="registered-unet"), plain + 0.9),
        "restormer": (entry(3), plain),
        "jdrl-restormer": (replace(entry(3), system="jdrl-restormer"), plain + 2.0),
    }
    for run, (run_entry, values) in others.items():
        record(out, replace(run_entry, run=run, grouping=run), values)
    for run in others:
        shutil.copytree(out / "runs" / "unet-paper", out / "runs" / run)
    strips = [part for part in section(page_of(out)) if isinstance(part, Gallery)]
    assert [strip.caption.partition(" on ")[0] for strip in strips] == [
        "Restormer",
        "U-Net",
    ]
    labels = [[tile.label for tile in strip.tiles] for strip in strips]
    assert labels[0] == ["blurry", "sharp as captured", "plain loss", "JDRL"]
    assert labels[1] == [*labels[0], "registered pairs"]
    assert strips[1].tiles[-1].line == "17.90 dB"  # of two kept, the first


def test_the_comparison_stands_second_and_first_for_the_pairs_made_for_it(tmp_path):
    out = make_study(tmp_path, 4, 24, protocols=("truth",))
    with open_results(out / "results.sqlite") as results:
        for number in range(3):
            run_entry = entry(number)
            moved = entry(number, dataset="z-strong")
            scores = results.scores(run_entry.run)
            results.record(replace(moved, run=f"z-{run_entry.run}"), scores)
    for printed in (False, True):
        headings = [heading for heading, _ in page_of(out, printed=printed).sections][
            :4
        ]
        assert headings[0].startswith("Leaderboard of ")
        assert headings[1] == f"{HEADING} of z-strong"
        assert headings[2].startswith(f"{HEADING} of ")
        assert headings[3] == "Leaderboard of z-strong"


def test_only_joint_training():
    assert only_joint_training({"unet", "jdrl-unet"})
    assert only_joint_training({"unet", "jdrl-unet", "registered-unet"})
    assert not only_joint_training({"unet", "jdrl-unet", "ifan"})
    assert not only_joint_training({"unet", "registered-unet"})
