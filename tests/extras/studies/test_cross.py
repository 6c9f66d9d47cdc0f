"""Gains across datasets: a cell has a number only where the published test set was measured."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defocus.baselines.registry import baseline
from defocus.baselines.weights.own import own_weights
from defocus.baselines.weights.store import StoredWeights
from defocus.benchmark.results.store import open_results
from defocus.extras.studies import cross
from defocus.extras.studies.cross import (
    CrossGain,
    cross_gains,
    cross_plan,
    in_field,
    weighted_systems,
)
from defocus.extras.studies.cross_tables import (
    NOT_MEASURED,
    cross_document,
    cross_markdown,
    cross_tables,
)
from defocus.extras.studies.published_gains import WARPED, published_gains
from defocus.pictures.write import write_image

OWN = {"mine": ("stream:photographs",)}
WHOLE = CrossGain(
    *("mine", OWN["mine"], "dpdd:copy", "gt", "defocus-v1"),
    *(0.123, 0.02, 0.321),
    *(76, 76, 76),
)


def cells(*gains: CrossGain) -> list[object]:
    """The three cells of the system beside the printed gains."""
    tables, _ = cross_tables(OWN, gains)
    return list(tables[0].rows[0][2:5])


def test_printed_gains_are_differences_of_printed_cells_of_known_trainings():
    by_cell = {(one.cell.system, one.cell.dataset): one for one in published_gains()}
    expected = {
        ("dmenet", "dpdd"): 0.01,
        ("dmenet", "realdof"): 0.08,
        ("kpac", "realdof"): 1.65,
        ("ifan", "realdof"): 2.38,
        ("nrknet", "realdof"): 2.82,
        ("lakdnet-lfdof-dpdd", "realdof"): 3.50,
        ("kpac", "lfdof"): 3.07,
        ("lakdnet-lfdof", "lfdof"): 6.00,
    }
    assert {key: by_cell[key].value for key in expected} == expected
    assert all(
        WARPED not in {one.cell.protocol, one.input.protocol}
        for one in by_cell.values()
    )
    assert [by_cell[key].own_set for key in expected] == [False] * 6 + [True] * 2
    assert {one.value for one in by_cell["dmenet", "dpdd"].contradicting} == {"23.33"}
    stated = [one for one in by_cell.values() if one.stated]
    assert all("trained" in one.cell.note for one in stated)


@pytest.mark.parametrize(
    ("gain", "reason"),
    [
        (None, "no dpdd was given: add --dataset dpdd:PATH"),
        (
            replace(WHOLE, gain=None, reason="failed: crashed"),
            "dpdd:copy: failed: crashed",
        ),
        (
            replace(WHOLE, differs="2 of the published set's 76"),
            "2 of the published set's 76",
        ),
        (replace(WHOLE, protocol="input-aligned"), "no dpdd was given"),
        (replace(WHOLE, dataset="dpdd@aligned-v1"), "no dpdd was given"),
        (
            replace(WHOLE, dataset="realbokeh:x", differs="papers print nothing"),
            "no dpdd",
        ),
    ],
)
def test_what_was_not_measured_as_printed_is_no_number(gain, reason):
    gains = [] if gain is None else [gain]
    assert cells(*gains) == [NOT_MEASURED] * 3
    said = in_field(gains, "mine", "dpdd")
    assert isinstance(said, str)
    assert reason in said
    beside = cross_document(OWN, gains)["beside_published"]
    assert {one["gain"] for one in beside} == {None}
    assert reason in next(one["reason"] for one in beside if one["dataset"] == "dpdd")
    assert reason in cross_markdown(OWN, gains)


def test_a_whole_published_test_set_fills_its_cell_alone():
    aligned = replace(
        WHOLE, protocol="input-aligned", gain=None, reason="a|b is <unknown>"
    )
    assert cells(WHOLE, aligned) == [
        "+0.12 (+0.02 to +0.32)",
        NOT_MEASURED,
        NOT_MEASURED,
    ]
    few = replace(WHOLE, low=None, high=None)
    assert (
        cells(few, replace(WHOLE, gain=9.0, differs="a part"))[0]
        == "+0.12, no interval"
    )
    page = cross_markdown(OWN, [WHOLE, aligned])
    assert "a\\|b is &lt;unknown>" in page
    widths = {
        line.count(" | ")
        for line in page.splitlines()
        if line.startswith("| dpdd:copy")
    }
    assert widths == {5}


def test_with_scales_each_network_is_evaluated_twice_with_the_same_weights(
    tmp_path, monkeypatch
):
    weights = StoredWeights(
        "unet", "mine", "official", ("a",), "", "0" * 64, "MIT", ("dpdd",), ""
    )
    asked: list[str] = []

    def find(system, text):
        asked.append(system.plain.card.name)
        return weights

    monkeypatch.setattr(cross, "find_weights", find)
    weighted = weighted_systems(["unet:mine"], scales=True)
    assert [system.card.name for system, _ in weighted] == ["unet", "unet@scales"]
    assert {stored for _, stored in weighted} == {weights}
    assert asked == ["unet", "unet"]
    written(tmp_path, {"test/blurry/a.png": 5, "test/sharp/a.png": 1})
    (study,) = cross_plan(tmp_path / "out", [f"pairs:{tmp_path}"], weighted).studies
    assert [run.system for run in study.runs] == ["input", "unet", "unet@scales"]
    plain = [system.card.name for system, _ in weighted_systems([])]
    scaled = [system.card.name for system, _ in weighted_systems([], scales=True)]
    assert plain == scaled == ["defocus-m", "defocus-s"], (
        "ours are evaluated at scales already"
    )


def written(folder: Path, names: dict[str, int]) -> Path:
    """Pictures of noise, blurred by a box of so many pixels."""
    for name, width in names.items():
        noise = np.random.default_rng(0).uniform(0, 255, (48, 64, 3))
        soft = sum(np.roll(noise, shift, axis=1) for shift in range(width)) / width
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, np.asarray(soft, np.uint8))
    return folder


def test_a_gain_over_fewer_pictures_than_its_row_says_so():
    aligned = replace(WHOLE, protocol="input-aligned", images=61, scenes=61)
    tables, _ = cross_tables(OWN, [WHOLE, aligned])
    gain = "+0.12 (+0.02 to +0.32)"
    (row,) = tables[1].rows
    assert row[2:5] == (gain, f"{gain}, 61 pictures", "76 pictures, 76 scenes")


def test_a_resized_copy_is_not_compared(tmp_path):
    first = written(tmp_path / "small", {"test_c/source/1P0A1000.png": 3})
    for number in range(76):
        for part, odd in (("source", 0), ("target", 1)):
            target = first / f"test_c/{part}/1P0A{1000 + 10 * number + odd}.png"
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                shutil.copy(first / "test_c/source/1P0A1000.png", target)
    from defocus.datasets.api import open_dataset
    from defocus.extras.studies.cross import _differs

    assert "not 1680x1120 px" in _differs(open_dataset(f"dpdd:{first}"))


def test_a_plan_without_a_dataset_is_not_finished(run):
    words = (
        "studies",
        "cross",
        "--dataset",
        "manifest:none",
        "--out",
        "s",
        "--dry-run",
    )
    result = run("defocus-bench", *words)
    assert result.stdout.startswith("0 runs\n")
    assert "left out: " in result.stderr
    assert "finished" not in result.stdout + result.stderr


def test_one_dataset_and_one_picture_fail_and_the_others_go_on(tmp_path, run):
    sets = {
        "lfdof": {
            **{f"test_data/input/S{n}/S{n}_ap1_1.png": 5 for n in range(2)},
            **{f"test_data/ground_truth/S{n}.png": 1 for n in range(2)},
        },
        "realdof": {"source/01.png": 5, "target/01.png": 1},
    }
    for name, files in sets.items():
        written(tmp_path / name, files)
    (tmp_path / "lfdof/test_data/input/S1/S1_ap1_1.png").write_bytes(b"no picture")
    datasets = [
        word for name in sets for word in ("--dataset", f"{name}:{tmp_path / name}")
    ]
    wrong = ["--dataset", f"rtf:{tmp_path / 'nowhere'}"]
    asked = [
        "studies",
        "cross",
        "defocus-s",
        *datasets,
        *wrong,
        "--skip-missing",
        "--json",
    ]
    result = run("defocus-bench", *asked)
    assert result.returncode == 2, result.stderr
    assert "nowhere: no such dataset folder" in result.stderr
    assert "S1_ap1_1 is left out" in result.stderr
    document = json.loads(result.stdout)
    assert [one["id"] for one in document.pop("left_out")] == ["S1_ap1_1"]
    gains = {(one["dataset"], one["protocol"]): one for one in document["measured"]}
    assert len(gains) == 6
    assert gains["realdof:realdof", "gt"]["gain"] is not None
    assert (
        gains["realdof:realdof", "gt"]["differs"]
        == "1 of the published set's 50 test pictures"
    )
    assert gains["lfdof:lfdof", "gt"]["images"] == 1
    assert "no such dataset folder" in gains[wrong[1], "gt"]["reason"]
    assert {one["gain"] for one in document["beside_published"]} == {None}
    assert json.loads((tmp_path / "defocus-cross/cross.json").read_text()) == document
    with open_results(tmp_path / "defocus-cross/results.sqlite") as results:
        for entry in [one for one in results.entries() if one.system == "defocus-s"]:
            results.record(
                replace(entry, run=f"{entry.run}-of-others", grouping="others"), [], []
            )
    # other weights of the system were run there meanwhile
    again = run("defocus-bench", *asked)
    repeated = json.loads(again.stdout)
    assert {key: repeated[key] for key in document} == document
    assert "all 4 runs are finished: nothing is repeated" in again.stderr


def test_other_weights_are_a_row_beside_ours(tmp_path, run):
    folder = written(tmp_path / "realdof", {"source/01.png": 5, "target/01.png": 1})
    theirs = shutil.copy(
        own_weights(baseline("defocus-s")), tmp_path / "theirs.safetensors"
    )
    added = run(
        "defocus-bench",
        "weights",
        "add",
        "defocus-s",
        theirs,
        "--trained-on",
        "cldefocus",
    )
    assert added.returncode == 0, added.stderr
    words = (
        "studies",
        "cross",
        "defocus-s",
        "defocus-s:theirs",
        "--dataset",
        f"realdof:{folder}",
    )
    document = json.loads(run("defocus-bench", *words, "--json").stdout)
    rows = {
        one["system"]: one for one in document["measured"] if one["protocol"] == "gt"
    }
    assert list(rows) == ["defocus-s", "defocus-s:theirs"]
    assert rows["defocus-s"]["gain"] == rows["defocus-s:theirs"]["gain"] is not None
    assert rows["defocus-s:theirs"]["trained_on"] == ["cldefocus"]
    page = (tmp_path / "defocus-cross/cross.md").read_text()
    assert "| defocus-s:theirs | cldefocus |" in page


def test_without_datasets_there_are_reasons_and_no_study(tmp_path):
    gains, outcome, studies = cross_gains(tmp_path, [], [])
    assert (gains, list(outcome.rows), list(studies)) == ([], [], [])
    assert cells() == [NOT_MEASURED] * 3
