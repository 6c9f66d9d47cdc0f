"""Our systems against stored outputs of the official ones; every fixture of the folder is run."""

from pathlib import Path

import pytest

from defocus.benchmark.conformance.check import all_probes, find_fixtures, run_fixture

FIXTURES = {
    folder.name: folder for folder in find_fixtures(Path(__file__).parents[1] / "conformance")
}

TWINS = {
    "dmphn_stack4": "dmphn_1_2_4",
    "dpdnet_dual": "dpdnet_single",
    "fsnet_local80": "fsnet",
    "irnext": "irnext_4",
    "lakdnet_l": "lakdnet_s",
    "lakdnet_l_dual": "lakdnet_s",
    "lakdnet_s_dual": "lakdnet_s",
    "nafnet_w64": "nafnet_w32",
    "oknet": "oknet_4",
    "restormer_dual": "restormer_single",
    "rjdrl_restormer": "rjdrl_unet",
    "sfnet_local80": "sfnet",
    "uformer_b_ps128": "uformer_b",
}
"""The slowest fixtures, and the same network in the small that always runs."""


@pytest.mark.matrix
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in TWINS else ()) for name in FIXTURES],
)
def test_fixture(name: str) -> None:
    result = run_fixture(FIXTURES[name])
    if result.absent:
        pytest.fail(f"no system has a probe for it: {result.reason}")
    assert result.ok, result.reason


def test_the_slow_fixtures_have_twins() -> None:
    assert {*TWINS, *TWINS.values()} <= set(FIXTURES)
    assert not set(TWINS) & set(TWINS.values())


def test_every_way_of_running_a_system_has_a_fixture() -> None:
    """Configurations without one (stacks of other depths) run as one that has."""
    probes = all_probes()
    with_fixture = {run_fixture_system(folder) for folder in FIXTURES.values()}
    proven = {probe.run for name, probe in probes.items() if name in with_fixture}
    assert {name for name, probe in probes.items() if probe.run not in proven} == set()


def run_fixture_system(folder: Path) -> str:
    import json

    return str(json.loads((folder / "meta.json").read_text(encoding="utf-8"))["system"])
