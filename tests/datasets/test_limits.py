"""What is known of the camera, told to audit and compensate."""

import json

import pytest

from tests.align.test_bad_pairs import bricks, cut
from tests.datasets.conftest import put

KNOWN = ("--largest-shift", "12")


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    """One pair, a wall of equal bricks that moved by 10 px."""
    root = tmp_path_factory.mktemp("wall")
    for role, picture in zip(("blurry", "sharp"), cut(bricks(0.0), 10), strict=True):
        put(root / role / "one.png", picture)
    return root


def test_all_steps_know_the_largest_shift(wall, run, tmp_path):
    name = f"pairs:{wall}"

    def audit(*words: object):
        result = run(
            "defocus-data", "audit", name, "--out", tmp_path / "audit", "--json", *words
        )
        assert result.returncode == 0, result.stderr
        document = json.loads(result.stdout)
        return {**document, **document["pairs"][0]}

    alone, bound = audit(), audit(*KNOWN)
    assert (alone["status"], alone["largest_shift_px"]) == ("unknown", None)
    assert "--largest-shift" in str(alone["reason"])
    assert (bound["status"], bound["largest_shift_px"]) == ("ok", 12.0)
    assert bound["shift_x_px"] == pytest.approx(10, abs=0.2)
    words = "rests on your --largest-shift 12 px: other shifts that fit were left out"
    assert (alone["rests_on_largest_shift_px"], bound["rests_on_largest_shift_px"]) == (
        None,
        12.0,
    )
    assert (alone["warnings"], len(bound["warnings"])) == ([], 1)
    assert bound["warnings"][0]["text"] == words
    result = run("defocus-data", "audit", name, "--out", tmp_path / "audit", *KNOWN)
    assert words in result.stderr
    assert words in (tmp_path / "audit" / "audit.html").read_text()
    outcome = run(
        "defocus-data", "compensate", name, "--out", tmp_path / "new", "--json", *KNOWN
    )
    assert outcome.returncode == 0, outcome.stderr
    result_facts = json.loads(outcome.stdout)
    assert len(result_facts["pairs"]) == 1
    assert result_facts["rest_on_largest_shift"] == result_facts["pairs"]
    assert words in outcome.stderr
    record = tmp_path / "new" / "pairs" / result_facts["pairs"][0] / "misalignment.json"
    assert json.loads(record.read_text())["rests_on_largest_shift_px"] == 12.0


def test_a_translation_at_most_pools_nothing(wall, data, tmp_path):
    out = ("--out", tmp_path / "audit", "--json")
    words = (*KNOWN, "--at-most", "translation")
    result = data("audit", f"pairs:{wall}", *out, *words)
    document = json.loads(result.stdout)
    assert document["at_most"] == "translation"
    assert document["pairs"][0]["zoom"] == pytest.approx(1.0, abs=1e-12)
    assert document["pairs"][0]["session_pairs"] is None
