"""A search in which two models take turns comes to an end."""

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from defocus.align.registration.models import MODELS, corner_distance_px
from defocus.align.registration.register import register
from defocus.align.registration.tile_fit import NoFit, TileFit, fit_tiles
from defocus.scene.pictures import texture


def test_two_models_that_take_turns_end_with_the_simpler_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each round prefers the other one, 0.6 px away; a search without an end has that as error."""
    order, rounds, plain = list(MODELS), count(), fit_tiles

    def in_turns(*given: Any, held: str, **named: Any) -> TileFit | NoFit:
        wanted = "affine" if next(rounds) % 2 else "similarity"
        model = min(wanted, held, key=order.index)
        found = plain(*given[:6], **{**named, "at_most": "similarity"})
        assert isinstance(found, TileFit)
        matrix = found.fit.matrix.copy()
        matrix[0, 2] += 0.6 * (model == "affine")
        return replace(found, fit=replace(found.fit, model=model, matrix=matrix))

    monkeypatch.setattr("defocus.align.registration.register.fit_tiles", in_turns)
    wide = texture("gravel", 323, 242).mean(axis=2).astype(np.float32)
    found = register(wide[2:, 3:], wide[:-2, :-3])
    assert found.matrix is not None
    assert found.model == "similarity"
    moved = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1.0]])
    assert corner_distance_px(found.matrix, moved, (240, 320)) < 0.1
    assert found.corner_error_px is not None
    assert 0.3 <= found.corner_error_px < 0.5  # half of what lies between the two
