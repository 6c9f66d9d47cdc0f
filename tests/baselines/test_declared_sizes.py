"""Declared sizes; test_contract compares those of every network with the network itself."""

from dataclasses import replace

import pytest

from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.sizes import size
from defocus.baselines.sizes.declared_sizes import parameters


def test_systems_of_one_network_declare_one_size() -> None:
    """So that the check of one system of each network is a check of all."""
    found: dict[str, set[int]] = {}
    for system in all_baselines().values():
        found.setdefault(repr(system.build), set()).add(parameters(system))
    assert all(len(counts) == 1 for counts in found.values())


def test_what_others_or_options_changed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "parameter_count", lambda system: 7)
    own = baseline("unet")
    assert parameters(own) == 31_033_411
    assert parameters(replace(own, source_hash="a file of somebody")) == 7
    assert parameters(replace(own, is_narrow=True)) == 7
    assert parameters(replace(own, card=replace(own.card, name="another"))) == 7
