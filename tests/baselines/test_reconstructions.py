"""Networks rebuilt from abstracts: what their cards must say."""

import pytest

from defocus.baselines.card import Baseline
from defocus.baselines.registry import all_baselines, baseline, readme

REBUILT = ("tvl2-2016", "unet-cobi")

# fmt: off
NAMED = {
    "input", "jnb", "ebdb", "dmenet", "dpdnet-single", "dpdnet-dual", "aifnet", "mdp", "kpac",
    "ifan", "gkmnet", "drbnet", "nrknet", "contextual-deblur", "unet", "dmphn", "mprnet",
    "jdrl-unet", "jdrl-mprnet", "jdrl-ifan", "uformer-b",
    "pptformer", "p2ikt", "rjdrl-unet",
    "tvl2-2016", "wiener", "richardson-lucy", "krishnan-fergus", "restormer", "nafnet",
    "lakdnet", "dncnn", "ffdnet", "unet-cobi", "oracle-map",
}
# fmt: on
"""What the field's tables name, and the rivals and bounds that they are compared with."""


def test_every_system_that_the_tables_name_is_there():
    assert set(all_baselines()) >= NAMED


@pytest.mark.parametrize("name", REBUILT)
def test_a_rebuilt_system_says_so(name):
    says_so(baseline(name))


def says_so(system: Baseline) -> None:
    """The card and the README of a system that is rebuilt from an abstract."""
    assert system.card.status == "reconstruction"
    assert system.card.display_name.endswith("-rebuilt")
    for word in ("known", "chosen"):
        assert word in system.card.follows
        assert word in readme(system).lower()
