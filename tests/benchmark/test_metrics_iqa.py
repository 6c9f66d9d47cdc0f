"""MUSIQ and CKDN through a package that is not installed here: what is asked of it, and its lack.

A stand-in takes the package's place, since its licence and its 121 packages keep it out of tests.
"""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from defocus.benchmark.metrics import pyiqa as iqa
from defocus.benchmark.metrics.metric import (
    MetricUnavailableError,
    all_metrics,
    profile_metrics,
)
from defocus.benchmark.scoring.score import score_against_input

MUSIQ, CKDN = (all_metrics()[name] for name in ("musiq", "ckdn"))
EVERYWHERE = np.ones((8, 8), dtype=bool)


@pytest.fixture
def package(monkeypatch):
    """A package that answers with the mean of its first picture less that of its second."""
    calls: list[tuple[Any, ...]] = []

    def create_metric(name: str, device: str) -> Any:
        if name == "broken":
            raise OSError("no\nnetwork")

        def model(*pictures: torch.Tensor) -> torch.Tensor:
            calls.append((name, device, *pictures))
            print("loaded")  # noqa: T201 - the package does
            return pictures[0].mean() - (pictures[1].mean() if len(pictures) > 1 else 0)

        return model

    stand_in = ModuleType("pyiqa")
    stand_in.create_metric = create_metric  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyiqa", stand_in)
    monkeypatch.setattr(iqa, "is_installed", lambda: True)
    iqa._model.cache_clear()
    return calls


def test_absent_it_is_named_with_its_licence_and_never_asked_for_by_itself():
    assert not {"musiq", "ckdn"} & set(profile_metrics("defocus-v1"))
    if iqa.is_installed():
        pytest.skip("the package is installed")
    with pytest.raises(MetricUnavailableError, match="non-commercial"):
        MUSIQ.score(np.zeros((8, 8, 3)), np.zeros((8, 8, 3)), EVERYWHERE)


def test_each_gets_the_pictures_that_it_wants(package, capfd):
    restored, other = np.full((8, 8, 3), 0.75), np.full((8, 8, 3), 0.25)
    assert MUSIQ.score(restored, other, EVERYWHERE) == 0.75
    scores = score_against_input(
        restored, other, metrics={"ckdn": CKDN, "musiq": MUSIQ}
    )
    assert {name: score.value for name, score in scores.items()} == {
        "ckdn": 0.5,
        "musiq": 0.75,
    }
    assert [(call[0], len(call) - 2) for call in package] == [
        ("musiq", 1),
        ("ckdn", 2),
        ("musiq", 1),
    ]
    assert all(tensor.shape == (1, 3, 8, 8) for call in package for tensor in call[2:])
    assert capfd.readouterr().out == ""


def test_weights_that_are_not_to_be_had_are_a_reason(package, refused):
    with refused(MetricUnavailableError):
        iqa._score("broken", np.zeros((8, 8, 3)))
