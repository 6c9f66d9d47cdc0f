"""The command that measures every case."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from defocus.errors import InputError
from tests import speed
from tests.speed.__main__ import all_cases, command, slower_than
from tests.speed.case import Case, CaseOutcome
from tests.speed.cases import chart, deconvolution, verdict
from tests.speed.cases.metrics import difference

HISTORY = Path(speed.__path__[0]) / "history"


def test_the_promised_cases_have_their_targets() -> None:
    targets = {name: case.target for name, case in all_cases().items()}
    promised = {
        "metrics": 12,
        "reblur-torch": 20,
        "reblur-compiled": 100,
        "pwcnet": 1.2,
        "wiener": 3,
        "richardson-lucy": 3,
        "patches-packed": 50,
        "patches-raw": 150,
        "inference": 1.4,
        "stream": 5,
        "onnx": 0.8,
        "restore": 1.2,
        "verdict": 3,
        "chart": 1.3,
    }
    assert {name: targets[name] for name in promised} == promised


@pytest.mark.parametrize("method", ["wiener", "richardson-lucy"])
def test_both_deconvolutions_have_the_peers_results(method: str) -> None:
    assert deconvolution.difference(method, (96, 120)) < 1e-4


def test_a_row_has_the_promised_keys() -> None:
    case = Case("x", 2, 0.1, lambda: CaseOutcome(0.5, 2.0, 0.01))
    assert case.to_json(case.measure()) == {
        "name": "x",
        "ours": 0.5,
        "peer": 2.0,
        "ratio": 4.0,
        "target": 2,
        "max_difference": 0.01,
        "tolerance": 0.1,
    }


@pytest.mark.parametrize(("peer", "code"), [(0.99, 1), (1.0, 0)])
def test_a_case_below_its_target_and_one_that_the_file_lacks_are_told(
    peer: float,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    case = Case("x", 2, 0.1, lambda: CaseOutcome(0.5, peer, 0.01))
    monkeypatch.setattr("tests.speed.__main__.all_cases", lambda: {"x": case})
    before = tmp_path / "before.json"
    before.write_text("[]")
    assert command.main(["--against", str(before)], standalone_mode=False) == code
    said = capfd.readouterr().err
    assert "has no x; not compared" in said
    assert ("x: 1.98 times as fast as its peer, the target is 2" in said) == bool(code)


def test_what_a_ratio_is_against_is_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "the peer does other work" in all_cases()["stream"].note
    case = Case("x", 1, 0.1, lambda: CaseOutcome(0.5, 2.0, 0.01), "the peer does other work")
    monkeypatch.setattr("tests.speed.__main__.all_cases", lambda: {"x": case})
    assert command.main(["x"], standalone_mode=False) == 0
    assert capfd.readouterr().out.endswith("\nx: the peer does other work\n")


def test_an_unknown_case_is_refused() -> None:
    with pytest.raises(InputError, match="no case nope; there are"):
        command.main(["nope"], standalone_mode=False)


def test_the_light_of_a_table_is_that_of_the_formula() -> None:
    assert verdict.difference() == 0.0


@pytest.mark.full
def test_a_chart_read_by_fields_has_the_numbers_of_the_whole_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found in a picture that is reduced by two, as those of more than 3000 px are."""
    monkeypatch.setattr("defocus.charts.reading.read.ENOUGH_PX", 1000)
    assert chart.difference((1100, 770)) < 0.01


def test_the_fused_metrics_equal_the_peer() -> None:
    assert difference((560, 840)) < 1e-9


@pytest.mark.parametrize("kept", sorted(HISTORY.glob("*.json")), ids=lambda kept: kept.stem)
def test_the_speed_kept_of_a_release_can_be_compared_with(kept: Path) -> None:
    rows = json.loads(kept.read_text(encoding="utf-8"))
    cases = all_cases()
    assert {row["name"] for row in rows} <= set(cases)
    for row in rows:
        outcome = CaseOutcome(row["ours"], row["peer"], row["max_difference"])
        assert replace(cases[row["name"]], target=row["target"]).to_json(outcome) == row
        assert row["max_difference"] <= row["tolerance"]
    assert slower_than(kept, rows) == []
    halved = [row | {"ratio": row["ratio"] / 2} for row in rows]
    assert len(slower_than(kept, halved)) == len(rows)


def test_this_release_has_a_history() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert (HISTORY / f"{project['project']['version']}.json").is_file()


def test_a_case_that_lost_a_third_is_told(tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    rows = [{"name": "wiener", "ratio": 4.0}, {"name": "gone", "ratio": 9.0}]
    before.write_text(json.dumps(rows))
    assert (
        slower_than(before, [{"name": "wiener", "ratio": 3.2}, {"name": "new", "ratio": 1}]) == []
    )
    (line,) = slower_than(before, [{"name": "wiener", "ratio": 3.0}])
    assert line == "wiener: 4.00 times as fast as its peer before, 3.00 now"
    before.write_text("{}")
    assert slower_than(before, rows) == []
    before.write_text("[1]")
    with pytest.raises(InputError, match="no list of"):
        slower_than(before, rows)
