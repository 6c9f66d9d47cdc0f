"""Our systems against stored outputs of the official ones; every fixture of the folder is run.

Those of the extras' systems lie beside the extras' tests."""

import json
from pathlib import Path

import pytest

from tests.conformance.check import TESTS, all_probes, find_fixtures, run_fixture

FIXTURES = {
    folder.name: folder
    for folder in find_fixtures(Path(__file__).with_name("fixtures"))
}

SLOWEST = {
    *(
        "aifnet",
        "bokehlicious_l",
        "contextualdeblur",
        "convir_1",
        "convir_b",
        "convir_l",
    ),
    *(
        "convir_s",
        "deconv_ops",
        "demoe",
        "demoe_auto",
        "dmenet",
        "dmphn_stack4",
        "dpdnet_dual",
    ),
    *(
        "dpdnet_single",
        "focalnet",
        "fsnet",
        "fsnet_local80",
        "ifan_rbn",
        "irnext",
        "jdrl_unet",
    ),
    *("lakdnet_l", "lakdnet_l_dual", "lakdnet_s", "lakdnet_s_dual"),
    *("maniqa", "mdp", "mprnet"),
    *(
        "nafnet_local",
        "nafnet_w64",
        "oknet",
        "pptformer",
        "restormer_dual",
        "restormer_single",
    ),
    *(
        "rjdrl_restormer",
        "rjdrl_unet",
        "sfnet",
        "sfnet_local80",
        "uformer_b",
        "uformer_b_ps128",
    ),
}
"""Fixtures of networks that take half a second and more."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.full if name in SLOWEST else ())
        for name in FIXTURES
    ],
)
def test_fixture(name):
    assert run_fixture(FIXTURES[name]) == ""


def test_the_slowest_fixtures_are_there():
    assert set(FIXTURES) >= SLOWEST


def test_every_way_of_running_a_system_has_a_fixture():
    """Configurations without one (stacks of other depths) run as one that has."""
    probes = all_probes()
    extras = (find_fixtures(root) for root in TESTS.glob("extras/*/fixtures"))
    folders = [*FIXTURES.values(), *(folder for places in extras for folder in places)]
    with_fixture = {
        json.loads((one / "meta.json").read_text())["system"] for one in folders
    }
    proven = {probe.run for name, probe in probes.items() if name in with_fixture}
    assert {name for name, probe in probes.items() if probe.run not in proven} == set()
