"""Tables of ``docs/jdrl-numbers.md`` say what the studies say."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from defocus.extras.studies.dose.claims import RULE
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from research.jdrl_page.cells import signed_text
from research.jdrl_page.opening import (
    claim_row,
    measured_claims,
    printed_gain,
    trained_hours,
)

PAGE = Path(__file__).parents[2] / "docs" / "jdrl-numbers.md"
DOSE_STUDY = PAGE.parents[1] / "research" / "dose_study"
ESTIMATE = re.compile(r"(−?\d+\.\d+) \[(−?\d+\.\d+), (−?\d+\.\d+)\]")


@pytest.fixture(scope="module")
def page_maker():
    return runpy.run_module("research.pages.jdrl")


@pytest.fixture(scope="module")
def documents(page_maker):
    return {
        name: page_maker["read_documents"](studies)
        for name, studies in page_maker["SECTIONS"].items()
    }


def test_the_made_sections_are_those_of_the_documents_beside_the_page(
    page_maker, documents
):
    page = PAGE.read_text(encoding="utf-8")
    assert page_maker["made_page"](page, documents) == page


def test_the_page_says_how_verdicts_are_found():
    assert RULE in " ".join(PAGE.read_text(encoding="utf-8").split())


def estimates_in(content: object) -> Iterator[tuple[float, float, float]]:
    """Every value with its interval in a document."""
    if isinstance(content, Mapping):
        if {"value", "low", "high"} <= content.keys():
            yield content["value"], content["low"], content["high"]
        content = list(content.values())
    if isinstance(content, list):
        for one in content:
            yield from estimates_in(one)


def turned(estimate: tuple[float, float, float]) -> tuple[float, float, float]:
    value, low, high = estimate
    return -value, -high, -low


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_every_interval_in_the_text_is_that_of_a_study(documents):
    """Either of a document, or of a table on the page whose document is not kept."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    prose = " ".join(line for line in lines if not line.startswith("|"))
    tables = " ".join(line for line in lines if line.startswith("|"))
    estimates = {tuple(map(number, one)) for one in ESTIMATE.findall(tables)}
    for estimate in estimates_in(list(documents.values())):
        estimates.add(tuple(number(signed_text(one)) for one in estimate))
    estimates |= {turned(one) for one in estimates}
    quoted = {tuple(map(number, one)) for one in ESTIMATE.findall(prose)}
    assert len(quoted) > 30
    assert quoted - estimates == set()


def test_each_chart_is_on_the_page_and_beside_it(page_maker, documents):
    drawn = page_maker["charts"](documents)
    assert set(page_maker["ROW_CHARTS"].values()) < set(drawn)
    for name, chart in drawn.items():
        assert f"]({name})" in PAGE.read_text(encoding="utf-8")
        stamps = [
            one.splitlines()[-1] for one in (chart, PAGE.with_name(name).read_bytes())
        ]
        assert stamps[0] == stamps[1], f"{name} is an old one"
        assert re.fullmatch(rb"<!-- [0-9a-f]{64} -->", stamps[0])
    for name, said in (
        ("jdrl-dose.svg", ("0.5", "8")),
        ("jdrl-where.svg", ("edges", "2–4 px")),
    ):
        for text in (*said, "JDRL", "registered pairs"):
            assert f"<!-- {text} -->" in drawn[name].decode(), f"{text} in {name}"


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.125, "high": value + 0.25}


def study(network: str, gains: Mapping[float, Mapping[str, float]]) -> dict[str, Any]:
    """A study with the gain of each line over the blurry input, by dose."""
    doses = [
        {
            "dose_px": dose,
            "lines": [
                line(label, gain, by_line["JDRL"]) for label, gain in by_line.items()
            ],
            "tau": {
                "gt": estimate(-0.5),
                "input-aligned": None,
                "deformed-gt": estimate(0.75),
            },
            "scene_gains": {"line": "JDRL"},
        }
        for dose, by_line in gains.items()
    ]
    return {
        "objective": "JDRL", "dataset": "manifest:full", "narrow": True,
        "network": network, "scenes": 40, "training_pairs": 300, "seeds": 3,
        "plain": "1 plain loss", "whole": "JDRL", "rivals": ["registered pairs"],
        "truth": "control: true pairs", "doses": doses,
    }  # fmt: skip


def line(label: str, gain: float, whole: float) -> dict[str, Any]:
    return {
        "label": label, "system": "x", "steps": 700, "seconds": 60.0, "share": None,
        "means": {"truth/psnr": 28.0 + gain}, "over_plain": {"psnr": estimate(gain)},
        "over_input": estimate(gain), "whole_over": estimate(whole - gain),
        "rival_over": estimate(whole - gain),
    }  # fmt: skip


NAFNET = {2.0: {"1 plain loss": -0.5, "JDRL": 0.75, "registered pairs": 1.0}}


PARTS = {"2 without deformation": 0.25, "3 without mask": 0.875, "JDRL": 0.75}


def test_a_claim_has_the_papers_number_ours_and_a_verdict():
    """Its dose is that of its column; one that was not trained is empty."""
    document = study(
        "defocus-s", {px: {"1 plain loss": -0.5, **PARTS} for px in (0.5, 8.0)}
    )
    for label, printed, claim, verdict in (
        ("2 without deformation", "1.02 dB", "0.50 [0.38, 0.75] dB", "confirmed"),
        ("3 without mask", "0.04 dB", "−0.12 [−0.25, 0.12] dB", "not decided"),
    ):
        assert printed_gain(document, label) == printed
        row = claim_row("it helps", printed, document, label, "because")
        assert row == f"| it helps | {printed} |  | {claim} | {verdict} | because |"


def bent(low: float) -> dict[str, float]:
    return {"value": 0.1, "low": low, "high": 0.2}


@pytest.mark.parametrize(
    ("plain", "whole", "verdict"),
    [
        (0.05, -0.05, "confirmed"),
        (-0.05, -0.05, "not decided"),
        (0.05, 0.05, "not decided"),
    ],
)
def test_lines_stay_straight_if_only_the_plain_loss_bends_them(plain, whole, verdict):
    document = study("defocus-s", {8.0: NAFNET[2.0]})
    for one, low in zip(
        document["doses"][0]["lines"], (plain, whole, whole), strict=True
    ):
        one["bent_px"] = bent(low)
    document["doses"][0]["tau"]["input-aligned"] = estimate(0.5)
    lines, scores = measured_claims(document)
    assert f"|  | 0.10 [{signed_text(whole)}, 0.20] px | {verdict} |" in lines
    assert "|  | 0.75 [0.62, 1.00] | confirmed |" in scores


def test_the_hours_count_the_control_once():
    """It is trained once, and listed at each dose."""
    gains = {px: {**NAFNET[2.0], "control: true pairs": 1.25} for px in (2.0, 8.0)}
    document = study("defocus-s", gains)
    assert trained_hours(document) == pytest.approx(3 * (2 * 3 + 1) * 60 / 3600)


def test_the_opening_says_what_rivals_are_worth_instead(page_maker):
    fewer = {"1 plain loss": -0.5, "JDRL": 0.75}
    gains = {0.5: fewer, 2.0: {**NAFNET[2.0], "control: true pairs": 1.25}}
    assert list(page_maker["dose_table"](study("defocus-s", gains)))[:-1] == [
        "| gain, dB | 0.5 px | 2 px |",
        "| --- | ---: | ---: |",
        "| JDRL, instead of the plain loss | 1.25 [1.12, 1.50] | 1.25 [1.12, 1.50] |",
        "| registered pairs, instead of JDRL |  | 0.25 [0.00, 0.38] |",
        "| JDRL, instead of true pairs |  | −0.50 [−0.62, −0.25] |",
    ]


@pytest.fixture
def stored(page_maker, tmp_path, monkeypatch):
    """Stores a study as ``NAME.json`` in another folder, which the script reads."""
    monkeypatch.setitem(page_maker["document_file"].__globals__, "DOCUMENTS", tmp_path)

    def store(name: str, document: dict[str, Any]) -> None:
        (tmp_path / f"{name}.json").write_text(json.dumps(document))

    return store


def with_control(document: dict[str, Any], gain: float) -> dict[str, Any]:
    for one in document["doses"]:
        one["lines"].append(line("control: true pairs", gain, 0.75))
    return document


def test_studies_of_other_doses_are_one_section_with_a_control_each(page_maker, stored):
    lines = NAFNET[2.0]
    stored("largest", with_control(study("nafnet", {8.0: lines}), 0.875))
    others = with_control(study("nafnet", {4.0: lines, 2.0: lines}), 1.5)
    stored("others", {**others, "rivals": ["registered pairs", "JDRL"], "origins": 23})
    joined = page_maker["read_documents"](("largest", "others"))
    assert [one["dose_px"] for one in joined["doses"]] == [2.0, 4.0, 8.0]
    assert (joined["rivals"], joined["origins"]) == (["registered pairs", "JDRL"], 23)
    facts = next(page_maker["study_facts"](joined))
    assert facts.startswith(
        "40 test scenes of 23 photographs and textures (known at 2, 4 px alone), "
    )
    assert (
        "gains 1.50 [1.38, 1.75] dB (2, 4 px) and 0.88 [0.75, 1.12] dB (8 px) over"
        in facts
    )
    assert "aims at 1.0 dB, which is not reached by the mean" in facts
    other = study("restormer", {1.0: lines, 4.0: {**lines, "registered pairs": 2.0}})
    assert list(page_maker["network_table"]([other, joined])) == [
        "| gain of registered pairs over JDRL, dB | 2 px | 4 px | 8 px |",
        "| --- | ---: | ---: | ---: |",
        "| Restormer, narrow copy, 3 seeds | not trained | 1.25 [1.00, 1.38] | not trained |",
        "| NAFNet, narrow copy, 3 seeds |" + " 0.25 [0.00, 0.38] |" * 3,
        "",
    ]


UNLIKE: dict[str, Any] = {
    "objective": "own", "network": "unet", "narrow": False, "dataset": "manifest:other",
    "scenes": 39, "training_pairs": 299, "seeds": 2, "plain": "JDRL", "whole": "1 plain loss",
    "truth": "JDRL", "rivals": ["JDRL"], "origins": 12,
}  # fmt: skip


@pytest.mark.parametrize("key", UNLIKE)
def test_a_study_that_differs_from_the_first_is_refused(
    page_maker, stored, key, refused
):
    stored("first", {**study("nafnet", {8.0: NAFNET[2.0]}), "origins": 23})
    stored("second", {**study("nafnet", NAFNET), key: UNLIKE[key]})
    with refused(ValueError):
        page_maker["read_documents"](("first", "second"))


def other_steps() -> dict[str, Any]:
    document = study("nafnet", NAFNET)
    document["doses"][0]["lines"][0]["steps"] = 701
    return document


@pytest.mark.parametrize(
    ("second", "wrong"),
    [
        (study("nafnet", {8.0: NAFNET[2.0]}), "8.0"),
        (study("nafnet", {2.0: {"JDRL": 0.75, "robust loss": 0.5}}), "robust loss"),
        (other_steps(), "steps"),
    ],
)
def test_a_dose_twice_or_a_line_or_length_of_its_own_is_refused(
    page_maker, stored,
    second, wrong,
):  # fmt: skip
    stored("first", study("nafnet", {8.0: NAFNET[2.0]}))
    stored("second", second)
    with pytest.raises(
        ValueError, match=rf"second.json does not go with first.json: .*{wrong}"
    ):
        page_maker["read_documents"](("first", "second"))


def test_a_study_with_few_lines_has_its_section(page_maker):
    """No control, no parts of pictures, no trained reblurring, one dose."""
    text = "\n".join(page_maker["section"]("short", study("nafnet", NAFNET)))
    assert text.startswith("40 test scenes, 300 training pairs per dose, seeds: 3.\n")
    assert "| registered pairs | 2 px: 0.25 [0.00, 0.38] | not decided |" in text
    assert "| gt | −0.50 [−0.62, −0.25] |" in text
    assert (
        "| JDRL | 28.75 | 0.75 [0.62, 1.00] | 0.75 [0.62, 1.00] |  |  |  | 1.0 |"
        in text
    )
    assert "reblurring loss" not in text


@pytest.fixture
def docs(tmp_path):
    """A copy of what the script reads and writes."""
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copytree(DOSE_STUDY, tmp_path / "dose_study")
    for file in (*PAGE.parent.glob("jdrl*.webp"), PAGE):
        shutil.copy(file, docs)
    return docs


ELSEWHERE = """
import pathlib, runpy, sys
import research.pages
research.pages.DOCS = pathlib.Path(sys.argv.pop(1))
research.pages.DOSE_STUDY = research.pages.DOCS.parent / "dose_study"
runpy.run_module("research.pages.jdrl", run_name="__main__", alter_sys=True)
"""
"""Makes the page in another folder of docs."""


def take_over(
    docs: Path, name: str, **changed: object
) -> subprocess.CompletedProcess[str]:
    """Take over the study of this name once more, with a changed document and grey strips."""
    taken = docs.parent / "study"
    taken.mkdir()
    document = json.loads((DOSE_STUDY / f"{name}.json").read_text("utf-8"))
    (taken / "dose.json").write_text(json.dumps({**document, **changed}))
    for one in document["doses"]:
        write_image(
            taken / f"strip-{one['dose_px']:g}px.png",
            np.full((64, 96, 3), 64, np.uint8),
        )
    return subprocess.run(
        [sys.executable, "-c", ELSEWHERE, docs, f"{name}={taken}"],
        env={**os.environ, "PYTHONPATH": str(PAGE.parents[1])}, capture_output=True, text=True,
    )  # fmt: skip


def changed_strips(docs: Path) -> set[str]:
    return {
        file.name
        for file in docs.glob("jdrl*.webp")
        if file.read_bytes() != PAGE.with_name(file.name).read_bytes()
    }


def test_a_finished_study_is_taken_over(docs):
    """Its document and its strips; the page and the charts are made again."""
    outcome = take_over(docs, "unet", scenes=39)
    assert outcome.returncode == 0, outcome.stderr
    section = (docs / "jdrl-numbers.md").read_text("utf-8").partition("#### U-Net")[2]
    assert section.partition("test scenes")[0].endswith("39 ")
    assert changed_strips(docs) == {"jdrl-unet-strip-8px.webp"}
    kept = read_image(docs / "jdrl-unet-strip-8px.webp")
    assert kept.shape == (64, 96, 3)
    assert np.abs(kept.astype(float) - 64).max() < 4


def test_a_study_of_other_doses_is_taken_over_into_its_section(docs):
    outcome = take_over(
        docs, "nafnet-2-4px", rivals=["registered pairs", "1 plain loss"]
    )
    assert outcome.returncode == 0, outcome.stderr
    section = (docs / "jdrl-numbers.md").read_text("utf-8").partition("#### NAFNet")[2]
    assert "| 1 plain loss | 2 px: −1.01 " in section.partition("#### Restormer")[0]
    assert changed_strips(docs) == {
        "jdrl-nafnet-strip-2px.webp",
        "jdrl-nafnet-strip-4px.webp",
    }


def test_a_study_that_does_not_go_with_its_section_changes_nothing(docs):
    outcome = take_over(docs, "nafnet-2-4px", scenes=39)
    assert outcome.returncode == 1
    assert (
        "nafnet-2-4px.json does not go with nafnet.json: ['scenes']" in outcome.stderr
    )
    assert changed_strips(docs) == set()
    document = "nafnet-2-4px.json"
    assert (docs.parent / "dose_study" / document).read_bytes() == (
        DOSE_STUDY / document
    ).read_bytes()
    assert (docs / "jdrl-numbers.md").read_bytes() == PAGE.read_bytes()
